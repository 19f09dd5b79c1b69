package prober_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/probe/prober"
)

var start = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func TestProbesAreSpreadOverTheirInterval(t *testing.T) {
	s := prober.NewSchedule()
	const n, interval = 5000, 30 * time.Second
	for i := range n {
		s.Set(fmt.Sprintf("app-%d:22", i), interval, interval, start)
	}
	// Two rounds: the first, and one on the grid.
	for round := range 2 {
		seen, most := 0, 0
		for second := range 30 {
			due := len(s.Due(start.Add(time.Duration(round)*interval + time.Duration(second+1)*time.Second)))
			seen, most = seen+due, max(most, due)
		}
		if most > 2*n/30 {
			t.Errorf("round %d: %d of %d in one second, want about %d", round, most, n, n/30)
		}
		if round == 0 && seen != n {
			t.Errorf("%d of %d ran within their interval", seen, n)
		}
	}
}

func TestAProbeRunsOnceAnInterval(t *testing.T) {
	s := prober.NewSchedule()
	s.Set("a", 30*time.Second, 2*time.Second, start)
	ran := 0
	for ms := 0; ms < 600_000; ms += 100 {
		ran += len(s.Due(start.Add(time.Duration(ms) * time.Millisecond)))
	}
	if ran < 19 || ran > 21 {
		t.Errorf("ran %d times in 10 minutes, want 20", ran)
	}
}

func TestMissedTurnsAreNotMadeUpFor(t *testing.T) {
	s := prober.NewSchedule()
	s.Set("a", time.Second, time.Second, start)
	if got := len(s.Due(start.Add(time.Hour))); got != 1 {
		t.Errorf("%d turns after an hour, want 1", got)
	}
	if next, ok := s.Next(); !ok || next.Sub(start.Add(time.Hour)) > 1500*time.Millisecond {
		t.Errorf("next turn at %s", next)
	}
}

func TestAnUnchangedProbeKeepsItsTurn(t *testing.T) {
	s := prober.NewSchedule()
	s.Set("a", time.Minute, time.Minute, start)
	before, _ := s.Next()
	s.Set("a", time.Minute, time.Minute, start.Add(30*time.Second))
	if after, _ := s.Next(); !after.Equal(before) {
		t.Errorf("its turn moved from %s to %s", before, after)
	}
	s.Set("a", time.Second, time.Second, start)
	if after, _ := s.Next(); after.Sub(start) > time.Second {
		t.Errorf("a shorter interval gives a turn at %s", after)
	}
}

func TestHastenAndRemove(t *testing.T) {
	s := prober.NewSchedule()
	s.Set("a", time.Minute, time.Minute, start)
	s.Hasten("a", start.Add(time.Millisecond))
	s.Hasten("a", start.Add(time.Hour)) // never back
	s.Hasten("b", start)
	if next, _ := s.Next(); !next.Equal(start.Add(time.Millisecond)) {
		t.Errorf("next turn at %s", next)
	}
	s.Remove("a")
	s.Remove("b")
	if next, ok := s.Next(); ok {
		t.Errorf("something is due at %s, want nothing", next)
	}
}

// BenchmarkSchedule is what 5,000 probes cost the scheduler a second: at an
// interval of 30 seconds 167 of them are due.
func BenchmarkSchedule(b *testing.B) {
	s := prober.NewSchedule()
	for i := range 5000 {
		s.Set(fmt.Sprintf("app-%d:22", i), 30*time.Second, 30*time.Second, start)
	}
	now, due := start, 0
	for b.Loop() {
		now = now.Add(time.Second)
		due += len(s.Due(now))
	}
	b.ReportMetric(float64(due)/float64(b.N), "due/op")
}
