package probe

import (
	"log/slog"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/probe/prober"
)

// BenchmarkStep is a second of the hub with 5,000 probes: find what is due and
// take its answers, without the network.
func BenchmarkStep(b *testing.B) {
	w := newWorld()
	s := New(Options{Prober: w, Sink: w, Log: slog.New(slog.DiscardHandler)})
	plans := make([]Plan, 0, 5000)
	for i := range cap(plans) {
		p := portOf("app-" + newID())
		p.Target.Interval = 30 * time.Second
		p.Target.Port = i
		plans = append(plans, p)
	}
	s.swap("c0ffee", time.UTC, plans, stored{})
	now, ran := time.Now(), 0
	for b.Loop() {
		now = now.Add(time.Second)
		for _, j := range s.step(now) {
			ran++
			s.finish(j, prober.Result{OK: true, At: now})
		}
	}
	b.ReportMetric(float64(ran)/float64(b.N), "probes/op")
}

// BenchmarkTick is the pass over 5,000 probes that notices what went stale.
func BenchmarkTick(b *testing.B) {
	s := New(Options{Log: slog.New(slog.DiscardHandler)})
	plans := make([]Plan, 0, 5000)
	for range cap(plans) {
		plans = append(plans, portOf("app-"+newID()))
	}
	s.swap("c0ffee", time.UTC, plans, stored{})
	now := time.Now()
	for _, r := range s.runs {
		s.take(r, Hub, prober.Result{OK: true, At: now}, now)
	}
	for b.Loop() {
		s.tick(now)
	}
}
