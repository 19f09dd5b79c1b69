package query

import (
	"context"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// Request is a question.
type Request struct {
	Filter Filter
	// From and To bound the lines' time, in nanoseconds: From <= t < To. Zero is
	// open. The store opens only files that lie in it.
	From, To int64
	// Owners, when not nil, are the only ones whose lines may be seen, whatever
	// Filter says: the reader's limits, not the reader's question.
	Owners func(record.Owner) bool

	Size  int            // hits wanted; 0 wants only counts and aggregations
	Skip  int            // hits passed over before the first
	Sort  []Sort         // default: newest first
	After []record.Value // values of Sort of the last hit seen; the line's number breaks ties
	// Fields that hits shall have; nil is all.
	Fields []string
	Aggs   map[string]Agg
	// TotalUpTo stops counting when so many were found and no aggregation needs
	// the rest; 0 counts all.
	TotalUpTo int64
	Highlight *Highlight
	Timeout   time.Duration // after it, what was found so far, marked as partial; 0 is the searcher's own limit
}

// Sort is one key of an order.
type Sort struct {
	Field   string // record.Seq for the order in which lines came
	Desc    bool
	Missing string // "_last" (default), "_first"
}

// Highlight asks for the places of hits that made them hits.
type Highlight struct {
	Fields    []string // nil: every field the filter names
	Pre, Post string
	Size      int // characters of a fragment; 0 is the whole value
	Number    int // fragments of a field, at most
}

// Result is the answer.
type Result struct {
	Total     int64
	TotalOver bool // there are more: counting stopped at TotalUpTo
	Hits      []Hit
	Aggs      map[string]AggResult
	// Partial says in a sentence why lines may be missing: time was up, a file
	// is damaged. Empty when the answer is whole.
	Partial string
	Took    time.Duration
	Scanned Scanned
}

// Scanned is what the answer cost.
type Scanned struct {
	Files, Skipped int   // opened, and passed over because of their filters
	Rows           int64 // looked at
	Bytes          int64 // read from disk, as they lie there
}

// Hit is a line found.
type Hit struct {
	record.Record
	Sort      []record.Value
	Highlight map[string][]string
}

// Searcher answers questions: the store, another engine, or Naive.
type Searcher interface {
	// Search answers within the request's limits. An error says that there is no
	// answer; a partial one is a Result.
	Search(ctx context.Context, r Request) (*Result, error)
	// Export hands over every line that matches, oldest first or, with desc,
	// newest first, without keeping them: a line is only good until f returns. It
	// stops at the first error of f and returns it.
	Export(ctx context.Context, r Request, desc bool, f func(*record.Record) error) error
}
