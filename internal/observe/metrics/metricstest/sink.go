// Package metricstest has doubles for tests that run rules.
package metricstest

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/vigie-ops/vigie/internal/signal"
)

// Board is a sink that knows what is open, as the board of alerts does.
type Board struct {
	mu   sync.Mutex
	err  error
	open map[string]signal.Signal
	told []signal.Signal
	// Changed receives after every report, if somebody listens.
	Changed chan struct{}
}

// NewBoard returns a board with these signals open.
func NewBoard(open ...signal.Signal) *Board {
	b := &Board{open: map[string]signal.Signal{}, Changed: make(chan struct{}, 1)}
	for _, s := range open {
		b.open[s.Fingerprint()] = s
	}
	return b
}

// Fail makes every report fail with err, until it is called with nil.
func (b *Board) Fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
}

// Report implements signal.Sink.
func (b *Board) Report(_ context.Context, sigs ...signal.Signal) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return b.err
	}
	for _, s := range sigs {
		b.told = append(b.told, s)
		if s.State == signal.Firing {
			b.open[s.Fingerprint()] = s
		} else {
			delete(b.open, s.Fingerprint())
		}
	}
	select {
	case b.Changed <- struct{}{}:
	default:
	}
	return nil
}

// Open implements report.OpenAlerts.
func (b *Board) Open(_ context.Context, detector string) ([]signal.Signal, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []signal.Signal
	for _, s := range b.open {
		if s.Detector == detector {
			out = append(out, s)
		}
	}
	return out, nil
}

// Names returns "name subject" of everything open, sorted.
func (b *Board) Names() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []string
	for s := range maps.Values(b.open) {
		out = append(out, s.Name()+" "+s.Subject.String())
	}
	slices.Sort(out)
	return out
}

// Told returns everything that was reported, in order.
func (b *Board) Told() []signal.Signal {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.told)
}
