package probe

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/lib/id"
	"github.com/vigie-ops/vigie/internal/observe/probe/prober"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/signal"
	"github.com/vigie-ops/vigie/internal/wire"
)

var _ opsrepo.Applier = (*Service)(nil)

func newID() string { return id.New() }

// ApplyOps implements opsrepo.Applier: it takes the probes of a generation
// over. A probe whose entry did not change keeps its state and its turn; one
// that is gone ends its outage and resolves its signals.
func (s *Service) ApplyOps(ctx context.Context, tx *db.Tx, g *opsrepo.Generation) error {
	loc := time.UTC
	if c, ok := fleet.TheCompany.Of(g); ok {
		if l, err := time.LoadLocation(c.Timezone); err == nil && c.Timezone != "" {
			loc = l
		}
	}
	return s.apply(ctx, tx, g.Commit, loc, Plans(g))
}

// stored is what the tables know when a generation is taken over.
type stored struct {
	outages map[string]Outage // open ones, by probe
	watches map[string]watchRow
	gaps    map[string]bool
	signals []signal.Signal // firing ones
	beats   map[string]time.Time
}

func load(ctx context.Context, tx *db.Tx) (stored, error) {
	st := stored{outages: map[string]Outage{}, watches: map[string]watchRow{}}
	const everything = 1 << 20
	open, err := outages(ctx, tx, Filter{Open: true, Limit: everything})
	if err != nil {
		return st, err
	}
	for _, o := range open {
		st.outages[o.Probe] = o
	}
	rows, err := watches(ctx, tx, nil, "")
	if err != nil {
		return st, err
	}
	for _, w := range rows {
		st.watches[w.Probe] = w
	}
	if st.gaps, err = openGaps(ctx, tx); err != nil {
		return st, err
	}
	if st.signals, err = signalsOf(ctx, tx, ""); err != nil {
		return st, err
	}
	st.beats, err = lastBeats(ctx, tx)
	return st, err
}

func (s *Service) apply(ctx context.Context, tx *db.Tx, commit string, loc *time.Location, plans []Plan) error {
	st, err := load(ctx, tx)
	if err != nil {
		return fmt.Errorf("apply probes: %w", err)
	}
	now := time.Now()
	wanted := make(map[string]Plan, len(plans))
	for _, p := range plans {
		wanted[p.Slug] = p
		if err := s.welcome(ctx, tx, p, st, now); err != nil {
			return fmt.Errorf("apply probe %s: %w", p.Slug, err)
		}
	}
	for slug, w := range st.watches {
		if _, ok := wanted[slug]; ok || !w.EndedAt.IsZero() {
			continue
		}
		if err := retire(ctx, tx, slug, now); err != nil {
			return fmt.Errorf("retire probe %s: %w", slug, err)
		}
	}
	if err := relabel(ctx, tx, wanted, st.signals, now); err != nil {
		return fmt.Errorf("apply probes: %w", err)
	}
	tx.After(func() { s.swap(commit, loc, plans, st) })
	return nil
}

// welcome notes in the tables that a probe is watched, if they do not say so.
func (s *Service) welcome(ctx context.Context, tx *db.Tx, p Plan, st stored, now time.Time) error {
	w, known := st.watches[p.Slug]
	if known && w.EndedAt.IsZero() && w.Subject == p.Subject.String() && w.Component == p.Component {
		return nil
	}
	if known && !w.EndedAt.IsZero() { // it comes back: nobody looked in between
		if err := insertGap(ctx, tx, newID(), p.Slug, w.EndedAt.Time, now); err != nil {
			return err
		}
	}
	if !known && p.Kind == KindHeartbeat { // unknown until the first one arrives
		if err := insertGap(ctx, tx, newID(), p.Slug, now, time.Time{}); err != nil {
			return err
		}
		st.gaps[p.Slug] = true
	}
	return watch(ctx, tx, p, now)
}

