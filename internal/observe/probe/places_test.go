package probe

import (
	"slices"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/observe/probe/prober"
	"github.com/vigie-ops/vigie/internal/signal"
	"github.com/vigie-ops/vigie/internal/wire"
)

func TestOneWhoSeesItAloneWakesNobody(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, w *world) {
		s := open(t, d, w, []string{"app-1", "app-2"}, pagePlan())
		targets := s.Targets("app-2")
		if len(targets.Targets) != 1 || len(s.Targets("app-1").Targets) != 0 {
			t.Fatalf("app-2 gets %+v; want the page, and app-1, which serves it, nothing", targets)
		}
		now := time.Now()
		agent := func(server string, at time.Time, ok bool) {
			t.Helper()
			r := wire.ProbeResult{Target: "borealis-page", At: at, OK: ok}
			if !ok {
				r.Error = "connection refused on 192.0.2.1:443"
			}
			s.mu.Lock()
			s.take(s.runs["borealis-page"], server, prober.ResultFromWire(r), at)
			s.mu.Unlock()
		}
		w.set("borealis-page", "no answer within 5 s")
		for i := range 4 {
			look(t, s, now.Add(time.Duration(10*i)*time.Second))
			agent("app-2", now.Add(time.Duration(10*i+1)*time.Second), true)
		}
		settle(t, s)
		want(t, "seen from one place", w.heard(), nil)
		if st := s.Status(pagePlan().Subject)[0]; st.State != OnePlace || len(st.Last) != 2 || st.Last[0].Place != Hub {
			t.Errorf("status %+v, want seen from one place only", st)
		}
		agent("app-2", now.Add(41*time.Second), false)
		settle(t, s)
		want(t, "seen from both", w.heard(), []string{"firing StatusPageNotOK critical"})
		got, err := s.Outages(t.Context(), Filter{Open: true})
		if err != nil || len(got) != 1 || !slices.Equal(got[0].Places, []string{"app-2", Hub}) {
			t.Errorf("outages %+v, %v", got, err)
		}
	})
}

func TestAnAgentSpeaksForItselfOnly(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, w *world) {
		s := open(t, d, w, []string{"app-1", "app-2"}, pagePlan(), portOf("app-1"))
		s.Targets("app-2")
		results := wire.ProbeResults{Results: []wire.ProbeResult{
			{Target: "borealis-page", At: time.Now(), OK: true}, {Target: "app-1:22", At: time.Now(), OK: true}, {Target: "gone", At: time.Now()}}}
		for _, liar := range []string{"app-1", "app-3"} {
			if err := s.TakeResults(t.Context(), liar, results); err != nil {
				t.Fatal(err)
			}
		}
		for _, st := range s.Status(signal.Subject{}) {
			if st.State != Unknown {
				t.Errorf("%s is %s after results of agents that were not asked", st.Probe, st.State)
			}
		}
		if err := s.TakeResults(t.Context(), "app-2", results); err != nil {
			t.Fatal(err)
		}
		for _, st := range s.Status(signal.Subject{}) {
			if st.State != Up {
				t.Errorf("%s is %s after a result of its second place, want up", st.Probe, st.State)
			}
		}
		if got, _ := s.Reachable("app-1"); got != Reachable {
			t.Errorf("app-1 is %s", got)
		}
	})
}

// askedOf returns who of the agents is asked to look at the status page.
func askedOf(s *Service, agents ...string) []string {
	var asked []string
	for _, a := range agents {
		if len(s.Targets(a).Targets) > 0 {
			asked = append(asked, a)
		}
	}
	return asked
}

func TestAnAgentThatRefusesIsPassedOver(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, w *world) {
		agents := []string{"app-1", "app-2", "app-3"}
		s := open(t, d, w, agents, pagePlan())
		first := askedOf(s, agents...)
		if len(first) != 1 {
			t.Fatalf("%q are asked, want one", first)
		}
		other := "app-2"
		if first[0] == other {
			other = "app-3"
		}
		s.TakeRefusals(other, []string{"borealis-page"}) // it was not asked
		s.TakeRefusals(first[0], []string{"borealis-page", "gone"})
		want(t, "after a refusal", askedOf(s, agents...), []string{other})
		s.TakeRefusals(other, []string{"borealis-page"})
		want(t, "after both refused", askedOf(s, agents...), nil)

		elsewhere := pagePlan()
		elsewhere.Target.URL = "https://borealis.example/health"
		reload(t, s, elsewhere)
		if got := askedOf(s, agents...); len(got) != 1 {
			t.Errorf("%q are asked of another address, want one again", got)
		}
	})
}

func TestTheSecondPlaceMovesOn(t *testing.T) {
	online := setOf([]string{"app-1", "app-2", "app-3", "app-4"}) // app-1 serves the page
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	r := &run{plan: pagePlan()}
	chosen := func(after time.Duration) string {
		now = now.Add(after)
		r.chooseSecond(online, now)
		return r.second.server
	}
	first := chosen(0)
	if got := chosen(wire.TargetsEvery + r.plan.Rules.Fresh); got != first {
		t.Errorf("%s is asked before %s had the time to answer", got, first)
	}
	second := chosen(time.Second)
	third := chosen(time.Minute)
	if first == second || second == third || third == first {
		t.Errorf("asked %s, %s, %s when none answers; want all three in turn", first, second, third)
	}
	if got := chosen(time.Minute); got != first {
		t.Errorf("asked %s when none answered, want %s again", got, first)
	}
	r.second.heard = now
	if got := chosen(r.plan.Rules.Fresh); got != first {
		t.Errorf("asked %s while %s answers", got, first)
	}

	note(&r.second.refused, first, now)
	if got := chosen(0); got == first {
		t.Errorf("asked %s, which refused", got)
	}
	delete(online, second)
	delete(online, third)
	if got := chosen(time.Minute); got != "" {
		t.Errorf("asked %s, want nobody: the one that is left refused", got)
	}
	if got := chosen(passedOverFor); got != first {
		t.Errorf("asked %q, want %s again after an hour", got, first)
	}
	if got := chosen(time.Hour); got != first {
		t.Errorf("asked %q, want %s: there is no other", got, first)
	}
}
