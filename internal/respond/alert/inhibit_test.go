package alert_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/respond/alert"
	"github.com/vigie-ops/vigie/internal/signal"
)

// hosted gives the harness a board that knows where instances run.
func (h *harness) hosted(servers map[string][]string) {
	h.Board = alert.New(alert.Options{DB: h.db, Log: slog.New(slog.DiscardHandler), Next: h.stage, Now: h.clock.Now,
		Policy: alert.DefaultPolicy(), ServersOf: func(instance string) []string { return servers[instance] }})
}

// page is an alert of an instance, which names no server.
func (h *harness) page(instance string) signal.Signal {
	s := h.firing("StatusPageNotOK", "", signal.Critical)
	s.Subject = signal.Subject{Kind: signal.Instance, Slug: instance}
	s.Labels = map[string]string{signal.LabelName: "StatusPageNotOK", signal.LabelSeverity: string(signal.Critical), signal.LabelAppInstance: instance}
	return s
}

func TestASilentServerHidesItsInstances(t *testing.T) {
	each(t, func(h *harness) {
		servers := map[string][]string{}
		signals := []signal.Signal{h.firing(alert.ServerUnresponsive, "app-07", signal.Critical)}
		for i := range 30 {
			instance := fmt.Sprintf("client-%02d", i)
			servers[instance] = []string{"app-07"}
			signals = append(signals, h.page(instance))
		}
		h.hosted(servers)
		h.report(signals...)
		h.pass(10 * time.Second)
		h.wantTold("firing new=1 changed=0 again=0 resolved=0 firing=1 tell=true")
		if c, err := h.Counts(h.ctx); err != nil || c.Inhibited != 30 || c.Firing != 1 {
			h.t.Errorf("counts %+v, %v", c, err)
		}
		h.report(resolved(signals[0]))
		h.pass(10 * time.Second)
		h.told()
		h.pass(time.Minute)
		if got := h.told(); len(got) != 30 {
			h.t.Errorf("the server speaks, its pages fail: told %d, want 30", len(got))
		}
	})
}

func TestAnInstanceIsHiddenWhileAllItsServersAreSilent(t *testing.T) {
	for _, c := range []struct {
		name    string
		servers []string
		silent  []string
		hidden  bool
	}{
		{"one of one", []string{"a"}, []string{"a"}, true},
		{"one of two", []string{"a", "b"}, []string{"a"}, false},
		{"two of two", []string{"a", "b"}, []string{"a", "b"}, true},
		{"another one", []string{"a"}, []string{"b"}, false},
		{"on none", nil, []string{"a"}, false},
		{"none silent", []string{"a"}, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			each(t, func(h *harness) {
				h.hosted(map[string][]string{"borealis": c.servers})
				h.report(h.page("borealis"))
				for _, s := range c.silent {
					h.report(h.firing(alert.ServerUnresponsive, s, signal.Critical))
				}
				if counts, err := h.Counts(h.ctx); err != nil || counts.Inhibited > 0 != c.hidden {
					h.t.Errorf("counts %+v, %v; hidden should be %v", counts, err, c.hidden)
				}
			})
		})
	}
}

func TestNobodyKnowsWhereInstancesRun(t *testing.T) {
	each(t, func(h *harness) {
		h.report(h.page("borealis"), h.firing(alert.ServerUnresponsive, "app-07", signal.Critical))
		h.pass(10 * time.Second)
		if got := h.told(); len(got) != 2 {
			h.t.Errorf("told %q, want both", got)
		}
	})
}
