package alert

import (
	"context"
	"slices"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/lib/id"
)

// work is one transaction on the board: copies of the records it changes, and
// what else it writes. The cache learns of it after the commit.
type work struct {
	b       *Board
	now     time.Time
	policy  Policy
	recs    map[string]*record // by id
	order   []*record
	byPrint map[string]*record // the open or latest touched record of a fingerprint
	changes []Change
	groups  map[string]Group // to be looked at, by key
	// silences are those that count once this work is committed.
	silences []Silence
}

// act runs f on the board in one transaction. f may run again after a deadlock.
func (b *Board) act(ctx context.Context, f func(ctx context.Context, tx *db.Tx, w *work) error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.load(ctx); err != nil {
		return err
	}
	return b.actLocked(ctx, f)
}

func (b *Board) actLocked(ctx context.Context, f func(ctx context.Context, tx *db.Tx, w *work) error) error {
	worked := false
	err := b.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		w := b.work()
		worked = false // Write may call again
		if err := f(ctx, tx, w); err != nil {
			return err
		}
		if err := w.save(ctx, tx); err != nil {
			return err
		}
		worked = true
		return nil
	})
	if err != nil && worked {
		// Whether a commit that failed took place is not known: what is in memory
		// is read anew.
		b.loaded = false
	}
	return err
}

func (b *Board) work() *work {
	return &work{b: b, now: b.now(), policy: b.Policy(), recs: map[string]*record{}, byPrint: map[string]*record{}, groups: map[string]Group{}, silences: b.silences}
}

// open returns the open record of a fingerprint as this work sees it, or nil.
func (w *work) open(fingerprint string) *record {
	if r, ok := w.byPrint[fingerprint]; ok {
		if r.State != Firing {
			return nil
		}
		return r
	}
	return w.b.open[fingerprint]
}

// edit returns a copy of r to change, the same one each time.
func (w *work) edit(r *record) *record {
	if c, ok := w.recs[r.ID]; ok {
		return c
	}
	c := r.clone()
	w.add(c)
	return c
}

func (w *work) add(r *record) {
	w.recs[r.ID] = r
	w.order = append(w.order, r)
	w.byPrint[r.Fingerprint] = r
}

// firing returns all open records as this work sees them.
func (w *work) firing() []*record {
	all := make([]*record, 0, len(w.b.open)+len(w.order))
	for _, r := range w.b.open {
		if w.recs[r.ID] == nil {
			all = append(all, r)
		}
	}
	for _, r := range w.order {
		if r.State == Firing {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(x, y *record) int {
		if x.ID < y.ID {
			return -1
		}
		return 1
	})
	return all
}

// note adds a line to the history of an alert.
func (w *work) note(r *record, kind, actor, text string) {
	w.changes = append(w.changes, Change{ID: id.New(), Alert: r.ID, At: w.now, Kind: kind, Actor: actor, Text: text})
}

// look has the group of r looked at after the group wait.
func (w *work) look(r *record) {
	if _, ok := w.groups[r.Group]; ok {
		return
	}
	_, common := groupOf(w.policy.GroupBy, r.Labels)
	w.groups[r.Group] = Group{Key: r.Group, Labels: common, NextFlushAt: w.now.Add(w.policy.GroupWait)}
}

func (w *work) save(ctx context.Context, tx *db.Tx) error {
	if err := saveRecords(ctx, tx, w.order); err != nil {
		return err
	}
	if err := saveChanges(ctx, tx, w.changes); err != nil {
		return err
	}
	if err := lookAtGroups(ctx, tx, w.groups); err != nil {
		return err
	}
	if len(w.order) == 0 {
		return nil
	}
	tx.After(func() {
		w.b.cache.Lock()
		for _, r := range w.order {
			r.stored = r.LastReportedAt
			w.b.keep(r)
		}
		w.b.cache.Unlock()
		w.b.wake()
		w.b.o.Changed(TopicAlerts)
	})
	return nil
}
