package probe

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/signal"
)

func TestReachable(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, w *world) {
		second := portOf("app-1")
		second.Slug, second.Target.ID = "app-1:443", "app-1:443"
		s := open(t, d, w, nil, portOf("app-1"), second)
		if got, _ := s.Reachable("app-1"); got != Unseen {
			t.Errorf("before the first look: %s", got)
		}
		now := time.Now()
		w.set("app-1:22", "connection refused on 192.0.2.1:22")
		look(t, s, now.Add(-2*time.Second))
		if got, _ := s.Reachable("app-1"); got != Reachable {
			t.Errorf("one port of two answers: %s", got)
		}
		w.set("app-1:443", "no answer from 192.0.2.1:443 within 5 s")
		look(t, s, now.Add(-time.Second))
		if got, _ := s.Reachable("app-1"); got != Unseen {
			t.Errorf("no port answers, seen once of one: %s", got)
		}
		look(t, s, now)
		if got, since := s.Reachable("app-1"); got != Unreachable || !since.Equal(now.Add(-time.Second)) {
			t.Errorf("no port answers: %s since %s", got, since)
		}
	})
}

func TestUptimeKnowsWhenNobodyLooked(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, w *world) {
		_ = open(t, d, w, nil, pagePlan())
		now := time.Now().UTC()
		err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			for _, q := range []struct {
				text string
				args []any
			}{
				{`UPDATE probe_watch SET started_at = ?`, []any{now.Add(-48 * time.Hour)}},
				{`UPDATE probe_alive SET at = ?`, []any{now.Add(-2 * time.Hour)}},
			} {
				if _, err := tx.NewRaw(q.text, q.args...).Exec(ctx); err != nil {
					return err
				}
			}
			return insertOutage(ctx, tx, Outage{ID: newID(), Probe: "borealis-page", Subject: pagePlan().Subject, Component: "web",
				StartedAt: now.Add(-10 * time.Hour), ConfirmedAt: now.Add(-10 * time.Hour), Cause: "x"})
		})
		if err != nil {
			t.Fatal(err)
		}
		err = d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			return endOutages(ctx, tx, "borealis-page", now.Add(-9*time.Hour))
		})
		if err != nil {
			t.Fatal(err)
		}
		s := open(t, d, w, nil, pagePlan()) // after two hours without a hub
		web, err := s.UptimeOfComponent(t.Context(), "borealis", "web", 90)
		if err != nil || len(web.Days) != 90 {
			t.Fatalf("%d days, %v", len(web.Days), err)
		}
		if got := now.Sub(web.Since).Round(time.Minute); got != 48*time.Hour {
			t.Errorf("known for %s, want 48h", got)
		}
		var known, down time.Duration
		for _, day := range web.Days {
			known += day.Length - day.Unknown
			down += day.Down
		}
		if known.Round(time.Minute) != 46*time.Hour || down.Round(time.Minute) != time.Hour {
			t.Errorf("known %s, down %s; want 46h and 1h", known, down)
		}
		page, other := pagePlan().Subject, signal.Subject{Kind: signal.Server, Slug: "app-9"}
		all, err := s.Uptimes(t.Context(), []signal.Subject{page, other}, 90)
		if err != nil || !reflect.DeepEqual(all[page].Days[:89], web.Days[:89]) {
			t.Errorf("asked together with another it is %+v, %v; want as alone %+v", all[page], err, web)
		}
		if nobody := all[other]; len(nobody.Days) != 90 || nobody.Days[0].Unknown != nobody.Days[0].Length || !nobody.Since.IsZero() {
			t.Errorf("a subject nobody watches: %+v", nobody)
		}
		short, err := s.Uptimes(t.Context(), []signal.Subject{page}, 1)
		if err != nil || !short[page].Since.IsZero() {
			t.Errorf("today is known since %s, %v; want from its beginning", short[page].Since, err)
		}
	})
}
