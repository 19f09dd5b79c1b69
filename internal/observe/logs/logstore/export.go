package logstore

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/vigie-ops/vigie/internal/observe/logs/part"
	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// Export implements query.Searcher: it hands over every line that matches, in
// the order of their times, however many there are. In memory it has a page of
// each file that has lines of the moment.
func (s *Store) Export(ctx context.Context, r query.Request, desc bool, f func(*record.Record) error) error {
	if r.Filter == nil {
		r.Filter = query.All{}
	}
	if err := query.Check(r.Filter); err != nil {
		return err
	}
	v := s.snapshot(&r)
	defer v.release()
	m := &merger{ctx: ctx, desc: desc}
	defer m.close()
	plan := query.NewPlan(bounded(&r))
	all := v.sources(!desc)
	for len(all) > 0 || m.Len() > 0 {
		// A file is opened when its first line may be the next.
		for len(all) > 0 && (m.Len() == 0 || !m.before(all[0])) {
			if err := m.open(s, &r, plan, all[0]); err != nil {
				return err
			}
			all = all[1:]
		}
		if m.Len() == 0 {
			continue
		}
		one := m.streams[0].line
		if query.Match(r.Filter, one) {
			if r.Fields != nil {
				kept := one.Fields
				one.Fields = slices.DeleteFunc(slices.Clone(kept), func(f record.Field) bool { return !slices.Contains(r.Fields, f.Name) })
			}
			if err := f(one); err != nil {
				return err
			}
		}
		if err := m.next(); err != nil {
			return err
		}
	}
	return nil
}

// merger hands over lines of several sources in one order.
type merger struct {
	ctx     context.Context //nolint:containedctx // it lives as long as one export
	desc    bool
	streams []*lineStream
}

// lineStream is a source of which the first line is known.
type lineStream struct {
	line *record.Record
	next func() (*record.Record, error, bool)
	stop func()
}

func (m *merger) Len() int { return len(m.streams) }
func (m *merger) Less(i, j int) bool {
	a, b := m.streams[i].line, m.streams[j].line
	c := cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.Seq, b.Seq))
	if m.desc {
		return c > 0
	}
	return c < 0
}
func (m *merger) Swap(i, j int) { m.streams[i], m.streams[j] = m.streams[j], m.streams[i] }
func (m *merger) Push(x any)    { m.streams = append(m.streams, x.(*lineStream)) }
func (m *merger) Pop() any {
	last := m.streams[len(m.streams)-1]
	m.streams = m.streams[:len(m.streams)-1]
	return last
}

// before says whether the next line surely comes before all of a source.
func (m *merger) before(one source) bool {
	if m.desc {
		return m.streams[0].line.Time > one.most
	}
	return m.streams[0].line.Time < one.least
}

func (m *merger) open(s *Store, r *query.Request, plan *query.Plan, one source) error {
	var lines iter.Seq2[*record.Record, error]
	if one.view != nil {
		lines = one.view.sorted(m.ctx, r.From, r.To, m.desc)
	} else {
		// A file in which nothing can match is not read.
		if possible, err := one.file.part.Possible(plan); err == nil && !possible {
			return nil
		}
		order := part.OldestFirst
		if m.desc {
			order = part.NewestFirst
		}
		lines = func(yield func(*record.Record, error) bool) {
			stop := errors.New("stop")
			err := one.file.part.Each(m.ctx, nil, r.From, r.To, order, func(r *record.Record) error {
				if !yield(r, nil) {
					return stop
				}
				return nil
			})
			if errors.Is(err, part.ErrDamaged) {
				s.quarantine(one.file, err)
			}
			if err != nil && !errors.Is(err, stop) {
				yield(nil, err)
			}
		}
	}
	next, stop := iter.Pull2(lines)
	st := &lineStream{next: next, stop: stop}
	ok, err := st.advance()
	if !ok {
		stop()
		return err
	}
	heap.Push(m, st)
	return nil
}

func (st *lineStream) advance() (bool, error) {
	line, err, ok := st.next()
	if !ok || err != nil {
		return false, err
	}
	st.line = line
	return true, nil
}

// next goes on behind the first line.
func (m *merger) next() error {
	if err := m.ctx.Err(); err != nil {
		return err
	}
	st := m.streams[0]
	ok, err := st.advance()
	if !ok {
		st.stop()
		heap.Pop(m)
		return err
	}
	heap.Fix(m, 0)
	return nil
}

func (m *merger) close() {
	for _, st := range m.streams {
		st.stop()
	}
}

// sorted yields lines in memory in the order of their times.
func (v *view) sorted(ctx context.Context, from, to int64, desc bool) iter.Seq2[*record.Record, error] {
	return func(yield func(*record.Record, error) bool) {
		rows := make([]int, 0, len(v.lines))
		for i, l := range v.lines {
			if (from == 0 || l.time >= from) && (to == 0 || l.time < to) {
				rows = append(rows, i)
			}
		}
		slices.SortFunc(rows, func(a, b int) int {
			c := cmp.Or(cmp.Compare(v.lines[a].time, v.lines[b].time), cmp.Compare(v.lines[a].seq, v.lines[b].seq))
			if desc {
				return -c
			}
			return c
		})
		for _, i := range rows {
			var r record.Record
			if _, err := record.Decode(v.line(i), &r); err != nil {
				yield(nil, err)
				return
			}
			if ctx.Err() != nil || !yield(&r, nil) {
				return
			}
		}
	}
}
