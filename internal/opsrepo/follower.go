package opsrepo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/signal"
)

// FollowerOptions are the parts of a Follower.
type FollowerOptions struct {
	Source   Source // a command that only restores needs none
	Sections []Section
	DB       *db.DB
	Appliers []Applier
	Sink     signal.Sink // may be nil
	Interval time.Duration
	Log      *slog.Logger
	Now      func() time.Time
}

// Follower keeps the hub on the newest good state of a repository.
type Follower struct {
	o    FollowerOptions
	kick chan struct{}

	// checking is held during a whole check, so that two never mix.
	checking sync.Mutex
	failures int // fetches, or applications, that failed in a row
	alarms   alarms
	seen     Tree // what was judged last, so that the same is not judged again

	mu      sync.Mutex
	status  Status
	refused fs.FS // the files of status.Seen while it is refused
}

// Status says what runs and what was found at the last check.
type Status struct {
	Source    string
	Current   *Generation // nil until a first one was applied
	AppliedAt time.Time   // when Current was applied
	CheckedAt time.Time   // of the last check, good or not; zero before the first
	Seen      Commit      // the newest commit; another than Current's while it is refused
	Problems  Problems    // why Seen is refused
	Err       error       // why the repository could not be fetched or applied
	History   []Applied   // the last 50, newest first
}

const (
	defaultInterval = 30 * time.Second
	shownHistory    = 50
	// patience is how many failures in a row are worth an alert: one lost
	// connection is not.
	patience = 3
)

// NewFollower returns a follower that has not looked yet: call Restore, then
// Run.
func NewFollower(o FollowerOptions) *Follower {
	if o.Interval <= 0 {
		o.Interval = defaultInterval
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	f := &Follower{
		o:      o,
		kick:   make(chan struct{}, 1),
		alarms: alarms{sink: o.Sink, reported: map[string]report{}},
	}
	if o.Source != nil {
		f.status.Source = o.Source.String()
	}
	return f
}

// Name implements the hub's services.
func (f *Follower) Name() string { return "operations repository" }

// Run checks at once, at every interval, and when kicked, until ctx is done.
func (f *Follower) Run(ctx context.Context) error {
	timer := time.NewTicker(f.o.Interval)
	defer timer.Stop()
	for {
		f.Check(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		case <-f.kick:
		}
	}
}

// Kick makes Run check at once. It does not wait.
func (f *Follower) Kick() {
	select {
	case f.kick <- struct{}{}:
	default: // a check is due already
	}
}

// Status returns what runs and what the last check found.
func (f *Follower) Status() Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.status
}

// Refused returns the files of the state that is refused, to show the lines
// that are wrong; nil while nothing is.
func (f *Follower) Refused() fs.FS {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.refused
}

// Current returns the generation that runs, or nil before the first.
func (f *Follower) Current() *Generation { return f.Status().Current }

// Commits returns at most n commits made after since, newest first; none
// where there is no git.
func (f *Follower) Commits(ctx context.Context, since time.Time, n int) ([]Commit, error) {
	return f.o.Source.Log(ctx, since, n)
}

// Restore applies the last good generation from the database, so that a hub
// starts when the repository is gone. A database without one is no error.
//
// Another version of Vigie may judge the same files otherwise. What it finds
// nothing wrong with is applied all the same, since a hub that knows no people
// and no channels can tell nobody of anything, not even of this; the sections
// with mistakes are left out, and the alert of a refused repository says why.
func (f *Follower) Restore(ctx context.Context) error {
	f.checking.Lock()
	defer f.checking.Unlock()
	row, ok, err := stored(ctx, f.o.DB.Read())
	if err != nil || !ok {
		return err
	}
	fsys, err := unpack(row.Archive)
	if err != nil {
		return fmt.Errorf("restore the operations repository of %s: %w", row.AppliedAt, err)
	}
	g, problems := salvage(fsys, f.o.Sections, nil)
	a := row.applied()
	if g == nil {
		err = fmt.Errorf("restore the operations repository: this version of Vigie cannot read commit %s: %s", a.Commit, problems.Summary())
	} else {
		g.Commit, g.Author, g.Subject, g.At = a.Commit, a.Author, a.Subject, a.At
		err = f.apply(ctx, g, a.AppliedAt)
	}
	if len(problems) > 0 {
		f.lack(ctx, g, a, fsys, problems)
	}
	return err
}

