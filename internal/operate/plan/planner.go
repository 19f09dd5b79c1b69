package plan

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/lib/logattr"
	"github.com/vigie-ops/vigie/internal/operate/run"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/signal"
)

// Runs takes requests for runs; *run.Office is one.
type Runs interface {
	Ask(ctx context.Context, q run.Request) (run.Run, error)
	Get(ctx context.Context, id string) (run.Run, error)
	Retry(ctx context.Context, id, reason string) (run.Run, error)
	Cancel(ctx context.Context, id, by, reason string) (run.Run, error)
	// AcceptedGeneration is the repository as it may run: what is planned is read
	// from there, and from no commit that nobody accepted.
	AcceptedGeneration(ctx context.Context) (*opsrepo.Generation, error)
}

// Auditor records acts in the audit trail.
type Auditor interface {
	Record(ctx context.Context, tx *db.Tx, verb, object, reason string, details map[string]any) error
}

// Options are what the planner needs of the rest of the hub.
type Options struct {
	DB      *db.DB
	Log     *slog.Logger
	Now     func() time.Time
	Runs    Runs
	Audit   Auditor
	Sink    signal.Sink
	Changed func(topic string)
}

// Topic is what open pages listen to for schedules and chains.
const Topic = "plan"

// via is how a request of the planner comes in.
const via = "plan"

// Planner starts what is due. It is a service of the hub.
type Planner struct {
	o  Options
	mu sync.Mutex // chains are moved on by one at a time
}

// New returns a planner that does nothing until Run.
func New(o Options) *Planner {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Changed == nil {
		o.Changed = func(string) {}
	}
	return &Planner{o: o}
}

func (p *Planner) now() time.Time { return p.o.Now().UTC().Truncate(time.Microsecond) }

func (p *Planner) changed(tx *db.Tx) { tx.After(func() { p.o.Changed(Topic) }) }

// Name implements the hub's services.
func (p *Planner) Name() string { return "plan" }

// every is how often the planner looks what is due.
const every = 2 * time.Second

// late is how much later than its time something still starts: a hub that was
// being upgraded catches up, one that was off over night does not begin in the
// morning.
const late = time.Hour

