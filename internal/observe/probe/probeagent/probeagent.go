// Package probeagent runs the probes that a hub hands to an agent, inside the
// networks that the server's own file allows, and emits what it sees.
package probeagent

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/probe/prober"
	"github.com/vigie-ops/vigie/internal/wire"
)

// Prober runs one probe; *prober.Prober is one.
type Prober interface {
	Run(ctx context.Context, t prober.Target) prober.Result
}

// Options says what the source may do.
type Options struct {
	Concurrency int    // probes that run at once; 16 if zero
	Prober      Prober // one that asks what SetTargets was given if nil
	Log         *slog.Logger
}

// The limits of what an agent does for its hubs.
const (
	defaultConcurrency = 16
	leastInterval      = time.Second // more often is a load, not an observation
	batchWait          = 500 * time.Millisecond
	batchLimit         = 500
	firstSpread        = 5 * time.Second
)

// Source probes targets. The agent runs it and sends on what it emits.
type Source struct {
	o       Options
	wake    chan struct{}
	results chan wire.ProbeResult

	mu      sync.Mutex
	allowed func(netip.Addr) bool
	targets map[string]prober.Target
	refused map[string]bool
	busy    map[string]bool
	sched   *prober.Schedule
}

// New returns a source without targets.
func New(o Options) *Source {
	if o.Concurrency <= 0 {
		o.Concurrency = defaultConcurrency
	}
	s := &Source{
		o: o, wake: make(chan struct{}, 1), results: make(chan wire.ProbeResult), allowed: func(netip.Addr) bool { return false },
		targets: map[string]prober.Target{}, refused: map[string]bool{}, busy: map[string]bool{}, sched: prober.NewSchedule(),
	}
	if o.Prober == nil {
		s.o.Prober = prober.New(prober.Options{Guard: s.guard, UserAgent: "vigie-agent"})
	}
	return s
}

// guard lets through what the server's own file allows.
func (s *Source) guard(ip netip.Addr) error {
	s.mu.Lock()
	allowed := s.allowed(ip)
	s.mu.Unlock()
	if !allowed {
		return fmt.Errorf("%s is outside the networks that this server allows to be probed", ip)
	}
	return nil
}

// Name names the source for logs and for the list of what is unavailable.
func (s *Source) Name() string { return "probes" }

// SetTargets replaces what is probed, and what says which addresses may be.
// Until it is called nothing is. A target that this agent cannot read, of a
// newer hub perhaps, is left out.
func (s *Source) SetTargets(targets []wire.Target, allowed func(netip.Addr) bool) {
	all := make(map[string]prober.Target, len(targets))
	for _, w := range targets {
		t, err := prober.FromWire(w)
		if err != nil {
			s.o.Log.Warn("target left out", "err", err)
			continue
		}
		t.Interval = max(t.Interval, leastInterval)
		all[t.ID] = t
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.allowed = allowed
	now := time.Now()
	for id := range s.targets {
		if _, ok := all[id]; !ok {
			s.sched.Remove(id)
			delete(s.refused, id)
		}
	}
	for id, t := range all {
		s.sched.Set(id, t.Interval, firstSpread, now)
	}
	s.targets = all
	nudge(s.wake)
}

// Refused returns the ids of the targets that lie outside the networks this
// server allows, sorted.
func (s *Source) Refused() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.refused))
}

// Run probes until ctx is done and hands each batch of results, a
// wire.ProbeResults, to out. What out does not keep is lost; the next look
// says more.
func (s *Source) Run(ctx context.Context, out func(kind string, payload []byte) error) error {
	s.mu.Lock()
	clear(s.busy) // an earlier Run may have ended before their turn came
	s.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { s.dispatch(ctx, &wg) })
	err := s.collect(ctx, out)
	cancel()
	wg.Wait()
	return err
}

func (s *Source) dispatch(ctx context.Context, wg *sync.WaitGroup) {
	slots := make(chan struct{}, s.o.Concurrency)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-timer.C:
		}
		for _, t := range s.due(time.Now()) {
			select {
			case <-ctx.Done():
				return
			case slots <- struct{}{}:
			}
			wg.Go(func() {
				defer func() { <-slots }()
				s.probe(ctx, t)
			})
		}
		timer.Reset(s.untilNext())
	}
}

func (s *Source) due(now time.Time) []prober.Target {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []prober.Target
	for _, id := range s.sched.Due(now) {
		if !s.busy[id] {
			s.busy[id] = true
			out = append(out, s.targets[id])
		}
	}
	return out
}

func (s *Source) untilNext() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.sched.Next()
	if !ok {
		return time.Hour
	}
	return max(0, time.Until(at))
}

func (s *Source) probe(ctx context.Context, t prober.Target) {
	res := s.o.Prober.Run(ctx, t)
	s.mu.Lock()
	delete(s.busy, t.ID)
	if _, wanted := s.targets[t.ID]; wanted && ctx.Err() == nil {
		if res.Refused {
			s.refused[t.ID] = true
		} else {
			delete(s.refused, t.ID)
		}
	}
	s.mu.Unlock()
	if res.Unable { // it says nothing about the target
		return
	}
	select {
	case <-ctx.Done():
	case s.results <- prober.ResultToWire(t.ID, res):
	}
}

// collect gathers results for a moment, so that they travel together; a bad
// one does not wait.
func (s *Source) collect(ctx context.Context, out func(kind string, payload []byte) error) error {
	var batch wire.ProbeResults
	var wait <-chan time.Time
	for {
		var flush bool
		select {
		case <-ctx.Done():
			return nil
		case <-wait:
			flush = true
		case r := <-s.results:
			batch.Results = append(batch.Results, r)
			flush = !r.OK || len(batch.Results) >= batchLimit
			if wait == nil {
				wait = time.After(batchWait)
			}
		}
		if !flush {
			continue
		}
		payload, err := json.Marshal(batch)
		if err != nil {
			return fmt.Errorf("write probe results: %w", err)
		}
		if err := out(wire.KindProbes, payload); err != nil {
			s.o.Log.Debug("probe results were not kept", "err", err) // the agent says so, once
		}
		batch, wait = wire.ProbeResults{}, nil
	}
}

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
