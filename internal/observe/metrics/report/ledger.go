// Package report hands signals to the next stage so that none is lost.
//
// A ledger holds what the next stage has taken, compares it with what is so
// now, and reports the difference. A report that failed changes nothing in the
// ledger, so the same difference is there the next time: retrying needs no
// queue.
package report

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/vigie-ops/vigie/internal/signal"
)

// OpenAlerts knows which alerts are open, from before the start too.
type OpenAlerts interface {
	// Open returns the last firing signal of each open alert of a detector.
	Open(ctx context.Context, detector string) ([]signal.Signal, error)
}

// Refresh is how often a signal that still fires is reported again, so that its
// words stay fresh.
const Refresh = time.Minute

// Ledger is what one detector has open in the next stage. It is not safe for
// concurrent use.
type Ledger struct {
	detector string
	sink     signal.Sink
	alerts   OpenAlerts
	loaded   bool
	open     map[string]entry
}

type entry struct {
	signal signal.Signal
	told   time.Time
}

// NewLedger returns the ledger of a detector. Without alerts nothing is known
// to be open at the start.
func NewLedger(detector string, sink signal.Sink, alerts OpenAlerts) *Ledger {
	return &Ledger{detector: detector, sink: sink, alerts: alerts, open: map[string]entry{}}
}

// Sync brings the next stage to what is so: firing are the signals that fire
// now, and over says of an open one that no longer fires whether it may count
// as resolved yet, and since when.
func (l *Ledger) Sync(ctx context.Context, now time.Time, firing []signal.Signal, over func(signal.Signal) (time.Time, bool)) error {
	if err := l.load(ctx); err != nil {
		return err
	}
	worst := Worst(firing)
	if err := l.fire(ctx, now, worst); err != nil {
		return err
	}
	return l.resolve(ctx, now, worst, over)
}

// Firing reports signals that fired, whether or not they still do.
func (l *Ledger) Firing(ctx context.Context, now time.Time, sigs []signal.Signal) error {
	if err := l.load(ctx); err != nil {
		return err
	}
	return l.fire(ctx, now, Worst(sigs))
}

// IsOpen says whether the next stage has an alert of this fingerprint open.
func (l *Ledger) IsOpen(fingerprint string) bool {
	_, ok := l.open[fingerprint]
	return ok
}

// Open returns what the next stage has open, loading it first if needed.
func (l *Ledger) Open(ctx context.Context) ([]signal.Signal, error) {
	if err := l.load(ctx); err != nil {
		return nil, err
	}
	out := make([]signal.Signal, 0, len(l.open))
	for _, e := range l.open {
		out = append(out, e.signal)
	}
	return out, nil
}

func (l *Ledger) load(ctx context.Context) error {
	if l.loaded || l.alerts == nil {
		return nil
	}
	sigs, err := l.alerts.Open(ctx, l.detector)
	if err != nil {
		return fmt.Errorf("read the open alerts of detector %s: %w", l.detector, err)
	}
	for _, s := range sigs {
		l.open[s.Fingerprint()] = entry{signal: s} // told long ago: refreshed at once
	}
	l.loaded = true
	return nil
}

func (l *Ledger) fire(ctx context.Context, now time.Time, firing map[string]signal.Signal) error {
	var news []signal.Signal
	for _, fp := range slices.Sorted(maps.Keys(firing)) {
		s := firing[fp]
		e, ok := l.open[fp]
		if !ok || e.signal.Severity() != s.Severity() || now.Sub(e.told) >= Refresh {
			news = append(news, s)
		}
	}
	if err := l.report(ctx, news); err != nil {
		return err
	}
	for _, s := range news {
		l.open[s.Fingerprint()] = entry{signal: s, told: now}
	}
	return nil
}

func (l *Ledger) resolve(ctx context.Context, now time.Time, firing map[string]signal.Signal, over func(signal.Signal) (time.Time, bool)) error {
	var ended []signal.Signal
	for _, fp := range slices.Sorted(maps.Keys(l.open)) {
		if _, still := firing[fp]; still {
			continue
		}
		s := l.open[fp].signal
		at, ok := over(s)
		if !ok {
			continue
		}
		if at.IsZero() {
			at = now
		}
		s.State, s.At, s.Until = signal.Resolved, at, time.Time{}
		ended = append(ended, s)
	}
	if err := l.report(ctx, ended); err != nil {
		return err
	}
	for _, s := range ended {
		delete(l.open, s.Fingerprint())
	}
	return nil
}

func (l *Ledger) report(ctx context.Context, sigs []signal.Signal) error {
	if len(sigs) == 0 {
		return nil
	}
	if err := l.sink.Report(ctx, sigs...); err != nil {
		return fmt.Errorf("report %d signals of detector %s: %w", len(sigs), l.detector, err)
	}
	return nil
}

// Worst keeps, of signals that are the same but for their severity, the most
// severe: a warning and a critical rule on one thing are one alert.
func Worst(sigs []signal.Signal) map[string]signal.Signal {
	out := make(map[string]signal.Signal, len(sigs))
	for _, s := range sigs {
		fp := s.Fingerprint()
		if have, ok := out[fp]; !ok || s.Severity().Rank() > have.Severity().Rank() {
			if ok && have.StartsAt.Before(s.StartsAt) {
				s.StartsAt = have.StartsAt
			}
			out[fp] = s
		} else if s.StartsAt.Before(have.StartsAt) {
			have.StartsAt = s.StartsAt
			out[fp] = have
		}
	}
	return out
}
