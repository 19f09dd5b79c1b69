package probe

import (
	"context"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/probe/prober"
)

// Sample is one value of one series.
type Sample struct {
	Name   string
	Labels map[string]string
	At     time.Time
	Value  float64
}

// Samples is where series go.
type Samples interface {
	Write(ctx context.Context, samples []Sample) error
}

// The series that probes write. All have the labels probe, place and those of
// the subject; the second also phase.
const (
	SeriesSuccess     = "probe_success"
	SeriesDuration    = "probe_duration_seconds"
	SeriesPhase       = "probe_phase_seconds"
	SeriesCertificate = "vigie_probe_certificate_not_after_seconds"
)

// Labels of series beside those of the subject.
const (
	LabelPlace = "place"
	LabelPhase = "phase"
)

const (
	sampleEvery = time.Second
	sampleLimit = 100_000 // kept while nobody takes them; the oldest go first
)

// sample turns a result into series; the caller holds s.mu.
func (s *Service) sample(r *run, place string, res prober.Result) {
	if s.o.Samples == nil {
		return
	}
	add := func(name string, v float64, more ...string) {
		labels := r.plan.labels(append(more, LabelProbe, r.plan.Slug, LabelPlace, place)...)
		s.samples = append(s.samples, Sample{Name: name, Labels: labels, At: res.At, Value: v})
	}
	ok := 0.0
	if res.OK {
		ok = 1
	}
	add(SeriesSuccess, ok)
	if r.plan.Kind != KindHeartbeat {
		add(SeriesDuration, res.Duration.Seconds())
	}
	for _, p := range res.Phases.List() {
		add(SeriesPhase, p.Took.Seconds(), LabelPhase, p.Name)
	}
	if end := res.CertificateNotAfter; !end.IsZero() {
		add(SeriesCertificate, float64(end.Unix()))
	}
}

// flush hands the series on.
func (s *Service) flush(ctx context.Context) {
	s.mu.Lock()
	batch := s.samples
	s.samples = nil
	s.mu.Unlock()
	if len(batch) == 0 {
		return
	}
	err := s.o.Samples.Write(ctx, batch)
	if err == nil || ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.samples = append(batch, s.samples...)
	lost := max(0, len(s.samples)-sampleLimit)
	s.samples = s.samples[lost:]
	s.o.Log.Warn("series of probes were not taken, trying again", "err", err, "waiting", len(s.samples), "lost", lost)
}
