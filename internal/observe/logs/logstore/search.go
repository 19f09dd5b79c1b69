package logstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/logs/part"
	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// snapshot is what may hold lines that are asked for, at one moment: no line is
// in both or in neither.
type snapshot struct {
	store *Store
	files []*file
	views []*view
}

func (s *Store) snapshot(r *query.Request) *snapshot {
	want := wanted(r)
	out := &snapshot{store: s}
	s.mu.Lock()
	defer s.mu.Unlock()
	out.views = s.views(want, r.From, r.To)
	for at, files := range s.files {
		if !want(at) {
			continue
		}
		for _, f := range files {
			if m := f.meta(); (r.From == 0 || m.MaxTime >= r.From) && (r.To == 0 || m.MinTime < r.To) {
				out.files = append(out.files, f)
			}
		}
	}
	hold(out.files)
	return out
}

func (v *snapshot) release() { v.store.release(v.files) }

// wanted says of places whether lines of them may be asked for.
func wanted(r *query.Request) func(place) bool {
	owners, classes := map[string]bool{}, map[string]bool{}
	only(r.Filter, record.OwnerField, owners)
	only(r.Filter, record.Class, classes)
	from, to := int32(-1<<31), int32(1<<31-1)
	if r.From != 0 {
		from = dayOf(r.From)
	}
	if r.To != 0 {
		to = dayOf(r.To - 1)
	}
	return func(at place) bool {
		return at.day >= from && at.day <= to && (r.Owners == nil || r.Owners(at.owner)) &&
			(len(owners) == 0 || owners[at.owner.String()]) && (len(classes) == 0 || classes[at.class])
	}
}

// only gathers the values that a field must have one of for a filter to take a
// line, if it says so; none if it does not.
func only(f query.Filter, field string, out map[string]bool) {
	switch f := f.(type) {
	case query.And:
		for _, sub := range f {
			if len(out) == 0 {
				only(sub, field, out)
			}
		}
	case query.Equal:
		if f.Field == field && !f.Fold {
			out[f.Value.Text()] = true
		}
	case query.OneOf:
		if f.Field == field {
			for _, v := range f.Values {
				out[v.Text()] = true
			}
		}
	case query.Or:
		all := map[string]bool{}
		for _, sub := range f {
			one := map[string]bool{}
			if only(sub, field, one); len(one) == 0 {
				return
			}
			for v := range one {
				all[v] = true
			}
		}
		for v := range all {
			out[v] = true
		}
	}
}

// bounded is the filter of a request with its bounds of time.
func bounded(r *query.Request) query.Filter {
	f := r.Filter
	if f == nil {
		f = query.All{}
	}
	if r.From == 0 && r.To == 0 {
		return f
	}
	in := query.Range{Field: record.Time}
	if r.From != 0 {
		in.From = record.TimeValue(r.From)
	}
	if r.To != 0 {
		in.To, in.ToOpen = record.TimeValue(r.To), true
	}
	return query.And{in, f}
}

// source is a file or lines in memory.
type source struct {
	file        *file
	view        *view
	least, most int64
}

// sources in the order in which they are looked at: those first that may hold
// the first hits.
func (v *snapshot) sources(oldest bool) []source {
	out := make([]source, 0, len(v.files)+len(v.views))
	for _, f := range v.files {
		out = append(out, source{file: f, least: f.meta().MinTime, most: f.meta().MaxTime})
	}
	for _, one := range v.views {
		out = append(out, source{view: one, least: one.from, most: one.to})
	}
	slices.SortFunc(out, func(a, b source) int {
		if oldest {
			return cmp.Compare(a.least, b.least)
		}
		return cmp.Compare(b.most, a.most)
	})
	return out
}

// answer is an answer on its way.
type answer struct {
	ctx     context.Context //nolint:containedctx // it lives as long as one question
	s       *Store
	filter  query.Filter
	plan    *query.Plan
	sources chan source

	mu      sync.Mutex
	first   *query.Collector
	scanned query.Scanned
	damaged int
	err     error
}

// Search implements query.Searcher.
func (s *Store) Search(ctx context.Context, r query.Request) (*query.Result, error) {
	began := time.Now()
	c, err := query.NewCollector(r)
	if err != nil {
		return nil, err
	}
	limit := s.o.Timeout
	if r.Timeout > 0 {
		limit = min(limit, r.Timeout)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errTimeout)
	defer cancel()
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return nil, fmt.Errorf("too many questions are being answered: %w", context.Cause(ctx))
	}
	v := s.snapshot(&r)
	defer v.release()
	f := bounded(&r)
	a := &answer{ctx: ctx, s: s, filter: f, plan: query.NewPlan(f), first: c}
	all := v.sources(len(r.Sort) > 0 && r.Sort[0].Field == record.Time && !r.Sort[0].Desc)
	a.sources = make(chan source, len(all))
	for _, one := range all {
		a.sources <- one
	}
	close(a.sources)
	a.run(min(s.workers, max(1, len(all))))
	if a.err != nil {
		return nil, a.err
	}
	out, err := c.Result()
	if err != nil {
		return nil, err
	}
	out.Took, out.Scanned = time.Since(began), a.scanned
	switch {
	case errors.Is(context.Cause(ctx), errTimeout):
		out.Partial = fmt.Sprintf("time was up after %v; there may be more", limit)
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case a.damaged > 0:
		out.Partial = fmt.Sprintf("%d damaged files were set aside; lines of them are missing", a.damaged)
	}
	return out, nil
}

var errTimeout = errors.New("time was up")

// run has workers look at all sources, each with a collector of its own.
func (a *answer) run(workers int) {
	var all sync.WaitGroup
	forks := make([]*query.Collector, workers)
	for i := range workers {
		forks[i] = a.first
		if i > 0 {
			forks[i] = a.first.Fork()
		}
		all.Go(func() { a.work(forks[i]) })
	}
	all.Wait()
	for _, c := range forks[1:] {
		if err := a.first.Join(c); err != nil {
			a.fail(err)
		}
	}
}

func (a *answer) fail(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err == nil {
		a.err = err
	}
}

func (a *answer) work(c *query.Collector) {
	var scanned query.Scanned
	defer func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.scanned.Files += scanned.Files
		a.scanned.Skipped += scanned.Skipped
		a.scanned.Rows += scanned.Rows
		a.scanned.Bytes += scanned.Bytes
	}()
	for one := range a.sources {
		if a.ctx.Err() != nil || c.Done() {
			return
		}
		if c.Skips(one.least, one.most) {
			scanned.Skipped++
			continue
		}
		var err error
		if one.view != nil && !one.view.possible(a.plan) {
			scanned.Skipped++
			continue
		}
		if one.view != nil {
			scanned.Rows += int64(one.view.Len())
			if err = c.Block(one.view, query.Select(a.filter, one.view)); err == nil {
				err = one.view.failed
			}
		} else {
			err = one.file.part.Search(a.ctx, a.plan, a.filter, c, &scanned)
		}
		switch {
		case err == nil || a.ctx.Err() != nil:
		case one.file != nil && (errors.Is(err, part.ErrDamaged) || errors.Is(err, fs.ErrNotExist)):
			a.s.quarantine(one.file, err)
			a.mu.Lock()
			a.damaged++
			a.mu.Unlock()
		default:
			a.fail(err)
			return
		}
	}
}
