package probe

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/probe/prober"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/signal"
)

// Status is how one probe stands now.
type Status struct {
	Probe     string
	Name      string
	Kind      string
	Subject   signal.Subject
	Component string
	Severity  signal.Severity
	Target    prober.Target
	Implicit  bool // a port of a server, without an entry
	Pos       opsrepo.Pos

	State    State
	Since    time.Time // zero if the state is Unknown from the start
	Cause    string    // of a bad state
	Flapping bool
	Last     []Seen    // by place, the hub first
	Beat     time.Time // heartbeat: the last one; zero if none ever came
	Every    time.Duration
}

// Seen is the last result of one place.
type Seen struct {
	Place  string
	Result prober.Result
}

// Status returns the probes of a subject, sorted by slug; of everything if the
// subject is empty.
func (s *Service) Status(subject signal.Subject) []Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	runs := s.bySubject[subject]
	if subject == (signal.Subject{}) {
		runs = s.sorted
	}
	now := time.Now()
	out := make([]Status, 0, len(runs))
	for _, r := range runs {
		out = append(out, r.status(now))
	}
	return out
}

func (r *run) status(now time.Time) Status {
	p := r.plan
	st := Status{
		Probe: p.Slug, Name: p.Name, Kind: p.Kind, Subject: p.Subject, Component: p.Component, Severity: p.Severity, Target: p.Target,
		Implicit: p.Implicit, Pos: p.Pos, Flapping: r.machine.Flapping(now), Beat: r.beat, Every: p.Every,
	}
	st.State, st.Since, st.Cause = r.machine.State()
	for _, place := range slices.SortedFunc(maps.Keys(r.last), hubFirst) {
		st.Last = append(st.Last, Seen{place, r.last[place]})
	}
	return st
}

func hubFirst(a, b string) int {
	switch {
	case a == b:
		return 0
	case a == Hub:
		return -1
	case b == Hub:
		return 1
	}
	return cmp.Compare(a, b)
}

// Reachability says whether a server answers from outside.
type Reachability string

// What is known of a server from outside.
const (
	Reachable   Reachability = "reachable"   // a probe succeeded lately
	Unreachable Reachability = "unreachable" // all that ran lately failed, and their outages are confirmed
	Unseen      Reachability = "unseen"      // none ran lately, or what they saw is not confirmed
)

// Reachable reports whether any probe of the server succeeds from outside
// lately, and since when that is so. That all of them fail counts once it was
// seen often enough, and not while the hub itself may be cut off.
func (s *Service) Reachable(server string) (Reachability, time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	var up, down time.Time // the earliest of the good, the latest to fail of the bad
	sure := true
	for _, r := range s.bySubject[signal.Subject{Kind: signal.Server, Slug: server}] {
		if r.plan.Kind == KindHeartbeat {
			continue
		}
		good, bad := r.machine.fresh(now)
		for _, v := range good {
			if v.last.Place != server && (up.IsZero() || v.since.Before(up)) {
				up = v.since
			}
		}
		for _, v := range bad {
			if v.last.Place == server {
				continue
			}
			if v.since.After(down) {
				down = v.since
			}
			sure = sure && r.machine.state == Down
		}
	}
	switch {
	case !up.IsZero():
		return Reachable, up
	case !down.IsZero() && sure:
		return Unreachable, down
	}
	return Unseen, time.Time{}
}

// Outages returns outages, newest first.
func (s *Service) Outages(ctx context.Context, f Filter) ([]Outage, error) {
	return outages(ctx, s.o.DB.Read(), f)
}

// Uptimes returns how the last days of subjects went, in the company's time
// zone. Overlapping outages of the probes of one count once.
func (s *Service) Uptimes(ctx context.Context, subjects []signal.Subject, days int) (map[signal.Subject]History, error) {
	return s.uptimes(ctx, subjects, "", days)
}

// UptimeOfComponent is Uptimes for one component of an instance.
func (s *Service) UptimeOfComponent(ctx context.Context, instance, component string, days int) (History, error) {
	subject := signal.Subject{Kind: signal.Instance, Slug: instance}
	all, err := s.uptimes(ctx, []signal.Subject{subject}, component, days)
	return all[subject], err
}

func (s *Service) uptimes(ctx context.Context, subjects []signal.Subject, component string, days int) (map[signal.Subject]History, error) {
	out := make(map[signal.Subject]History, len(subjects))
	if len(subjects) == 0 {
		return out, nil
	}
	s.mu.Lock()
	loc := s.loc
	s.mu.Unlock()
	now := time.Now().UTC()
	since := now.AddDate(0, 0, -days-1)
	q := s.o.DB.Read()
	rows, err := watches(ctx, q, subjects, component)
	if err != nil {
		return nil, err
	}
	probes := make([]string, len(rows))
	for i, w := range rows {
		probes[i] = w.Probe
	}
	gap, err := gaps(ctx, q, probes, since)
	if err != nil {
		return nil, err
	}
	const everything = 1 << 20
	list, err := outages(ctx, q, Filter{among: subjects, Component: component, Since: since, Limit: everything})
	if err != nil {
		return nil, err
	}
	known, down := map[signal.Subject][]Span{}, map[signal.Subject][]Span{}
	for _, w := range rows {
		span := Span{From: w.StartedAt}
		if !w.EndedAt.IsZero() {
			span.To = w.EndedAt.Time
		}
		subject := signal.ParseSubject(w.Subject)
		known[subject] = append(known[subject], without(span, slices.Concat(gap[w.Probe], gap[""]), now)...)
	}
	for _, o := range list {
		down[o.Subject] = append(down[o.Subject], Span{From: o.StartedAt, To: o.EndedAt})
	}
	for _, subject := range subjects {
		out[subject] = history(now, loc, days, known[subject], down[subject])
	}
	return out, nil
}