// lack tells that a part of what ran before is refused now; g is nil if all of
// it is.
func (f *Follower) lack(ctx context.Context, g *Generation, a Applied, fsys fs.FS, problems Problems) {
	var leftOut []string
	if g != nil {
		leftOut = g.leftOut
	}
	f.o.Log.Error("this version of Vigie refuses what the hub ran before, and leaves out what is wrong",
		"commit", a.Commit, "left_out", leftOut, "mistakes", len(problems), "first", problems.Summary())
	f.mu.Lock()
	f.status.Problems, f.refused = problems, fsys
	f.status.Seen = Commit{Hash: a.Commit, Author: a.Author, Subject: a.Subject, At: a.At}
	f.mu.Unlock()
	f.alarms.fire(ctx, f.o.Now(), f.o.Log, alertInvalid, problems.Summary())
}

// Check looks at the repository once, and applies what is new and valid.
// Everything it finds out is in Status.
func (f *Follower) Check(ctx context.Context) {
	f.checking.Lock()
	defer f.checking.Unlock()
	tree, err := f.o.Source.Fetch(ctx)
	if ctx.Err() != nil { // stopping is no finding
		return
	}
	if err != nil {
		f.failed(ctx, alertUnreachable, err)
		return
	}
	if tree.Hash == f.seen.Hash && tree.Commit == f.seen.Commit {
		f.settled(ctx, tree, f.Status().Problems)
		return
	}
	g, problems := Load(tree.FS, f.o.Sections)
	if len(problems) == 0 {
		g.Commit, g.Author, g.Subject, g.At = tree.Commit, tree.Author, tree.Subject, tree.At
		if err := f.applyNew(ctx, g); err != nil {
			f.alarms.clear(ctx, f.o.Now(), f.o.Log, alertUnreachable, alertInvalid)
			f.failed(ctx, alertNotApplied, err)
			return
		}
	}
	if len(problems) > 0 {
		f.o.Log.Warn("operations repository refused", "commit", tree.Commit, "mistakes", len(problems), "first", problems.Summary())
	}
	f.seen = tree
	f.seen.FS = nil // judged; the files of a good one need not stay in memory
	f.settled(ctx, tree, problems)
}

// applyNew applies a generation unless it runs already.
func (f *Follower) applyNew(ctx context.Context, g *Generation) error {
	if now := f.Current(); now != nil && now.Commit == g.Commit && now.Hash == g.Hash && len(now.refused) == 0 {
		return nil
	}
	if err := f.apply(ctx, g, f.o.Now()); err != nil {
		return err
	}
	f.o.Log.Info("operations repository applied", "commit", g.Commit, "files", len(g.Files))
	return nil
}

// apply stores a generation and hands it to every applier in one transaction.
func (f *Follower) apply(ctx context.Context, g *Generation, at time.Time) error {
	err := f.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if len(g.refused) == 0 { // else it is stored already, with all of its files
			if err := store(ctx, tx, g, at); err != nil {
				return err
			}
		}
		for _, a := range f.o.Appliers {
			if err := a.ApplyOps(ctx, tx, g); err != nil {
				return err
			}
		}
		tx.After(func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.status.Current, f.status.AppliedAt = g, at
		})
		return nil
	})
	if err != nil {
		return fmt.Errorf("apply commit %s of the operations repository: %w", g.Commit, err)
	}
	h, err := history(ctx, f.o.DB.Read(), shownHistory)
	if err != nil {
		// It is applied; only what the console shows of the past is older.
		f.o.Log.Error("history of the operations repository not read", "err", err)
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status.History = h
	return nil
}

// failed notes that the repository could not be fetched or applied.
func (f *Follower) failed(ctx context.Context, alert string, err error) {
	f.failures++
	f.o.Log.Warn("operations repository not checked", "err", err, "failures", f.failures)
	f.mu.Lock()
	f.status.CheckedAt, f.status.Err = f.o.Now(), err
	f.mu.Unlock()
	if f.failures >= patience {
		f.alarms.fire(ctx, f.o.Now(), f.o.Log, alert, firstLine(err))
	}
}

// settled notes a check that came to a judgement.
func (f *Follower) settled(ctx context.Context, tree Tree, problems Problems) {
	f.failures = 0
	f.mu.Lock()
	f.status.CheckedAt, f.status.Err, f.status.Problems = f.o.Now(), nil, problems
	if f.refused = nil; len(problems) > 0 {
		f.refused = tree.FS
	}
	f.status.Seen = Commit{Hash: tree.Commit, Author: tree.Author, Subject: tree.Subject, At: tree.At}
	f.mu.Unlock()
	f.alarms.clear(ctx, f.o.Now(), f.o.Log, alertUnreachable, alertNotApplied)
	if len(problems) == 0 {
		f.alarms.clear(ctx, f.o.Now(), f.o.Log, alertInvalid)
		return
	}
	f.alarms.fire(ctx, f.o.Now(), f.o.Log, alertInvalid, problems.Summary())
}

// firstLine keeps a summary to one line.
func firstLine(err error) string {
	var problems Problems
	if errors.As(err, &problems) {
		return problems.Summary()
	}
	return err.Error()
}
