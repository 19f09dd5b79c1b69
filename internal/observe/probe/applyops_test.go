package probe_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/db/dbtest"
	"github.com/vigie-ops/vigie/internal/observe/probe"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/signal"
)

var _ opsrepo.Applier = (*probe.Service)(nil)

func TestAGenerationIsWatchedOnceItIsCommitted(t *testing.T) {
	g, problems := load(t, "probes:\n  - {slug: borealis-page, kind: http, instance: borealis, component: web, url: \"https://borealis.example\"}\n")
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	dbtest.Each(t, []db.Schema{probe.Schema()}, func(t *testing.T, d *db.DB) {
		s := probe.New(probe.Options{DB: d, Log: slog.New(slog.DiscardHandler), Agents: func() []string { return []string{"app-1", "app-2"} }})
		apply := func(fail error) error {
			return d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				if err := s.ApplyOps(ctx, tx, g); err != nil {
					return err
				}
				return fail
			})
		}
		if err := apply(context.Canceled); err == nil || len(s.Status(signal.Subject{})) != 0 {
			t.Errorf("a generation that was not committed is watched (%v)", err)
		}
		if err := apply(nil); err != nil {
			t.Fatal(err)
		}
		if got := len(s.Status(signal.Subject{})); got != 5 {
			t.Errorf("%d probes, want the page, three ports of app-1 and one of app-2", got)
		}
		if got := s.Status(signal.Subject{Kind: signal.Instance, Slug: "borealis"}); len(got) != 1 || got[0].Component != "web" || got[0].State != probe.Unknown {
			t.Errorf("status of borealis %+v", got)
		}
		// Each agent is the second place of what it is no part of.
		if one, two := s.Targets("app-1"), s.Targets("app-2"); len(one.Targets) != 1 || len(two.Targets) != 4 || one.Commit == two.Commit {
			t.Errorf("app-1 gets %+v, app-2 %+v", one, two)
		}
	})
}
