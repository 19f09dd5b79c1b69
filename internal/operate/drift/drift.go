package drift

import (
	"context"
	"embed"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/lib/logattr"
	"github.com/vigie-ops/vigie/internal/operate/playbook"
	"github.com/vigie-ops/vigie/internal/operate/run"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/signal"
)

//go:embed schema/*.sql
var schema embed.FS

// Tables is the tables of drift.
var Tables = db.Schema{Room: "drift", FS: schema}

// Topic is what open pages listen to for drift.
const Topic = "drift"

// Origin is what the runs are asked by that look for drift.
const Origin = "drift"

// Office is what of runs drift needs; *run.Office is one.
type Office interface {
	Ask(ctx context.Context, q run.Request) (run.Run, error)
	Accepted(ctx context.Context) (opsrepo.Commit, error)
	Catalogue(ctx context.Context, commit string) ([]playbook.Playbook, *fleet.Snapshot, error)
	EndedAfter(ctx context.Context, seq int64, n int) ([]run.Run, error)
	Tasks(ctx context.Context, run string) ([]run.Task, error)
	Hosts(ctx context.Context, run string) ([]run.Host, error)
	Results(ctx context.Context, run string, f run.ResultFilter) ([]run.Result, bool, error)
}

var _ Office = (*run.Office)(nil)

// Auditor records acts in the audit trail.
type Auditor interface {
	Record(ctx context.Context, tx *db.Tx, verb, object, reason string, details map[string]any) error
}

// Options are what drift needs of the rest of the hub.
type Options struct {
	DB      *db.DB
	Log     *slog.Logger
	Now     func() time.Time // time.Now if nil
	Office  Office
	Current func() *opsrepo.Generation // that the hub follows, or nil
	Sink    signal.Sink
	Audit   Auditor
	Changed func(topic string)
}

// Watch looks for drift. It is a service of the hub.
type Watch struct {
	o Options

	// Of the service alone.
	commit   string    // whose servers and playbooks the findings were held against
	asked    string    // the night whose checks were all asked for
	retryAt  time.Time // when what could not be asked is tried again
	toldAt   time.Time
	prunedAt time.Time

	stale   atomic.Bool // something changed that the board of alerts was not told
	counts  sync.Mutex
	counted time.Time
	numbers Numbers
}

// New returns a watch that does nothing until Run.
func New(o Options) *Watch {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Changed == nil {
		o.Changed = func(string) {}
	}
	return &Watch{o: o}
}

func (w *Watch) now() time.Time { return w.o.Now().UTC().Truncate(time.Microsecond) }

// changed has pages, counts and alerts look again, once the transaction
// committed.
func (w *Watch) changed(tx *db.Tx) {
	tx.After(func() {
		w.stale.Store(true)
		w.counts.Lock()
		w.counted = time.Time{}
		w.counts.Unlock()
		w.o.Changed(Topic)
	})
}

const (
	tickEvery  = 5 * time.Second
	tellEvery  = time.Minute     // ages and the end of what is ignored
	retryEvery = 5 * time.Minute // to ask what could not be asked
	pruneEvery = 24 * time.Hour
	// keepGone is how long what is gone is kept as history.
	keepGone = 90 * 24 * time.Hour
)

// Name implements the hub's Service.
func (w *Watch) Name() string { return "drift" }

// Run looks until ctx is done.
func (w *Watch) Run(ctx context.Context) error {
	t := time.NewTicker(tickEvery)
	defer t.Stop()
	for {
		if err := w.tick(ctx); err != nil && ctx.Err() == nil {
			w.o.Log.Warn("drift cannot be looked after, trying again", logattr.Err(err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

// tick does what is due. A part that fails does not keep the others.
func (w *Watch) tick(ctx context.Context) error {
	c, err := w.begin(ctx)
	if err != nil {
		return err
	}
	return errors.Join(w.follow(ctx, c.Seq), w.leave(ctx), w.nightly(ctx, c.BegunAt), w.tell(ctx), w.prune(ctx))
}

// zone is the company's time zone.
func zone(g *opsrepo.Generation) *time.Location {
	if l, err := time.LoadLocation(fleet.NewSnapshot(g).Company().Timezone); err == nil {
		return l
	}
	return time.UTC
}

// Schedule is when drift is looked for.
type Schedule struct {
	Off  bool
	At   string
	Zone string
	Next time.Time // zero if off
	// Playbooks are those that are checked, in the catalogue that the hub follows.
	Playbooks []playbook.Playbook
}

// Schedule returns when drift is looked for, and by which playbooks.
func (w *Watch) Schedule() Schedule {
	g := w.o.Current()
	p, at := PolicyOf(g), zone(g)
	s := Schedule{Off: p.Off, At: string(p.At), Zone: at.String(), Playbooks: checked(playbook.Catalogue.Of(g))}
	if !p.Off {
		s.Next = nextNight(w.now(), p.At, at).Due
	}
	return s
}

// checked are the playbooks that are part of the look.
func checked(all []playbook.Playbook) []playbook.Playbook {
	var out []playbook.Playbook
	for _, p := range all {
		if p.Drift {
			out = append(out, p)
		}
	}
	return out
}
