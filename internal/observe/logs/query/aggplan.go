package query

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// aggPlan is an aggregation with what it needs of the block that is looked at.
// There is one of each however many buckets it works in.
type aggPlan struct {
	name string
	def  Agg
	subs []*aggPlan
	time *timeline // of date_histogram
	sort order     // of top_hits

	block_ Block
	column *Column
	names  []string // of filters, in order
	taken  []*Set   // by each of them
}

// aggState is what an aggregation gathered in one bucket.
type aggState struct {
	buckets map[record.Value]*bucketState
	lost    int64 // lines in buckets that were dropped
	worst   int64 // the largest bucket that was dropped
	nums    numbers
	unique  unique
	spread  spread
	hits    hitHeap
	total   int64
}

type bucketState struct {
	count int64
	subs  []*aggState
}

// room is how many buckets may still be made.
type room struct{ left int }

// maxTerms is how many distinct values an aggregation of terms keeps in one
// bucket before it drops the rarest.
const maxTerms = 20_000

// maxSubs is how deep aggregations are nested.
const maxSubs = 5

func planAggs(aggs map[string]Agg, depth int) ([]*aggPlan, error) {
	if len(aggs) > 0 && depth >= maxSubs {
		return nil, fmt.Errorf("aggregations are nested deeper than %d", maxSubs)
	}
	var out []*aggPlan
	for _, name := range slices.Sorted(maps.Keys(aggs)) {
		p, err := planAgg(name, aggs[name], depth)
		if err != nil {
			return nil, fmt.Errorf("aggregation %s: %w", name, err)
		}
		out = append(out, p)
	}
	return out, nil
}

func planAgg(name string, def Agg, depth int) (*aggPlan, error) {
	p := &aggPlan{name: name, def: def}
	var err error
	if p.subs, err = planAggs(def.Subs, depth+1); err != nil {
		return nil, err
	}
	if len(p.subs) > 0 && def.Kind != DateHistogram && def.Kind != Terms && def.Kind != Filters {
		return nil, fmt.Errorf("%s has no buckets for others to work in", def.Kind)
	}
	if def.Field == "" && def.Kind != Filters && def.Kind != TopHits {
		return nil, errors.New("it names no field")
	}
	switch def.Kind {
	case DateHistogram:
		if p.time, err = newTimeline(def); err != nil {
			return nil, err
		}
	case Terms:
		if def.Size == 0 {
			p.def.Size = 10
		}
		if p.def.Size < 0 || p.def.Size > MaxHits {
			return nil, fmt.Errorf("size is from 1 to %d", MaxHits)
		}
		if def.MinCount == 0 {
			p.def.MinCount = 1
		}
		for _, o := range def.Order {
			if o.By != "_count" && o.By != "_key" && !slices.ContainsFunc(p.subs, func(s *aggPlan) bool { return s.name == o.By && s.single() }) {
				return nil, fmt.Errorf("nothing can be ordered by %q; write _count, _key or the name of a sub-aggregation with one value", o.By)
			}
		}
	case Percentiles:
		if len(def.Percents) == 0 {
			p.def.Percents = []float64{1, 5, 25, 50, 75, 95, 99}
		}
		for _, q := range p.def.Percents {
			if !(q >= 0 && q <= 100) {
				return nil, fmt.Errorf("%v is no percentage", q)
			}
		}
	case Filters:
		p.names = slices.Sorted(maps.Keys(def.Filters))
		for _, n := range p.names {
			if err := Check(def.Filters[n]); err != nil {
				return nil, err
			}
		}
	case TopHits:
		if def.Top == nil {
			p.def.Top = &Request{Size: 3}
		}
		if p.def.Top.Size+p.def.Top.Skip > 100 {
			return nil, errors.New("top_hits shows at most 100 hits")
		}
		p.sort = orderOf(p.def.Top)
	case Cardinality, ValueCount, Min, Max, Avg, Sum, Stats:
	default:
		return nil, fmt.Errorf("there is no aggregation %q", def.Kind)
	}
	return p, nil
}

// single says whether an aggregation has one value.
func (p *aggPlan) single() bool {
	switch p.def.Kind {
	case Cardinality, ValueCount, Min, Max, Avg, Sum:
		return true
	}
	return false
}

func newStates(plans []*aggPlan) []*aggState {
	out := make([]*aggState, len(plans))
	for i, p := range plans {
		out[i] = p.newState()
	}
	return out
}