// Run starts what is due until ctx is done.
func (p *Planner) Run(ctx context.Context) error {
	timer := time.NewTicker(every)
	defer timer.Stop()
	for {
		if err := p.Look(ctx); err != nil && ctx.Err() == nil {
			p.o.Log.Error("what is planned could not be looked at", logattr.Err(err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
	}
}

// Look starts what is due now and moves chains on.
func (p *Planner) Look(ctx context.Context) error {
	err := p.schedules(ctx)
	active, e := chainsWhere(ctx, p.o.DB.Read(), "state = ? ORDER BY id", string(Running))
	err = errors.Join(err, e)
	for _, c := range active {
		err = errors.Join(err, p.advance(ctx, c.ID))
	}
	return err
}

func (p *Planner) schedules(ctx context.Context) error {
	g, err := p.accepted(ctx)
	if err != nil || g == nil {
		return err
	}
	all := Schedules.Of(g)
	if len(all) == 0 {
		return nil
	}
	known, err := readFired(ctx, p.o.DB.Read())
	if err != nil {
		return err
	}
	f := fleet.NewSnapshot(g)
	for _, s := range all {
		err = errors.Join(err, p.schedule(ctx, g, f, s, known[s.Slug]))
	}
	return err
}

// schedule sees to the time of one schedule that has come, if one has.
func (p *Planner) schedule(ctx context.Context, g *opsrepo.Generation, f *fleet.Snapshot, s Schedule, was fired) error {
	now, definition := p.now(), s.definition(f)
	if was.Slug == "" || was.Definition != definition {
		// A new timetable counts from now on: what would have been due before is
		// nothing that was missed.
		was.Slug, was.Definition, was.Since = s.Slug, definition, now
		return p.save(ctx, was)
	}
	due := time.Time{}
	for at, n := s.Next(f, was.from()), 0; !at.IsZero() && !at.After(now) && n < tries; at, n = s.Next(f, at), n+1 {
		due = at // of several that passed, the last one counts for all
	}
	if due.IsZero() {
		return nil
	}
	was.Due = due
	if s.Paused {
		return p.save(ctx, was)
	}
	was.Problem = ""
	if now.Sub(due) > late {
		was.Problem = fmt.Sprintf("the hub was away at %s UTC", due.UTC().Format("Mon 2 Jan 15:04"))
	} else if busy, err := p.busy(ctx, was); err != nil {
		return err
	} else if busy != "" {
		was.Problem = busy
	} else if err := p.start(ctx, g, s, &was); err != nil {
		return err
	}
	if err := p.o.Sink.Report(ctx, signalOf(s, was, now)); err != nil {
		return fmt.Errorf("report schedule %s: %w", s.Slug, err)
	}
	return p.save(ctx, was)
}

func (p *Planner) save(ctx context.Context, f fired) error {
	return p.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		p.changed(tx)
		return saveFired(ctx, tx, f)
	})
}

// busy says what of the time before is still under way.
func (p *Planner) busy(ctx context.Context, was fired) (string, error) {
	switch {
	case was.Chain != "":
		c, err := p.Chain(ctx, was.Chain)
		if errors.Is(err, ErrNotFound) || err == nil && c.State != Running {
			return "", nil
		}
		return "the chain of the time before is still under way", err
	case was.Run != "":
		r, err := p.o.Runs.Get(ctx, was.Run)
		if errors.Is(err, run.ErrNotFound) || err == nil && r.State.Over() {
			return "", nil
		}
		return fmt.Sprintf("run #%d of the time before is still %s", r.Number, r.State), err
	}
	return "", nil
}

// start starts what a schedule is for. What is refused is a problem; an error
// may pass, and is tried again.
func (p *Planner) start(ctx context.Context, g *opsrepo.Generation, s Schedule, was *fired) error {
	reason := s.Reason
	if reason == "" {
		reason = "it is scheduled: " + s.Title()
	}
	actor := people.Actor{Slug: "schedule:" + s.Slug, Name: s.Title(), Role: people.Admin, Via: via}
	key := fmt.Sprintf("schedule/%s/%d", s.Slug, was.Due.Unix())
	ctx = people.With(ctx, actor)
	if s.Chain != "" {
		c, err := p.begin(ctx, g, s.Chain, Progress{Reason: reason, By: actor.Slug, Role: actor.Role, Origin: actor.Slug, key: key})
		var refused *RefusedError
		switch {
		case errors.As(err, &refused):
			was.Problem = refused.Reason
			return nil
		case err != nil:
			return err
		}
		was.Run, was.Chain = "", c.ID
		if c.State == Failed {
			was.Problem = c.Cause
		}
		return nil
	}
	r, err := p.o.Runs.Ask(ctx, run.Request{
		Playbook: s.Playbook, Commit: g.Commit, Limit: s.Limit, Tags: s.Tags, Variables: s.Variables, Check: s.Check, Reason: reason, Origin: actor.Slug, Key: key,
	})
	if words, refused := inWords(err); refused {
		was.Problem = words
		return nil
	}
	was.Run, was.Chain = r.ID, ""
	return err
}

// stands is how long the alert of what did not start stands, if nothing starts
// before.
const stands = 7 * 24 * time.Hour

// signalOf is what a time of a schedule says: what did not start fires, and
// what started resolves it.
func signalOf(s Schedule, f fired, now time.Time) signal.Signal {
	out := signal.Signal{
		Detector: "plan", Subject: signal.Subject{Kind: signal.OpsRepo}, State: signal.Resolved, StartsAt: now, At: now,
		Labels: map[string]string{signal.LabelName: "ScheduledRunNotStarted", signal.LabelSeverity: string(signal.Warning), "schedule": s.Slug},
	}
	if f.Problem == "" {
		return out
	}
	out.State, out.Until = signal.Firing, now.Add(stands)
	out.Annotations = map[string]string{
		signal.Summary:     "The scheduled run " + s.Title() + " did not start",
		signal.Description: f.Problem,
		signal.Value:       f.Problem,
		signal.Link:        "/schedules",
		signal.FirstStep:   "Mend the cause, then run it by hand if it cannot wait until its next time.",
	}
	return out
}

// Planned is a schedule with what is known of it.
type Planned struct {
	Schedule
	Zone    string    // name of the time zone that counts
	NextAt  time.Time // zero while it is paused, and when nothing comes any more
	LastAt  time.Time // the last time that was seen to
	Run     string    // id of what was started then
	Started string    // the same for a chain
	Problem string    // why nothing was
}

// Schedules returns all schedules of the operations repository.
func (p *Planner) Schedules(ctx context.Context) ([]Planned, error) {
	g, err := p.accepted(ctx)
	if err != nil {
		return nil, err
	}
	known, err := readFired(ctx, p.o.DB.Read())
	if err != nil {
		return nil, err
	}
	f := fleet.NewSnapshot(g)
	var out []Planned
	for _, s := range Schedules.Of(g) {
		one := Planned{Schedule: s, LastAt: known[s.Slug].Due, Run: known[s.Slug].Run, Started: known[s.Slug].Chain, Problem: known[s.Slug].Problem, Zone: s.office(f).Zone.String()}
		if !s.Paused {
			one.NextAt = s.Next(f, p.now())
		}
		out = append(out, one)
	}
	return out, nil
}

// Defined returns the chains of the operations repository.
func (p *Planner) Defined(ctx context.Context) ([]Chain, error) {
	g, err := p.accepted(ctx)
	return Chains.Of(g), err
}

// accepted is the repository as it may run, or nil before that.
func (p *Planner) accepted(ctx context.Context) (*opsrepo.Generation, error) {
	g, err := p.o.Runs.AcceptedGeneration(ctx)
	if _, refused := inWords(err); refused {
		return nil, nil
	}
	return g, err
}
