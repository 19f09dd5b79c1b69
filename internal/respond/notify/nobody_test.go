package notify_test

import (
	"context"
	"strings"
	"testing"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/respond/alert"
	"github.com/vigie-ops/vigie/internal/respond/notify"
)

func TestARouteThatReachesNobodyIsAnAlertUntilItDoes(t *testing.T) {
	eachRiver(t, func(r *river) {
		t := r.t
		apply := func(routes string) []alert.Alert {
			t.Helper()
			g, problems := load(t, `
channels:
  - {slug: mail, kind: smtp, host: 127.0.0.1, from: vigie@example.com, tls: none}
  - {slug: hook, kind: webhook, url: https://hooks.example.com/vigie}
notification_policy:
  routes: [`+routes+`]
`)
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			if err := r.db.Write(r.ctx, func(ctx context.Context, tx *db.Tx) error { return r.courier.ApplyOps(ctx, tx, g) }); err != nil {
				t.Fatal(err)
			}
			for range 2 { // saying it twice changes nothing
				if err := r.courier.Watch(r.ctx); err != nil {
					t.Fatal(err)
				}
			}
			p, err := r.board.List(r.ctx, alert.Filter{Name: notify.RouteReachesNobody, State: "open"})
			if err != nil {
				t.Fatal(err)
			}
			return p.Items
		}
		const works = `{match: ['severity="critical"'], to: [{team: ops, channel: mail}, {channel: hook}]}`
		if open := apply(works); len(open) != 0 {
			t.Errorf("routes that reach people: %+v", open)
		}
		open := apply(works + `, {to: [{channel: mail}]}`)
		if len(open) != 1 || open[0].Severity != "warning" || open[0].Subject.Kind != "hub" {
			t.Fatalf("mail to nobody: %+v", open)
		}
		if s := open[0].Summary(); !strings.Contains(s, "Route 2") || !strings.Contains(s, "mail") {
			t.Errorf("%q does not name the route and the channel", s)
		}
		r.restart() // another hub knows of it from the board alone
		if open := apply(works + `, {to: [{person: tom, channel: mail}]}`); len(open) != 0 {
			t.Errorf("after the generation that names tom: %+v", open)
		}
	})
}