func (p *aggPlan) newState() *aggState {
	s := &aggState{}
	switch p.def.Kind {
	case DateHistogram, Terms, Filters:
		s.buckets = map[record.Value]*bucketState{}
	case TopHits:
		s.hits.order = p.sort
	}
	return s
}

// block takes rows of a block in.
func (p *aggPlan) block(s *aggState, b Block, rows *Set, room *room) error {
	p.bind(b)
	defer p.unbind()
	if p.def.Kind == Terms && len(p.subs) == 0 && p.column != nil && p.column.Codes != nil && p.column.More == nil {
		p.countCodes(s, rows, room)
	} else {
		for row := range rows.Each {
			p.add(s, row, room)
		}
	}
	if room.left < 0 {
		return ErrBuckets
	}
	p.settle(s, b)
	return nil
}

func (p *aggPlan) bind(b Block) {
	p.block_ = b
	if p.def.Field != "" {
		p.column = b.Column(p.def.Field)
	}
	if p.def.Kind == Filters {
		p.taken = p.taken[:0]
		for _, n := range p.names {
			p.taken = append(p.taken, Select(p.def.Filters[n], b))
		}
	}
	for _, sub := range p.subs {
		sub.bind(b)
	}
}

func (p *aggPlan) unbind() {
	p.block_, p.column, p.taken = nil, nil, p.taken[:0]
	for _, sub := range p.subs {
		sub.unbind()
	}
}

// settle builds the lines of top hits while the block is there.
func (p *aggPlan) settle(s *aggState, b Block) {
	if p.def.Kind == TopHits {
		for _, f := range s.hits.all {
			if f.row > 0 {
				f.line, f.row = b.Row(f.row-1, p.def.Top.Fields), 0
			}
		}
		return
	}
	if !slices.ContainsFunc(p.subs, (*aggPlan).hasHits) {
		return
	}
	for _, bucket := range s.buckets {
		for i, sub := range p.subs {
			sub.settle(bucket.subs[i], b)
		}
	}
}

func (p *aggPlan) hasHits() bool {
	return p.def.Kind == TopHits || slices.ContainsFunc(p.subs, (*aggPlan).hasHits)
}

// countCodes counts a column that has few values, all rows at once.
func (p *aggPlan) countCodes(s *aggState, rows *Set, room *room) {
	c := p.column
	counts := make([]int64, len(c.Dict)+1)
	for row := range rows.Each {
		counts[c.Codes[row]+1]++
	}
	for i, n := range counts {
		if n == 0 {
			continue
		}
		v := p.def.Missing
		if i > 0 {
			v = c.Dict[i-1]
		}
		if v.Kind != record.None && p.wanted(v) {
			p.bucket(s, v, room).count += n
		}
	}
	p.prune(s, room)
}

// wanted says whether a value is one that terms include.
func (p *aggPlan) wanted(v record.Value) bool {
	if in := p.def.Include; in != nil && !in.Regexp.MatchString(v.Text()) {
		return false
	}
	ex := p.def.Exclude
	return ex == nil || !ex.Regexp.MatchString(v.Text())
}

// values yields what the aggregation looks at of a row, each value once.
func (p *aggPlan) values(row int, yield func(record.Value)) {
	none := true
	if p.column != nil {
		if v := p.column.At(row); v.Kind != record.None {
			none = false
			yield(v)
			more := p.column.More[row]
			for i, w := range more {
				if w != v && !slices.Contains(more[:i], w) {
					yield(w)
				}
			}
		}
	}
	if none && p.def.Missing.Kind != record.None {
		yield(p.def.Missing)
	}
}

// add takes one row in.
func (p *aggPlan) add(s *aggState, row int, room *room) {
	switch p.def.Kind {
	case DateHistogram:
		p.values(row, func(v record.Value) {
			if at, ok := momentOf(v); ok {
				p.into(s, record.TimeValue(p.time.bucket(at)), row, room)
			}
		})
	case Terms:
		p.values(row, func(v record.Value) {
			if p.wanted(v) {
				p.into(s, v, row, room)
			}
		})
		p.prune(s, room)
	case Filters:
		other := true
		for i, n := range p.names {
			if p.taken[i].Has(row) {
				other = false
				p.into(s, record.StringValue(n), row, room)
			}
		}
		if other && p.def.Other != "" {
			p.into(s, record.StringValue(p.def.Other), row, room)
		}
	case TopHits:
		s.total++
		p.offerHit(s, row)
	case ValueCount:
		p.values(row, func(record.Value) { s.nums.count++ })
	case Cardinality:
		p.values(row, func(v record.Value) { s.unique.add(v) })
	case Percentiles:
		p.values(row, func(v record.Value) {
			if f, ok := number(v); ok {
				s.spread.add(f)
			}
		})
	default:
		p.values(row, func(v record.Value) {
			if f, ok := number(v); ok {
				s.nums.add(f)
			} else if v.Kind == record.Moment {
				s.nums.add(float64(v.Num / 1e6)) // milliseconds, as Elasticsearch counts
			}
		})
	}
}

