package part

import (
	"cmp"
	"container/heap"
	"context"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// Order is that in which Each reads lines.
type Order int

// The orders.
const (
	AsWritten   Order = iota // by service, then time
	OldestFirst              // by time
	NewestFirst
)

// Each hands over the lines of times from <= t < to; zero is open. Of a line it
// reads the fields named or, with nil, all; what is no field of Fields in any
// case. The line is only good until f
// returns. It stops at the first error of f and returns it.
//
// In memory it has one page of each column for every service of the file: a
// page is at most 8,192 lines or 4 MiB of text and one line. AsWritten needs one
// page of each column in all.
func (p *Part) Each(ctx context.Context, fields []string, from, to int64, order Order, f func(*record.Record) error) error {
	if from != 0 && p.meta.MaxTime < from || to != 0 && p.meta.MinTime >= to {
		return nil
	}
	file, err := open(p.path)
	if err != nil {
		return err
	}
	defer file.close()
	if order == AsWritten {
		return file.inOrder(ctx, fields, from, to, f)
	}
	return file.byTime(ctx, fields, from, to, order == NewestFirst, f)
}

func (f *file) inOrder(ctx context.Context, fields []string, from, to int64, yield func(*record.Record) error) error {
	c := f.cursor(ctx, fields)
	defer c.close()
	for {
		r, err := c.next()
		if r == nil || err != nil {
			return err
		}
		if from != 0 && r.Time < from || to != 0 && r.Time >= to {
			continue
		}
		if err := yield(r); err != nil {
			return err
		}
	}
}

// cursor reads a file line by line, in its order.
type cursor struct {
	ctx    context.Context
	f      *file
	fields []string
	group  int
	row    int
	block  *block
	line   record.Record
}

func (f *file) cursor(ctx context.Context, fields []string) *cursor {
	return &cursor{ctx: ctx, f: f, fields: fields}
}

// next returns the next line, which is good until the next call; nil at the end.
func (c *cursor) next() (*record.Record, error) {
	for c.block == nil || c.row == c.block.g.rows {
		c.close()
		if c.group == len(c.f.groups) {
			return nil, nil //nolint:nilnil // the end is no error
		}
		c.block = c.f.block(c.f.groups[c.group])
		c.block.onePage = true
		c.group++
		c.row = 0
	}
	if c.row%1024 == 0 {
		if err := c.ctx.Err(); err != nil {
			return nil, err
		}
	}
	c.block.read(c.row, c.fields, &c.line)
	c.row++
	if err := c.block.err; err != nil {
		return nil, err
	}
	return &c.line, nil
}

func (c *cursor) close() {
	if c.block != nil {
		c.block.release()
		c.block = nil
	}
}

// run is rows of a group that follow each other in time: those of a service, or
// of several.
type run struct {
	block    *block
	row, end int // the next one, and the one behind the last, which may be before
	step     int
	times    []int64
	seqs     []int64
}

// before says whether a run's next line comes before another's.
func (r *run) before(o *run) bool {
	c := cmp.Or(cmp.Compare(r.times[r.row], o.times[o.row]), cmp.Compare(uint64(r.seqs[r.row]), uint64(o.seqs[o.row]))) //nolint:gosec // as it was written
	return c*r.step < 0
}

type runs []*run

func (h runs) Len() int           { return len(h) }
func (h runs) Less(i, j int) bool { return h[i].before(h[j]) }
func (h runs) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *runs) Push(x any)        { *h = append(*h, x.(*run)) }
func (h *runs) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

func (f *file) byTime(ctx context.Context, fields []string, from, to int64, desc bool, yield func(*record.Record) error) error {
	var h runs
	var keys held // times and numbers of all groups
	defer keys.release()
	defer func() {
		for _, r := range h {
			r.block.release()
		}
	}()
	for _, g := range f.groups {
		if from != 0 && g.most < from || to != 0 && g.least >= to {
			continue
		}
		some, err := f.runs(g, from, to, &keys)
		if err != nil {
			return err
		}
		for _, r := range some {
			if r.step = 1; desc {
				r.step, r.row, r.end = -1, r.end-1, r.row-1
			}
			h = append(h, r)
		}
	}
	heap.Init(&h)
	var line record.Record
	for n := 0; len(h) > 0; n++ {
		if n%1024 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		r := h[0]
		r.block.read(r.row, fields, &line)
		if r.block.err != nil {
			return r.block.err
		}
		if err := yield(&line); err != nil {
			return err
		}
		if r.row += r.step; r.row == r.end {
			heap.Pop(&h)
			r.block.release()
		} else {
			heap.Fix(&h, 0)
		}
	}
	return nil
}

// runs finds the runs of a group, with the rows of the times asked for.
func (f *file) runs(g *groupInfo, from, to int64, h *held) ([]*run, error) {
	times, err := f.decode(g, f.column(record.Time), 0, len(g.pages), h)
	if err != nil {
		return nil, err
	}
	seqs, err := f.decode(g, f.column(record.Seq), 0, len(g.pages), h)
	if err != nil {
		return nil, err
	}
	if times.Nums == nil || seqs.Nums == nil {
		return nil, damaged(f.path, g.chunks[0].at, "a line without time or number")
	}
	var all []*run
	t, s := times.Nums, seqs.Nums
	for start := 0; start < g.rows; {
		end := start + 1
		for end < g.rows && cmp.Or(cmp.Compare(t[end-1], t[end]), cmp.Compare(uint64(s[end-1]), uint64(s[end]))) <= 0 { //nolint:gosec // as it was written
			end++
		}
		r := &run{times: t, seqs: s, row: start, end: end}
		for from != 0 && r.row < r.end && t[r.row] < from {
			r.row++
		}
		for to != 0 && r.end > r.row && t[r.end-1] >= to {
			r.end--
		}
		if r.row < r.end {
			r.block = f.block(g)
			r.block.onePage = true
			all = append(all, r)
		}
		start = end
	}
	return all, nil
}
