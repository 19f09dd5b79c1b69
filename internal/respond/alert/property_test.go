package alert_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/respond/alert"
	"github.com/vigie-ops/vigie/internal/signal"
)

// TestWhateverHappensTheFinalStateIsTold fires, resolves, acknowledges,
// flushes, fails and restarts in any order; in the end, what the next stage was
// told last about every alert is what is so.
func TestWhateverHappensTheFinalStateIsTold(t *testing.T) {
	each(t, func(h *harness) {
		const rounds, steps = 6, 60
		for round := range uint64(rounds) {
			rng := rand.New(rand.NewPCG(round, 7))
			firing := map[string]bool{}
			for range steps {
				server := fmt.Sprintf("r%d-%d", round, rng.IntN(1+int(round)%3))
				name := []string{"DiskFull", "LoadHigh", alert.ServerUnresponsive}[rng.IntN(3)]
				s := h.firing(name, server, []signal.Severity{signal.Warning, signal.Critical}[rng.IntN(2)])
				switch rng.IntN(8) {
				case 0, 1, 2:
					h.report(s)
					firing[s.Fingerprint()] = true
				case 3, 4:
					h.report(resolved(s))
					delete(firing, s.Fingerprint())
				case 5:
					h.clock.Pass(time.Duration(rng.IntN(400)) * time.Second)
					if rng.IntN(3) == 0 {
						h.stage.fail = errors.New("injected fault")
					}
					if _, err := h.Flush(h.ctx); err != nil && h.stage.fail == nil {
						h.t.Fatal(err)
					}
					h.stage.fail = nil
				case 6:
					h.restart()
				case 7:
					p, err := h.List(h.ctx, alert.Filter{State: "open", Limit: 1})
					if err != nil {
						h.t.Fatal(err)
					}
					for _, a := range p.Items {
						if _, err := h.Acknowledge(h.ctx, "nadia", "", h.clock.Now().Add(time.Minute), a.ID); err != nil {
							h.t.Fatal(err)
						}
					}
				}
			}
			for range 4 {
				h.pass(6 * time.Minute)
			}
			h.checkTold(firing)
		}
	})
}

// checkTold replays all events, as the logbook and as people hear them, and
// compares with the board.
func (h *harness) checkTold(firing map[string]bool) {
	h.t.Helper()
	told, people := map[string]bool{}, map[string]bool{} // by id: believed to fire
	for _, e := range h.stage.events {
		for _, a := range e.Quiet {
			if !people[a.ID] {
				h.t.Fatalf("%s is kept quiet, but people do not believe that it fires", a.Summary())
			}
			if told[a.ID] == (a.State == alert.Firing) {
				h.t.Fatalf("the logbook was told twice that %s is %s", a.Summary(), a.State)
			}
			told[a.ID] = a.State == alert.Firing
		}
		for _, a := range e.Calm {
			if told[a.ID] || !people[a.ID] {
				h.t.Fatalf("people are told the end of %s, which is no news or not so", a.Summary())
			}
			people[a.ID] = false
		}
		for _, a := range e.New {
			people[a.ID] = true
			if told[a.ID] {
				h.t.Fatalf("%s was told twice to be new", a.Summary())
			}
			told[a.ID] = true
		}
		for _, a := range e.Resolved {
			if !told[a.ID] {
				h.t.Fatalf("%s was told to be over without having been told", a.Summary())
			}
			told[a.ID], people[a.ID] = false, false
		}
	}
	p, err := h.List(h.ctx, alert.Filter{Limit: 1000})
	if err != nil {
		h.t.Fatal(err)
	}
	open := 0
	for _, a := range p.Items {
		if a.State == alert.Firing && firing[a.Fingerprint] {
			open++
		}
		want := a.State == alert.Firing
		if want && a.Muted() {
			continue // may or may not have been told before it was hidden
		}
		if told[a.ID] != want || people[a.ID] != want {
			h.t.Errorf("%s is %s; the logbook was told that it fires: %v, people: %v", a.Summary(), a.State, told[a.ID], people[a.ID])
		}
	}
	if open != len(firing) {
		h.t.Errorf("%d of the alerts that fire are open, want %d", open, len(firing))
	}
}