func (p *aggPlan) offerHit(s *aggState, row int) {
	keep := p.def.Top.Size + p.def.Top.Skip
	if keep == 0 {
		return
	}
	k := key{values: make([]record.Value, len(p.sort))}
	for i, o := range p.sort {
		if c := p.block_.Column(o.Field); c != nil {
			k.values[i] = c.At(row)
		}
	}
	if c := p.block_.Column(record.Seq); c != nil {
		k.seq = uint64(c.At(row).Num) //nolint:gosec // counts from one
	}
	if len(s.hits.all) >= keep && s.hits.order.compare(k, s.hits.all[0].key) >= 0 {
		return
	}
	for i := range k.values {
		k.values[i] = k.values[i].Clone()
	}
	s.hits.offer(&found{key: k, row: row + 1}, keep)
}

// into counts a row in a bucket.
func (p *aggPlan) into(s *aggState, v record.Value, row int, room *room) {
	b := p.bucket(s, v, room)
	b.count++
	for i, sub := range p.subs {
		sub.add(b.subs[i], row, room)
	}
}

func (p *aggPlan) bucket(s *aggState, v record.Value, room *room) *bucketState {
	b := s.buckets[v]
	if b == nil {
		if room.left <= 0 && p.def.Kind == Terms {
			p.drop(s, room, maxTerms/100)
		}
		b = &bucketState{subs: newStates(p.subs)}
		s.buckets[v.Clone()] = b
		room.left--
	}
	return b
}

// prune drops the rarest terms when there are too many.
func (p *aggPlan) prune(s *aggState, room *room) {
	if len(s.buckets) > maxTerms {
		p.drop(s, room, maxTerms/2)
	}
}

// drop leaves the largest buckets.
func (p *aggPlan) drop(s *aggState, room *room, keep int) {
	keep = max(keep, min(p.def.Size*2, maxTerms/2))
	if len(s.buckets) <= keep {
		return
	}
	counts := make([]int64, 0, len(s.buckets))
	for _, b := range s.buckets {
		counts = append(counts, b.count)
	}
	slices.SortFunc(counts, func(a, b int64) int { return cmp.Compare(b, a) })
	least := counts[keep]
	for v, b := range s.buckets {
		if b.count <= least {
			s.lost += b.count
			s.worst = max(s.worst, b.count)
			room.left += buckets(b)
			delete(s.buckets, v)
		}
	}
}

// buckets counts a bucket and those in it.
func buckets(b *bucketState) int {
	n := 1
	for _, s := range b.subs {
		for _, in := range s.buckets {
			n += buckets(in)
		}
	}
	return n
}

func (p *aggPlan) join(s, o *aggState, room *room) {
	for v, from := range o.buckets {
		to := s.buckets[v]
		if to == nil {
			s.buckets[v] = from
			room.left -= buckets(from)
			continue
		}
		to.count += from.count
		for i, sub := range p.subs {
			sub.join(to.subs[i], from.subs[i], room)
		}
	}
	s.lost += o.lost
	s.worst += o.worst
	s.total += o.total
	s.nums.join(o.nums)
	s.unique.join(&o.unique)
	s.spread.join(&o.spread)
	if p.def.Kind == TopHits {
		for _, h := range o.hits.all {
			s.hits.offer(h, p.def.Top.Size+p.def.Top.Skip)
		}
	}
	if p.def.Kind == Terms {
		p.prune(s, room)
	}
}

// numbers are what min, max, avg and sum need.
type numbers struct {
	count    int64
	sum      float64
	min, max float64
}

func (n *numbers) add(f float64) {
	if n.count == 0 {
		n.min, n.max = f, f
	}
	n.count++
	n.sum += f
	n.min, n.max = math.Min(n.min, f), math.Max(n.max, f)
}

func (n *numbers) join(o numbers) {
	if o.count == 0 {
		return
	}
	if n.count == 0 {
		n.min, n.max = o.min, o.max
	}
	n.count += o.count
	n.sum += o.sum
	n.min, n.max = math.Min(n.min, o.min), math.Max(n.max, o.max)
}
