// Package query asks PromQL questions and answers with plain Go values.
package query

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
)

// Point is one value at one time.
type Point struct {
	T time.Time
	V float64
}

// Sample is one value of one series. The metric's name is the label __name__.
type Sample struct {
	Labels map[string]string
	T      time.Time
	V      float64
}

// Series is a series over a range of time.
type Series struct {
	Labels map[string]string
	Points []Point
}

// Querier asks one engine.
type Querier struct {
	Engine  promql.QueryEngine
	Storage storage.Queryable
	// Slots bounds how many questions are answered at once.
	Slots chan struct{}
}

// Instant answers an expression at one time. A scalar is one sample without
// labels.
func (q Querier) Instant(ctx context.Context, expr string, at time.Time) ([]Sample, error) {
	if err := q.wait(ctx); err != nil {
		return nil, err
	}
	defer q.done()
	qry, err := q.Engine.NewInstantQuery(ctx, q.Storage, nil, expr, at)
	if err != nil {
		return nil, fmt.Errorf("query %q: %w", expr, err)
	}
	defer qry.Close()
	res := qry.Exec(ctx)
	if res.Err != nil {
		return nil, fmt.Errorf("query %q: %w", expr, res.Err)
	}
	switch v := res.Value.(type) {
	case promql.Vector:
		out := make([]Sample, 0, len(v))
		for _, s := range v {
			if s.H == nil {
				out = append(out, Sample{Labels: s.Metric.Map(), T: time.UnixMilli(s.T).UTC(), V: s.F})
			}
		}
		return out, nil
	case promql.Scalar:
		return []Sample{{Labels: map[string]string{}, T: time.UnixMilli(v.T).UTC(), V: v.V}}, nil
	}
	return nil, fmt.Errorf("query %q: the answer is a %s, not a value for one time", expr, res.Value.Type())
}

// Range answers an expression over a range, from and to included.
func (q Querier) Range(ctx context.Context, expr string, from, to time.Time, step time.Duration) ([]Series, error) {
	if err := q.wait(ctx); err != nil {
		return nil, err
	}
	defer q.done()
	qry, err := q.Engine.NewRangeQuery(ctx, q.Storage, nil, expr, from, to, step)
	if err != nil {
		return nil, fmt.Errorf("query %q: %w", expr, err)
	}
	defer qry.Close()
	res := qry.Exec(ctx)
	if res.Err != nil {
		return nil, fmt.Errorf("query %q: %w", expr, res.Err)
	}
	m, err := res.Matrix()
	if err != nil {
		return nil, fmt.Errorf("query %q: %w", expr, err)
	}
	out := make([]Series, 0, len(m))
	for _, s := range m {
		ps := make([]Point, len(s.Floats))
		for i, p := range s.Floats {
			ps[i] = Point{T: time.UnixMilli(p.T).UTC(), V: p.F}
		}
		out = append(out, Series{Labels: s.Metric.Map(), Points: ps})
	}
	return out, nil
}

func (q Querier) wait(ctx context.Context) error {
	if q.Slots == nil {
		return nil
	}
	select {
	case q.Slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for a free query slot: %w", ctx.Err())
	}
}

func (q Querier) done() {
	if q.Slots != nil {
		<-q.Slots
	}
}
