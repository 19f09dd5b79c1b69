package metrics

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"

	"github.com/vigie-ops/vigie/internal/observe/metrics/query"
)

// Point is one value at one time.
type Point = query.Point

// Sample is one value of one series; the metric's name is the label __name__.
type Sample = query.Sample

// Series is a series over a range of time.
type Series = query.Series

// Query answers an expression at one time.
func (r *Room) Query(ctx context.Context, expr string, at time.Time) ([]Sample, error) {
	return r.query.Instant(ctx, expr, at)
}

// QueryRange answers an expression over a range, from and to included. Points
// lie at from and every step after it.
func (r *Room) QueryRange(ctx context.Context, expr string, from, to time.Time, step time.Duration) ([]Series, error) {
	return r.query.Range(ctx, expr, from, to, step)
}

// Write stores samples of the hub's own rooms. All are stored or none; samples
// that are there already are no error.
func (r *Room) Write(ctx context.Context, samples []Sample) error {
	return write(ctx, r.backend.raw, samples)
}

// keeper writes to the rollup.
type keeper struct{ to storage.Appendable }

func (k keeper) Write(ctx context.Context, samples []Sample) error { return write(ctx, k.to, samples) }

// ErrNoName is the answer to a sample without a metric's name.
var ErrNoName = errors.New("a sample has no label __name__")

func write(ctx context.Context, to storage.Appendable, samples []Sample) error {
	if len(samples) == 0 {
		return nil
	}
	app := to.Appender(ctx)
	for _, s := range samples {
		ls := labels.FromMap(s.Labels)
		if ls.Get(model.MetricNameLabel) == "" {
			return errors.Join(fmt.Errorf("write %s: %w", ls, ErrNoName), app.Rollback())
		}
		_, err := app.Append(0, ls, s.T.UnixMilli(), s.V)
		if err != nil && !errors.Is(err, storage.ErrDuplicateSampleForTimestamp) && !errors.Is(err, storage.ErrTooOldSample) {
			return errors.Join(fmt.Errorf("write %s: %w", ls, err), app.Rollback())
		}
	}
	if err := app.Commit(); err != nil {
		return fmt.Errorf("write %d samples: %w", len(samples), err)
	}
	return nil
}
