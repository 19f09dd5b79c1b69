package metricsagent

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/vigie-ops/vigie/internal/wire"
)

// Options says what to observe and how often.
type Options struct {
	Interval     time.Duration // 10 s
	Disable      []string      // names of observers that do not run
	Instance     string        // value of the instance label until the hub overwrites it
	Certificates []string      // patterns of certificate files
	Root         fs.FS         // "/" of the machine for our own observers; node_exporter's read the real one
	Log          *slog.Logger
	// Extra are collectors of the agent itself.
	Extra []prometheus.Collector
}

// Source observes and ships. It is a service of the agent.
type Source struct {
	o         Options
	observers []*observer
	encoder   *Encoder

	mu          sync.Mutex
	unavailable []wire.Unavailable
}

// ownObservers are the names of observers that are not node_exporter's.
func ownObservers() []string { return []string{"agent", "certificates", "containers", "smart"} }

// Names returns what Options.Disable may list, sorted.
func Names() []string {
	names := append(nodeCollectors(), ownObservers()...)
	slices.Sort(names)
	return names
}

// New returns a source that observes nothing until it runs.
func New(o Options) (*Source, error) {
	if o.Interval <= 0 {
		o.Interval = 10 * time.Second
	}
	all, err := nodeObservers()
	if err != nil {
		return nil, err
	}
	self := append([]prometheus.Collector{collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})}, o.Extra...)
	all = append(all,
		newObserver("agent", func(ch chan<- prometheus.Metric) error {
			for _, c := range self {
				c.Collect(ch)
			}
			return nil
		}),
		newObserver("certificates", newCertificates(o.Root, o.Certificates).update),
		newObserver("containers", newContainers(o.Root).update),
		newObserver("smart", newSmart().update),
	)
	all = slices.DeleteFunc(all, func(ob *observer) bool { return slices.Contains(o.Disable, ob.name) })
	return &Source{o: o, observers: all, encoder: NewEncoder("node", o.Instance)}, nil
}

// Name implements the agent's source.
func (s *Source) Name() string { return "metrics" }

// Run observes every interval until ctx is done. What out refuses is counted
// there; observing goes on.
func (s *Source) Run(ctx context.Context, out func(kind string, payload []byte) error) error {
	tick := time.NewTicker(s.o.Interval)
	defer tick.Stop()
	for {
		payload, err := s.Collect(time.Now())
		if err != nil {
			return fmt.Errorf("encode metrics: %w", err)
		}
		_ = out(wire.KindMetrics, payload) // the agent counts and logs what is not kept
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Collect asks every observer once and returns the request, valid until the
// next call.
func (s *Source) Collect(now time.Time) ([]byte, error) {
	s.encoder.Begin(now)
	s.encoder.Gauge("up", "Whether the agent observed this server.", label{}, 1)
	// One observer that hangs must not take the time of the others.
	timeout := s.o.Interval / 3
	for _, o := range s.observers {
		before := o.reason
		g, asked := o.gather(now, timeout)
		if asked {
			s.encoder.Add(g.families)
		}
		s.addHealth(o, g, asked)
		if o.reason != before {
			s.report(o)
		}
	}
	s.list()
	return s.encoder.End()
}

// addHealth adds node_exporter's own two series about a collector, unless it
// cannot run on this machine: that is listed, not alerted.
func (s *Source) addHealth(o *observer, g gathered, asked bool) {
	if !o.worked {
		return
	}
	success := 1.0
	if o.reason != "" {
		success = 0
	}
	l := label{"collector", o.name}
	s.encoder.Gauge("node_scrape_collector_success", "Whether a collector that can run on this machine succeeded.", l, success)
	if asked {
		s.encoder.Gauge("node_scrape_collector_duration_seconds", "How long a collector took.", l, g.took.Seconds())
	}
}

// report logs that an observer's state changed. Reasons that only change their
// words, like numbers in them, stay quiet.
func (s *Source) report(o *observer) {
	switch {
	case o.reason == "":
		s.o.Log.Info("collector works again", "collector", o.name)
	case o.failures == 1:
		s.o.Log.Info("collector is unavailable", "collector", o.name, "reason", o.reason)
	}
}

// list renews the list that heartbeats carry.
func (s *Source) list() {
	var all []wire.Unavailable
	for _, o := range s.observers {
		if o.reason != "" {
			all = append(all, wire.Unavailable{Name: o.name, Reason: o.reason})
		}
	}
	s.mu.Lock()
	s.unavailable = all
	s.mu.Unlock()
}

// Unavailable returns the observers that cannot run on this machine now.
func (s *Source) Unavailable() []wire.Unavailable {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unavailable
}
