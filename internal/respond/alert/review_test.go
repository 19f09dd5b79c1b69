package alert_test

import (
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/respond/alert"
	"github.com/vigie-ops/vigie/internal/signal"
)

// silenceAll hides whatever is about a server.
func (h *harness) silenceAll(server string, d time.Duration) {
	h.t.Helper()
	ms, err := alert.ParseMatchers(`server="` + server + `"`)
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := h.CreateSilence(h.ctx, "nadia", alert.Silence{Matchers: ms, Reason: "moving racks", EndsAt: h.clock.Now().Add(d)}); err != nil {
		h.t.Fatal(err)
	}
}

func TestWhatNobodyWasToSeeNeedsNoWord(t *testing.T) {
	for _, c := range []struct {
		name     string
		severity signal.Severity
		live     func(h *harness, s signal.Signal) // from its first report to just before its end
		review   bool
	}{
		{"seen", signal.Warning, func(h *harness, s signal.Signal) { h.report(s) }, true},
		{"over before it was told", signal.Critical, func(h *harness, s signal.Signal) { h.report(s); h.pass(time.Second) }, true},
		{"only worth knowing", signal.Info, func(h *harness, s signal.Signal) { h.report(s); h.pass(time.Minute) }, false},
		{"worse for a while", signal.Critical, func(h *harness, s signal.Signal) {
			h.report(s)
			h.pass(time.Minute)
			h.report(h.firing("DiskFull", "db-03", signal.Info))
			h.pass(10 * time.Second)
		}, true},
		{"silenced for its whole life", signal.Critical, func(h *harness, s signal.Signal) {
			h.silenceAll("db-03", time.Hour)
			h.report(s)
			h.pass(time.Minute)
		}, false},
		{"silenced when it had been seen", signal.Critical, func(h *harness, s signal.Signal) {
			h.report(s)
			h.pass(5 * time.Second)
			h.silenceAll("db-03", time.Hour)
			h.pass(time.Minute)
		}, true},
		{"the silence ended before it did", signal.Critical, func(h *harness, s signal.Signal) {
			h.silenceAll("db-03", time.Minute)
			h.report(s)
			h.pass(2 * time.Minute)
			h.pass(time.Second)
		}, true},
		{"hidden by the silent server, and over with it", signal.Critical, func(h *harness, s signal.Signal) {
			down := h.firing(alert.ServerUnresponsive, "db-03", signal.Critical)
			h.report(down)
			h.report(s)
			h.pass(time.Minute)
			h.report(resolved(down))
			h.pass(30 * time.Second)
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			each(t, func(h *harness) {
				h.t = t
				s := h.firing("DiskFull", "db-03", c.severity)
				c.live(h, s)
				h.restart()
				h.report(resolved(s), resolved(h.firing("DiskFull", "db-03", signal.Info)))
				p, err := h.List(h.ctx, alert.Filter{Server: "db-03", Name: "DiskFull"})
				if err != nil || len(p.Items) != 1 {
					t.Fatalf("%d alerts, %v", len(p.Items), err)
				}
				if a := p.Items[0]; a.State != alert.Resolved || a.ToReview != c.review {
					t.Errorf("state %s, to review %v; want resolved, %v", a.State, a.ToReview, c.review)
				}
			})
		})
	}
}
