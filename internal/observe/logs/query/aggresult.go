package query

import (
	"cmp"
	"slices"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// results are the answers of aggregations.
func results(plans []*aggPlan, states []*aggState) (map[string]AggResult, error) {
	if len(plans) == 0 {
		return nil, nil
	}
	out := make(map[string]AggResult, len(plans))
	for i, p := range plans {
		r, err := p.result(states[i])
		if err != nil {
			return nil, err
		}
		out[p.name] = r
	}
	return out, nil
}

func (p *aggPlan) result(s *aggState) (AggResult, error) {
	r := AggResult{Kind: p.def.Kind}
	n := s.nums
	r.HasValue = n.count > 0
	switch p.def.Kind {
	case DateHistogram:
		return p.histogram(s)
	case Terms:
		return p.terms(s)
	case Filters:
		return p.filters(s)
	case Cardinality:
		r.Value, r.HasValue = float64(s.unique.count()), true
	case ValueCount:
		r.Value, r.HasValue = float64(n.count), true
	case Min:
		r.Value = n.min
	case Max:
		r.Value = n.max
	case Sum:
		r.Value, r.HasValue = n.sum, true
	case Avg:
		if n.count > 0 {
			r.Value = n.sum / float64(n.count)
		}
	case Stats:
		r.Count, r.Min, r.Max, r.Sum = n.count, n.min, n.max, n.sum
		if n.count > 0 {
			r.Avg = n.sum / float64(n.count)
		}
	case Percentiles:
		r.HasValue = s.spread.n > 0
		for _, q := range p.def.Percents {
			r.Percentiles = append(r.Percentiles, Percentile{q, s.spread.at(q)})
		}
	case TopHits:
		r.Total = s.total
		hits := s.hits.sorted()
		for _, h := range hits[min(p.def.Top.Skip, len(hits)):] {
			r.Hits = append(r.Hits, Hit{Record: h.line, Sort: h.key.sortValues()})
		}
	}
	return r, nil
}

func (p *aggPlan) bucketOf(v record.Value, b *bucketState) (Bucket, error) {
	out := Bucket{Key: v, Count: b.count}
	var err error
	out.Aggs, err = results(p.subs, b.subs)
	return out, err
}

func (p *aggPlan) histogram(s *aggState) (AggResult, error) {
	r := AggResult{Kind: DateHistogram}
	var keys []int64
	for v := range s.buckets {
		keys = append(keys, v.Num)
	}
	slices.Sort(keys)
	if p.def.MinCount == 0 {
		from, to := p.def.BoundsFrom, p.def.BoundsTo
		bounded := from != 0 || to != 0
		if len(keys) > 0 {
			if !bounded {
				from, to = keys[0], keys[len(keys)-1]
			}
			from, to = min(from, keys[0]), max(to, keys[len(keys)-1])
		}
		if bounded || len(keys) > 0 {
			all, err := p.time.between(from, to)
			if err != nil {
				return r, err
			}
			// Where clocks change a bucket may begin where none is expected.
			keys = append(keys, all...)
			slices.Sort(keys)
			keys = slices.Compact(keys)
		}
	}
	for _, k := range keys {
		b := s.buckets[record.TimeValue(k)]
		if b == nil {
			b = &bucketState{subs: newStates(p.subs)}
		}
		if b.count < p.def.MinCount {
			continue
		}
		one, err := p.bucketOf(record.TimeValue(k), b)
		if err != nil {
			return r, err
		}
		r.Buckets = append(r.Buckets, one)
	}
	if len(p.def.Order) > 0 {
		p.sortBuckets(r.Buckets)
	}
	return r, nil
}

func (p *aggPlan) terms(s *aggState) (AggResult, error) {
	r := AggResult{Kind: Terms, Other: s.lost, Uncertain: s.worst}
	for v, b := range s.buckets {
		if b.count < p.def.MinCount {
			continue
		}
		one, err := p.bucketOf(v, b)
		if err != nil {
			return r, err
		}
		r.Buckets = append(r.Buckets, one)
	}
	p.sortBuckets(r.Buckets)
	if len(r.Buckets) > p.def.Size {
		for _, b := range r.Buckets[p.def.Size:] {
			r.Other += b.Count
		}
		r.Buckets = r.Buckets[:p.def.Size]
	}
	return r, nil
}

// sortBuckets puts buckets in the order that was asked for, the largest first
// if none was; those that are the same in the order of their keys.
func (p *aggPlan) sortBuckets(all []Bucket) {
	by := p.def.Order
	if len(by) == 0 {
		by = []AggOrder{{By: "_count", Desc: true}}
	}
	slices.SortFunc(all, func(a, b Bucket) int {
		for _, o := range by {
			var c int
			switch o.By {
			case "_count":
				c = cmp.Compare(a.Count, b.Count)
			case "_key":
				c = a.Key.Compare(b.Key)
			default:
				x, y := a.Aggs[o.By], b.Aggs[o.By]
				if x.HasValue != y.HasValue { // those without a value come last
					if x.HasValue {
						return -1
					}
					return 1
				}
				c = cmp.Compare(x.Value, y.Value)
			}
			if c != 0 {
				if o.Desc {
					return -c
				}
				return c
			}
		}
		return a.Key.Compare(b.Key)
	})
}

func (p *aggPlan) filters(s *aggState) (AggResult, error) {
	r := AggResult{Kind: Filters}
	names := p.names
	if p.def.Other != "" {
		names = append(slices.Clone(names), p.def.Other)
	}
	for _, n := range names {
		b := s.buckets[record.StringValue(n)]
		if b == nil {
			b = &bucketState{subs: newStates(p.subs)}
		}
		one, err := p.bucketOf(record.StringValue(n), b)
		if err != nil {
			return r, err
		}
		one.Name = n
		r.Buckets = append(r.Buckets, one)
	}
	return r, nil
}
