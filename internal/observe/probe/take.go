package probe

import (
	"context"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/observe/probe/prober"
	"github.com/vigie-ops/vigie/internal/signal"
)

// take takes what a place saw; the caller holds s.mu.
func (s *Service) take(r *run, place string, res prober.Result, now time.Time) {
	if old, ok := r.last[place]; ok && res.At.Before(old.At) {
		return
	}
	r.last[place] = res
	if res.Unable {
		return // the place says nothing about the target
	}
	s.sample(r, place, res)
	if place == Hub && res.OK && r.plan.Kind != KindHeartbeat {
		s.network.answered(r.plan, res.At)
	}
	if place == r.mainPlace() {
		s.watchCertificate(r, res, now)
	}
	c, changed := r.machine.Observe(now, Observation{Place: place, At: res.At, OK: res.OK, Error: res.Error})
	if changed {
		s.changed(r, c, now)
	}
	state, _, _ := r.machine.State()
	// Look again soon while it is not sure: is it an outage, is it over?
	if state == Failing && !s.waits(r.plan) || state == Down && res.OK {
		s.sched.Hasten(r.plan.Slug, now.Add(r.plan.retry()))
		nudge(s.wake)
	}
}

// waits reports whether what is seen of a plan does not count yet: a port that
// nobody asked for by an entry, of a server that was never heard.
func (s *Service) waits(p Plan) bool {
	return p.Implicit && p.Subject.Kind == signal.Server && s.o.Waiting(p.Subject.Slug)
}

// mainPlace is the one place whose view of a certificate counts, since behind
// one name there can be several.
func (r *run) mainPlace() string {
	if r.fromHub() {
		return Hub
	}
	return r.plan.From[0]
}

// tick notices what stopped being looked at.
func (s *Service) tick(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.runs {
		if c, changed := r.machine.Tick(now); changed {
			s.changed(r, c, now)
		}
	}
	s.checkNetwork(now)
}

// changed writes down what a change means; the caller holds s.mu.
func (s *Service) changed(r *run, c Change, now time.Time) {
	p := r.plan
	s.o.Log.Info("probe changed", "probe", p.Slug, "subject", p.Subject.String(), "from", c.From, "to", c.To, "cause", c.Cause)
	switch {
	case c.To == Down:
		o := Outage{ID: newID(), Probe: p.Slug, Subject: p.Subject, Component: p.Component, StartedAt: c.Since, ConfirmedAt: now,
			Cause: c.Cause, Places: c.Places}
		sig := p.outageSignal(c.Since, now, c.Cause, c.Places)
		s.later(func(ctx context.Context, tx *db.Tx) error {
			if !s.watched(p.Slug) { // removed before it could be written down
				return nil
			}
			if err := insertOutage(ctx, tx, o); err != nil {
				return err
			}
			return putSignal(ctx, tx, sig)
		})
	case c.From == Down:
		name := p.alertName()
		s.later(func(ctx context.Context, tx *db.Tx) error {
			if err := endOutages(ctx, tx, p.Slug, c.Since); err != nil {
				return err
			}
			return resolveSignals(ctx, tx, p.Slug, name, now)
		})
	}
	switch {
	case c.To == Unknown && !r.gap:
		r.gap = true
		gap := newID()
		s.later(func(ctx context.Context, tx *db.Tx) error {
			return insertGap(ctx, tx, gap, p.Slug, c.Since, time.Time{})
		})
	case c.From == Unknown && r.gap:
		r.gap = false
		s.later(func(ctx context.Context, tx *db.Tx) error { return endGaps(ctx, tx, p.Slug, c.Since) })
	}
}

func (s *Service) watched(slug string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.runs[slug] != nil
}