func retire(ctx context.Context, tx *db.Tx, slug string, now time.Time) error {
	for _, f := range []func() error{
		func() error { return unwatch(ctx, tx, slug, now) },
		func() error { return endOutages(ctx, tx, slug, now) },
		func() error { return endGaps(ctx, tx, slug, now) },
		func() error { return resolveSignals(ctx, tx, slug, "", now) },
		func() error { return dropHeartbeat(ctx, tx, slug) },
	} {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

// relabel brings the labels of firing signals to what the generation says, so
// that a renamed client or another severity shows on an alert that is open.
func relabel(ctx context.Context, tx *db.Tx, wanted map[string]Plan, firing []signal.Signal, now time.Time) error {
	for _, old := range firing {
		p, ok := wanted[old.Labels[LabelProbe]]
		if !ok {
			continue // retired
		}
		name, sev := p.alertName(), p.Severity
		if old.Name() == CertificateExpiring {
			name, sev = CertificateExpiring, old.Severity()
		}
		now := now.UTC()
		fresh := p.signal(name, sev, old.StartsAt, now)
		fresh.Annotations = old.Annotations
		if fresh.Fingerprint() == old.Fingerprint() && fresh.Severity() == old.Severity() {
			continue
		}
		if fresh.Fingerprint() != old.Fingerprint() {
			old.State, old.At = signal.Resolved, now
			if err := putSignal(ctx, tx, old); err != nil {
				return err
			}
		}
		if err := putSignal(ctx, tx, fresh); err != nil {
			return err
		}
	}
	return nil
}

// swap makes the generation the one that runs.
func (s *Service) swap(commit string, loc *time.Location, plans []Plan, st stored) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.commit, s.loc = commit, loc
	runs := make(map[string]*run, len(plans))
	bySubject := map[signal.Subject][]*run{}
	// The first look comes soon, at a hundred probes a second at most.
	spread := max(2*time.Second, time.Duration(len(plans))*10*time.Millisecond)
	for _, p := range plans {
		r := s.runs[p.Slug]
		if r == nil {
			r = s.restored(p, st, now)
		} else {
			r.become(p, now)
		}
		runs[p.Slug] = r
		bySubject[p.Subject] = append(bySubject[p.Subject], r)
		s.sched.Set(p.Slug, p.interval(), spread, now)
	}
	for slug := range s.runs {
		if runs[slug] == nil {
			s.sched.Remove(slug)
		}
	}
	s.runs, s.bySubject = runs, bySubject
	s.sorted = slices.SortedFunc(maps.Values(runs), func(a, b *run) int { return cmp.Compare(a.plan.Slug, b.plan.Slug) })
	s.network.plan(runs)
	nudge(s.wake)
	nudge(s.kick)
}

// become gives a probe that is there already the plan of a new generation.
func (r *run) become(p Plan, now time.Time) {
	if !r.plan.sameQuestion(p) {
		r.machine.Forget()
		clear(r.last)
		r.version++
		r.busy = false
		clear(r.second.refused)
		r.second.heard = now.Add(wire.TargetsEvery)
	}
	r.machine.SetRules(p.Rules)
	if len(p.From) > 0 || slices.Contains(p.Own, r.second.server) {
		r.second.server = ""
	}
	r.plan = p
}

// restored returns a probe with the state that the tables know of it.
func (s *Service) restored(p Plan, st stored, now time.Time) *run {
	r := &run{plan: p, machine: NewMachine(p.Rules), last: map[string]prober.Result{}, gap: st.gaps[p.Slug], beat: st.beats[p.Slug]}
	r.machine.NotBefore = s.started.Add(s.o.Grace)
	s.vouch(r)
	r.machine.Waiting = func() bool { return s.waits(r.plan) }
	if o, ok := st.outages[p.Slug]; ok {
		r.machine.Restore(o.StartedAt, o.Cause, o.Places)
	} else if !r.beat.IsZero() && p.Kind == KindHeartbeat {
		if c, changed := r.machine.Observe(now, Observation{Place: Hub, At: r.beat, OK: true}); changed {
			s.changed(r, c, now)
		}
	}
	for _, sig := range st.signals {
		s.network.told = s.network.told || sig.Name() == HubCutOff
		if sig.Labels[LabelProbe] == p.Slug && sig.Name() == CertificateExpiring {
			r.certificate, r.certificateSince = sig.Severity(), sig.StartsAt
		}
	}
	return r
}
