package query

import (
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// The size of a sample: so many services, and so many lines of each.
const (
	sampleServices = 80
	sampleLines    = 4
	sampleNewest   = 200
)

// Sample changes a request to one that answers with a few lines of each
// service, so that what one of them says a thousand times a second hides no
// other. SampleOf reads the answer.
func Sample(r Request) Request {
	r.Size, r.Sort, r.Fields, r.TotalUpTo = sampleNewest, nil, nil, 0
	r.Aggs = map[string]Agg{"services": {
		Kind: Terms, Field: record.Service, Size: sampleServices,
		Subs: map[string]Agg{"lines": {Kind: TopHits, Top: &Request{Size: sampleLines}}},
	}}
	return r
}

// SampleOf hands over the lines of a sample; some come twice.
func SampleOf(r *Result, f func(*record.Record)) {
	for i := range r.Hits {
		f(&r.Hits[i].Record)
	}
	for _, b := range r.Aggs["services"].Buckets {
		hits := b.Aggs["lines"].Hits
		for i := range hits {
			f(&hits[i].Record)
		}
	}
}
