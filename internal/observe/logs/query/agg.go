package query

import (
	"time"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// Agg is an aggregation, one kind of AggKind; Subs are worked out in each of
// its buckets.
type Agg struct {
	Kind  AggKind
	Field string
	// Missing, when not None, stands for the value of lines without the field.
	Missing record.Value

	// Of terms.
	Size     int // buckets wanted; default 10
	MinCount int64
	Order    []AggOrder // default: count, largest first; then key
	Include  *Pattern
	Exclude  *Pattern
	// Of date_histogram: a fixed interval, or a calendar one (minute, hour, day,
	// week, month, quarter, year) in Zone.
	Interval time.Duration
	Calendar string
	Zone     *time.Location
	Offset   time.Duration
	// BoundsFrom and BoundsTo, in nanoseconds, are buckets there are in any case.
	BoundsFrom, BoundsTo int64
	// Of percentiles.
	Percents []float64
	// Of filters, by name; the one named Other takes what none takes.
	Filters map[string]Filter
	Other   string
	// Of top_hits.
	Top  *Request // Size, Skip, Sort, Fields, Highlight
	Subs map[string]Agg
}

// AggKind is a kind of aggregation, named as Elasticsearch does.
type AggKind string

// The kinds of aggregations.
const (
	DateHistogram AggKind = "date_histogram"
	Terms         AggKind = "terms"
	Cardinality   AggKind = "cardinality"
	ValueCount    AggKind = "value_count"
	Min           AggKind = "min"
	Max           AggKind = "max"
	Avg           AggKind = "avg"
	Sum           AggKind = "sum"
	Stats         AggKind = "stats"
	Percentiles   AggKind = "percentiles"
	Filters       AggKind = "filters"
	TopHits       AggKind = "top_hits"
)

// AggOrder is one key of the order of buckets: "_count", "_key", or the name of
// a sub-aggregation with one value.
type AggOrder struct {
	By   string
	Desc bool
}

// AggResult is the answer of one aggregation; Kind says which places are used.
type AggResult struct {
	Kind    AggKind
	Buckets []Bucket
	// Value is of the kinds with one value; false in HasValue when no line had one.
	Value    float64
	HasValue bool
	// Of stats.
	Count              int64
	Min, Max, Sum, Avg float64
	Percentiles        []Percentile
	Hits               []Hit
	Total              int64
	// Other counts lines in buckets beyond Size; Uncertain bounds how far a count
	// may be too low.
	Other     int64
	Uncertain int64
}

// Bucket is some of the lines.
type Bucket struct {
	Key   record.Value
	Name  string // of filters
	Count int64
	Aggs  map[string]AggResult
}

// Percentile is the value below which Percent of a hundred values lie.
type Percentile struct{ Percent, Value float64 }
