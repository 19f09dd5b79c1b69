package probe

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/observe/probe/prober"
	"github.com/vigie-ops/vigie/internal/signal"
)

// Prober runs one probe; *prober.Prober is one.
type Prober interface {
	Run(ctx context.Context, t prober.Target) prober.Result
}

// Options says what the service works with.
type Options struct {
	DB      *db.DB
	Prober  Prober
	Sink    signal.Sink     // takes the signals over
	Samples Samples         // takes the series over; none if nil
	Agents  func() []string // servers whose agents are online, for the second place; none if nil
	Log     *slog.Logger
	// Waiting says whether a server still waits for its agent. Its ports that
	// are watched without an entry are looked at and shown, but no outage of
	// them is confirmed. No server waits if nil.
	Waiting func(server string) bool

	Concurrency int           // probes that run at once; 64 if zero
	Grace       time.Duration // after the start, in which no outage is confirmed
}

// The rhythm of the service.
const (
	defaultConcurrency = 64
	tickEvery          = 5 * time.Second  // staleness is noticed
	aliveEvery         = 30 * time.Second // the hub notes that it looks
	aliveGap           = 2 * time.Minute  // longer silence of the hub is unknown time
)

// Service looks at everything that the loaded generation wants watched. Its
// zero value is not usable; New returns one that watches nothing until
// ApplyOps hands it a generation.
type Service struct {
	o     Options
	slots chan struct{} // one for each probe that runs
	wake  chan struct{} // the schedule changed
	kick  chan struct{} // there is something to write or to report

	mu        sync.Mutex
	commit    string
	loc       *time.Location
	runs      map[string]*run
	sorted    []*run // by slug
	bySubject map[signal.Subject][]*run
	sched     *prober.Schedule
	started   time.Time
	writes    []write
	samples   []Sample
	network   network
}

// run is one probe while it is watched. Everything in it is under Service.mu.
type run struct {
	plan    Plan
	machine *Machine
	last    map[string]prober.Result // by place
	version int                      // grows when the question changes
	busy    bool
	gap     bool // nobody looks, and the tables say so
	second  second
	beat    time.Time // heartbeat: the last one

	certificate      signal.Severity // what was reported of it; empty for nothing
	certificateSince time.Time
	certificateEnd   time.Time
	certificateDays  int // that were left when it was reported
}

// New returns a service that watches nothing yet.
func New(o Options) *Service {
	if o.Concurrency <= 0 {
		o.Concurrency = defaultConcurrency
	}
	if o.Agents == nil {
		o.Agents = func() []string { return nil }
	}
	if o.Waiting == nil {
		o.Waiting = func(string) bool { return false }
	}
	return &Service{
		o: o, slots: make(chan struct{}, o.Concurrency), wake: make(chan struct{}, 1), kick: make(chan struct{}, 1),
		loc: time.UTC, runs: map[string]*run{}, bySubject: map[signal.Subject][]*run{}, sched: prober.NewSchedule(),
		network: network{waiting: o.Waiting},
	}
}

// Name implements the hub's service.
func (s *Service) Name() string { return "probes" }

// Run watches until ctx is done.
func (s *Service) Run(ctx context.Context) error {
	if err := s.start(ctx); err != nil {
		return err
	}
	var wg sync.WaitGroup
	wg.Go(func() { s.keep(ctx) })
	wg.Go(func() { s.pruneDaily(ctx) })
	wg.Go(func() { s.every(ctx, tickEvery, s.tick) })
	wg.Go(func() { s.every(ctx, aliveEvery, s.noteAlive) })
	wg.Go(func() { s.every(ctx, sampleEvery, func(time.Time) { s.flush(ctx) }) })
	s.dispatch(ctx, &wg)
	wg.Wait()
	return nil
}

// start notes how long nobody looked and makes every kept signal due again.
func (s *Service) start(ctx context.Context) error {
	now := time.Now()
	err := s.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		last, err := alive(ctx, tx, now)
		if err != nil {
			return err
		}
		if !last.IsZero() && now.Sub(last) > aliveGap {
			if err := insertGap(ctx, tx, newID(), "", last, now); err != nil {
				return err
			}
		}
		return repeatAll(ctx, tx)
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.started = now
	for _, r := range s.runs {
		r.machine.NotBefore = now.Add(s.o.Grace)
		r.busy = false // an earlier Run may have ended before its turn came
	}
	nudge(s.kick)
	return nil
}

func (s *Service) every(ctx context.Context, d time.Duration, f func(now time.Time)) {
	t := time.NewTicker(d)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-t.C:
			f(now)
		}
	}
}

func (s *Service) noteAlive(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.later(func(ctx context.Context, tx *db.Tx) error {
		_, err := alive(ctx, tx, now)
		return err
	})
}

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// dispatch starts the probes whose turn has come.
func (s *Service) dispatch(ctx context.Context, wg *sync.WaitGroup) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-timer.C:
		}
		now := time.Now()
		for _, j := range s.step(now) {
			select {
			case <-ctx.Done():
				return
			case s.slots <- struct{}{}:
			}
			wg.Go(func() {
				defer func() { <-s.slots }()
				s.finish(j, s.o.Prober.Run(ctx, j.target))
			})
		}
		timer.Reset(s.untilNext())
	}
}

// job is a probe to run now.
type job struct {
	slug    string
	version int
	target  prober.Target
}

// step returns what the hub has to run now, and looks after heartbeats.
func (s *Service) step(now time.Time) []job {
	s.mu.Lock()
	defer s.mu.Unlock()
	due := s.sched.Due(now)
	jobs := make([]job, 0, len(due))
	for _, slug := range due {
		r := s.runs[slug]
		switch {
		case r.plan.Kind == KindHeartbeat:
			s.checkBeat(r, now)
		case !r.busy && r.fromHub():
			r.busy = true
			jobs = append(jobs, job{slug, r.version, r.plan.Target})
		}
	}
	return jobs
}

// idle is how long the dispatcher sleeps when nothing is watched.
const idle = time.Hour

func (s *Service) untilNext() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.sched.Next()
	if !ok {
		return idle
	}
	return max(0, time.Until(at))
}

func (r *run) fromHub() bool { return len(r.plan.From) == 0 || slices.Contains(r.plan.From, Hub) }

// finish takes what the hub itself saw.
func (s *Service) finish(j job, res prober.Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.runs[j.slug]
	if r == nil || r.version != j.version { // removed or changed meanwhile
		return
	}
	r.busy = false
	s.take(r, Hub, res, time.Now())
}
