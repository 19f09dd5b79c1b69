package query

import (
	"container/heap"
	"errors"
	"fmt"
	"slices"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// MaxHits bounds Size and Skip of a request together.
const MaxHits = 10_000

// MaxBuckets bounds the buckets of all aggregations of an answer.
const MaxBuckets = 65_536

// ErrBuckets is an answer that would have more buckets than are made.
var ErrBuckets = fmt.Errorf("the answer would have more than %d buckets; take a longer interval or a shorter time", MaxBuckets)

// Collector gathers an answer from blocks: hits, counts and aggregations. It is
// used by one goroutine; Fork gives others one of their own, and Join puts what
// they gathered together.
type Collector struct {
	req   *Request
	order order
	keep  int // hits to keep: those passed over, too
	total int64
	hits  hitHeap
	aggs  []*aggPlan
	state []*aggState
	room  *room
	err   error
}

// NewCollector prepares the gathering of an answer, or says why a request has
// none.
func NewCollector(r Request) (*Collector, error) {
	if r.Filter == nil {
		r.Filter = All{}
	}
	if err := Check(r.Filter); err != nil {
		return nil, err
	}
	if r.Size < 0 || r.Skip < 0 || r.Size+r.Skip > MaxHits {
		return nil, fmt.Errorf("at most %d hits are shown, passed over ones included; continue behind the last one with its sort values instead", MaxHits)
	}
	c := &Collector{req: &r, order: orderOf(&r), keep: r.Size + r.Skip, room: &room{left: MaxBuckets}}
	c.hits.order = c.order
	var err error
	if c.aggs, err = planAggs(r.Aggs, 0); err != nil {
		return nil, err
	}
	c.state = newStates(c.aggs)
	return c, nil
}

// Fork returns an empty collector of the same request.
func (c *Collector) Fork() *Collector {
	f, err := NewCollector(*c.req)
	if err != nil {
		f = &Collector{req: c.req, order: c.order, err: err, room: &room{}}
	}
	return f
}

// Done says that no further block changes the answer.
func (c *Collector) Done() bool {
	return c.err != nil || c.keep == 0 && len(c.aggs) == 0 && c.counted()
}

// counted says that counting may stop.
func (c *Collector) counted() bool { return c.req.TotalUpTo > 0 && c.total >= c.req.TotalUpTo }

// Skips says that a block of lines with times from least to most, in
// nanoseconds, does not change the answer.
func (c *Collector) Skips(least, most int64) bool {
	if c.Done() {
		return true
	}
	if len(c.aggs) > 0 || !c.counted() {
		return false
	}
	if c.keep == 0 {
		return true
	}
	if len(c.hits.all) < c.keep || c.order[0].Field != record.Time {
		return false
	}
	worst := c.hits.all[0].key.values[0].Num
	if c.order[0].Desc {
		return most < worst
	}
	return least > worst
}

// Block takes some rows of a block in. It returns when it needs the block no
// more.
func (c *Collector) Block(b Block, rows *Set) error {
	if c.err != nil {
		return c.err
	}
	n := rows.Count()
	if n == 0 {
		return nil
	}
	c.total += int64(n)
	for i, p := range c.aggs {
		if err := p.block(c.state[i], b, rows, c.room); err != nil {
			c.err = err
			return err
		}
	}
	if c.keep > 0 {
		c.hits.block(b, rows, c.keep, c.req.After, c.req.Fields)
	}
	if err := b.Err(); err != nil {
		return err
	}
	return nil
}

// Join takes in what another collector of the same request gathered, which is
// not used after.
func (c *Collector) Join(o *Collector) error {
	if err := errors.Join(c.err, o.err); err != nil {
		c.err = err
		return err
	}
	c.total += o.total
	for _, h := range o.hits.all {
		c.hits.offer(h, c.keep)
	}
	for i, p := range c.aggs {
		p.join(c.state[i], o.state[i], c.room)
	}
	if c.room.left < 0 {
		c.err = ErrBuckets
	}
	return c.err
}

// Result is the answer.
func (c *Collector) Result() (*Result, error) {
	if c.err != nil {
		return nil, c.err
	}
	r := &Result{Total: c.total}
	if c.counted() && c.total > c.req.TotalUpTo {
		r.Total, r.TotalOver = c.req.TotalUpTo, true
	}
	hits := c.hits.sorted()
	hits = hits[min(c.req.Skip, len(hits)):]
	for _, h := range hits {
		r.Hits = append(r.Hits, Hit{Record: h.line, Sort: h.key.sortValues()})
	}
	if c.req.Highlight != nil {
		for i := range r.Hits {
			r.Hits[i].Highlight = c.req.Highlight.of(c.req.Filter, &r.Hits[i].Record)
		}
	}
	var err error
	r.Aggs, err = results(c.aggs, c.state)
	return r, err
}

// found is a hit that may be among the first.
type found struct {
	key  key
	row  int // of the block, while the line was not built
	line record.Record
}

// hitHeap keeps the first hits of an order, the last of them on top.
type hitHeap struct {
	order order
	all   []*found
}

func (h *hitHeap) Len() int           { return len(h.all) }
func (h *hitHeap) Less(i, j int) bool { return h.order.compare(h.all[i].key, h.all[j].key) > 0 }
func (h *hitHeap) Swap(i, j int)      { h.all[i], h.all[j] = h.all[j], h.all[i] }
func (h *hitHeap) Push(x any)         { h.all = append(h.all, x.(*found)) }
func (h *hitHeap) Pop() any {
	last := h.all[len(h.all)-1]
	h.all = h.all[:len(h.all)-1]
	return last
}

// offer keeps a hit if it is among the first.
func (h *hitHeap) offer(f *found, keep int) {
	switch {
	case len(h.all) < keep:
		heap.Push(h, f)
	case keep > 0 && h.order.compare(f.key, h.all[0].key) < 0:
		h.all[0] = f
		heap.Fix(h, 0)
	}
}

func (h *hitHeap) sorted() []*found {
	all := slices.Clone(h.all)
	slices.SortFunc(all, func(a, b *found) int { return h.order.compare(a.key, b.key) })
	return all
}

// block offers rows of a block. Lines are built of those alone that stay.
func (h *hitHeap) block(b Block, rows *Set, keep int, after []record.Value, fields []string) {
	columns := make([]*Column, len(h.order))
	for i, s := range h.order {
		columns[i] = b.Column(s.Field)
	}
	seqs := b.Column(record.Seq)
	times := columns[0] // the fast way: a full heap in the order of a number
	if times != nil && (times.Nums == nil || times.Gaps != nil || times.More != nil) {
		times = nil
	}
	values := make([]record.Value, len(h.order))
	each := rows.Each
	if h.order[0].Desc {
		each = rows.back // lines lie in the order of time, mostly, so that the first hits come first
	}
	for row := range each {
		if times != nil && len(h.all) >= keep {
			worst := h.all[0].key.values[0]
			if n := times.Nums[row]; worst.Kind == times.Kind && (h.order[0].Desc && n < worst.Num || !h.order[0].Desc && n > worst.Num) {
				continue
			}
		}
		for i, c := range columns {
			values[i] = record.Value{}
			if c != nil {
				values[i] = c.At(row)
			}
		}
		k := key{values: values}
		if seqs != nil {
			k.seq = uint64(seqs.At(row).Num) //nolint:gosec // counts from one
		}
		if !h.order.behind(k, after) || len(h.all) >= keep && h.order.compare(k, h.all[0].key) >= 0 {
			continue
		}
		k.values = make([]record.Value, len(values))
		for i, v := range values {
			k.values[i] = v.Clone()
		}
		h.offer(&found{key: k, row: row + 1}, keep)
	}
	for _, f := range h.all {
		if f.row > 0 {
			f.line, f.row = b.Row(f.row-1, fields), 0
		}
	}
}
