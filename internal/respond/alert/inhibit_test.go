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

// quiet is what the board knows of servers that do not speak.
type quiet struct {
	silent   map[string]bool // and whether that was decided
	together []string
}

func (h *harness) listening(q *quiet, servers map[string][]string) {
	h.Board = alert.New(alert.Options{
		DB: h.db, Log: slog.New(slog.DiscardHandler), Next: h.stage, Now: h.clock.Now, Policy: alert.DefaultPolicy(),
		ServersOf: func(instance string) []string { return servers[instance] }, Together: func() []string { return q.together },
		Silent: func(server string) (silent, decided bool) { decided, silent = q.silent[server]; return silent, decided },
	})
}

const toldOne = "firing new=1 changed=0 again=0 resolved=0 firing=1 tell=true"

func TestWhatADyingServerBreaksWaitsForItsAlert(t *testing.T) {
	each(t, func(h *harness) {
		q := &quiet{silent: map[string]bool{"app-07": false}}
		h.listening(q, map[string][]string{"borealis": {"app-07"}})
		h.report(h.firing("PortNotListening", "app-07", signal.Warning), h.page("borealis"))
		for range 10 {
			h.pass(10 * time.Second)
		}
		h.wantTold()
		h.report(h.firing(alert.ServerUnresponsive, "app-07", signal.Critical))
		q.silent["app-07"] = true
		h.pass(10 * time.Second)
		h.wantTold(toldOne)
		h.pass(10 * time.Minute)
		h.wantTold()
	})
}

func TestWhatIsWrongIsToldOnceTheServerSpeaksOrIsNotSilent(t *testing.T) {
	for _, c := range []struct {
		name  string
		after map[string]bool
	}{
		{"it speaks again", map[string]bool{}},
		{"only its agent was silent", map[string]bool{"app-07": true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			each(t, func(h *harness) {
				q := &quiet{silent: map[string]bool{"app-07": false}}
				h.listening(q, nil)
				h.report(h.firing("PortNotListening", "app-07", signal.Warning))
				h.pass(time.Minute)
				h.wantTold()
				q.silent = c.after
				h.pass(5 * time.Second)
				h.wantTold(toldOne)
			})
		})
	}
}

func TestAPageIsToldAtOnceWhileOneOfItsServersSpeaks(t *testing.T) {
	each(t, func(h *harness) {
		q := &quiet{silent: map[string]bool{"app-07": false, "db-01": true}}
		h.listening(q, map[string][]string{"borealis": {"app-01"}, "boson": {"app-01", "app-07"}, "dead": {"db-01", "app-07"}})
		h.report(h.page("borealis"), h.page("boson"), h.page("dead"))
		h.pass(10 * time.Second)
		h.wantTold(toldOne, toldOne)
	})
}

func TestManySilentServersHideWhatIsWrongWithThem(t *testing.T) {
	each(t, func(h *harness) {
		q := &quiet{together: []string{"app-07", "fw-01"}}
		h.listening(q, map[string][]string{"borealis": {"app-07", "fw-01"}, "boson": {"app-07", "app-01"}})
		many := h.firing(alert.ManyServersSilent, "", signal.Critical)
		many.Subject, many.Labels = signal.Subject{Kind: signal.Hub}, map[string]string{signal.LabelName: alert.ManyServersSilent, signal.LabelSeverity: string(signal.Critical)}
		h.report(many, h.firing("PortNotListening", "app-07", signal.Warning), h.firing("PortNotListening", "fw-01", signal.Warning),
			h.page("borealis"), h.page("boson"))
		h.pass(10 * time.Second)
		h.wantTold(toldOne, toldOne) // the one alert, and the page that a speaking server serves
		q.together = []string{"fw-01"}
		h.pass(time.Second)
		h.pass(70 * time.Second)
		if c, err := h.Counts(h.ctx); err != nil || c.Inhibited != 1 {
			h.t.Errorf("counts %+v, %v; app-07 speaks again, so one is hidden", c, err)
		}
		h.wantTold(toldOne, toldOne) // its port and its page
	})
}
