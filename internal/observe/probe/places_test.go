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
