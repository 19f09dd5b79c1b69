package query

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// Naive answers by looking at every line. It is what every other searcher is
// held against.
type Naive []record.Record

var _ Searcher = Naive(nil)

// Search implements Searcher.
func (n Naive) Search(_ context.Context, r Request) (*Result, error) {
	if _, err := NewCollector(r); err != nil {
		return nil, err
	}
	lines := n.matching(&r)
	out := &Result{Total: int64(len(lines))}
	if r.TotalUpTo > 0 && out.Total > r.TotalUpTo {
		out.Total, out.TotalOver = r.TotalUpTo, true
	}
	out.Hits = naiveHits(lines, &r)
	if r.Highlight != nil {
		for i := range out.Hits {
			out.Hits[i].Highlight = r.Highlight.of(r.Filter, &out.Hits[i].Record)
		}
	}
	var err error
	out.Aggs, err = naiveAggs(lines, r.Aggs)
	return out, err
}

func (n Naive) matching(r *Request) []*record.Record {
	f := r.Filter
	if f == nil {
		f = All{}
	}
	var out []*record.Record
	for i := range n {
		one := &n[i]
		if (r.From == 0 || one.Time >= r.From) && (r.To == 0 || one.Time < r.To) && (r.Owners == nil || r.Owners(one.Owner)) && Match(f, one) {
			out = append(out, one)
		}
	}
	return out
}

func naiveHits(lines []*record.Record, r *Request) []Hit {
	o := orderOf(r)
	var all []Hit
	var keys []key
	for _, one := range lines {
		k := key{seq: one.Seq}
		for _, s := range o {
			k.values = append(k.values, sortValue(one, s.Field))
		}
		if o.behind(k, r.After) {
			keys = append(keys, k)
			all = append(all, Hit{Record: only(one, r.Fields), Sort: k.sortValues()})
		}
	}
	places := make([]int, len(all))
	for i := range places {
		places[i] = i
	}
	slices.SortFunc(places, func(a, b int) int { return o.compare(keys[a], keys[b]) })
	var out []Hit
	for _, i := range places[min(r.Skip, len(places)):] {
		if len(out) == r.Size {
			break
		}
		out = append(out, all[i])
	}
	return out
}

// only is a line with some of its fields; the reserved ones always.
func only(r *record.Record, fields []string) record.Record {
	c := r.Clone()
	if fields != nil {
		c.Fields = slices.DeleteFunc(c.Fields, func(f record.Field) bool { return !slices.Contains(fields, f.Name) })
	}
	return c
}

// Export implements Searcher.
func (n Naive) Export(ctx context.Context, r Request, desc bool, f func(*record.Record) error) error {
	lines := n.matching(&r)
	slices.SortFunc(lines, func(a, b *record.Record) int {
		c := cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.Seq, b.Seq))
		if desc {
			return -c
		}
		return c
	})
	for _, one := range lines {
		if err := ctx.Err(); err != nil {
			return err
		}
		c := only(one, r.Fields)
		if err := f(&c); err != nil {
			return err
		}
	}
	return nil
}

func naiveAggs(lines []*record.Record, aggs map[string]Agg) (map[string]AggResult, error) {
	if len(aggs) == 0 {
		return nil, nil
	}
	out := map[string]AggResult{}
	for name, a := range aggs {
		r, err := naiveAgg(lines, a)
		if err != nil {
			return nil, fmt.Errorf("aggregation %s: %w", name, err)
		}
		out[name] = r
	}
	return out, nil
}

// naiveValues are the distinct values of a field of a line, or what stands for
// none.
func naiveValues(r *record.Record, a *Agg) (out []record.Value) {
	for v := range r.All(a.Field) {
		if v.Kind != record.None && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	if len(out) == 0 && a.Missing.Kind != record.None {
		out = append(out, a.Missing)
	}
	return out
}

func naiveAgg(lines []*record.Record, a Agg) (AggResult, error) {
	p, err := planAgg("", a, 0) // for its defaults
	if err != nil {
		return AggResult{}, err
	}
	a = p.def
	groups := map[record.Value][]*record.Record{}
	var floats []float64
	var count int64
	distinct := map[string]bool{}
	for _, one := range lines {
		if a.Kind == Filters {
			other := true
			for n, f := range a.Filters {
				if Match(f, one) {
					other = false
					groups[record.StringValue(n)] = append(groups[record.StringValue(n)], one)
				}
			}
			if other && a.Other != "" {
				groups[record.StringValue(a.Other)] = append(groups[record.StringValue(a.Other)], one)
			}
			continue
		}
		for _, v := range naiveValues(one, &a) {
			count++
			distinct[v.Text()] = true
			switch f, ok := number(v); {
			case ok:
				floats = append(floats, f)
			case v.Kind == record.Moment && a.Kind != Percentiles:
				floats = append(floats, float64(v.Num/1e6))
			}
			switch a.Kind {
			case Terms:
				if p.wanted(v) {
					groups[v] = append(groups[v], one)
				}
			case DateHistogram:
				if at, ok := momentOf(v); ok {
					from, _ := p.time.around(at)
					groups[record.TimeValue(from)] = append(groups[record.TimeValue(from)], one)
				}
			}
		}
	}
	s := p.newState()
	switch a.Kind {
	case Terms, DateHistogram, Filters:
		return naiveBuckets(p, groups)
	case TopHits:
		return AggResult{Kind: TopHits, Total: int64(len(lines)), Hits: naiveHits(lines, a.Top)}, nil
	case Cardinality:
		return AggResult{Kind: a.Kind, Value: float64(len(distinct)), HasValue: true}, nil
	case ValueCount:
		return AggResult{Kind: a.Kind, Value: float64(count), HasValue: true}, nil
	case Percentiles:
		for _, f := range floats {
			s.spread.add(f)
		}
	default:
		for _, f := range floats {
			s.nums.add(f)
		}
	}
	return p.result(s)
}

// naiveBuckets has the lines of each bucket worked out by themselves.
func naiveBuckets(p *aggPlan, groups map[record.Value][]*record.Record) (AggResult, error) {
	s := p.newState()
	for v, lines := range groups {
		s.buckets[v] = &bucketState{count: int64(len(lines)), subs: newStates(p.subs)}
	}
	// The order may go by what is worked out in the buckets.
	def := p.def
	order := def.Order
	p.def.Order, p.def.Size = nil, max(p.def.Size, len(groups))
	r, err := p.result(s)
	if err != nil {
		return r, err
	}
	for i := range r.Buckets {
		if r.Buckets[i].Aggs, err = naiveAggs(groups[r.Buckets[i].Key], def.Subs); err != nil {
			return r, err
		}
	}
	p.def = def
	if def.Kind == Terms || len(order) > 0 {
		p.sortBuckets(r.Buckets)
	}
	if def.Kind == Terms && len(r.Buckets) > def.Size {
		for _, b := range r.Buckets[def.Size:] {
			r.Other += b.Count
		}
		r.Buckets = r.Buckets[:def.Size]
	}
	return r, nil
}

// Fields lists the names of fields that lines have, sorted.
func (n Naive) Fields() []string {
	names := map[string]bool{}
	for i := range n {
		for _, f := range n[i].Fields {
			names[f.Name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}
