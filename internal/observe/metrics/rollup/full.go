package rollup

import (
	"context"
	"fmt"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/metrics/forecast"
	"github.com/vigie-ops/vigie/internal/observe/metrics/query"
)

// forecast writes vigie_time_to_full_seconds for every file system with enough
// of a past; one with no end in sight gets the horizon, so that an alert ends.
func (j *Job) forecast(ctx context.Context, end time.Time) error {
	long, err := j.points(ctx, "vigie:disk_used_bytes:avg30m", end, forecast.LongWindow, 2*time.Hour)
	if err != nil {
		return err
	}
	short, err := j.points(ctx, "vigie:disk_used_bytes:avg5m", end, forecast.ShortWindow, Fine)
	if err != nil {
		return err
	}
	sizes, err := j.ask.Instant(ctx, "last_over_time(vigie:disk_size_bytes:avg5m[10m])", end)
	if err != nil {
		return fmt.Errorf("read the sizes of file systems: %w", err)
	}
	var samples []query.Sample
	for _, size := range sizes {
		k := key(size.Labels)
		recent := short[k]
		if len(recent) == 0 {
			continue
		}
		usage := forecast.Usage{Used: recent[len(recent)-1].V, Limit: size.V, Long: long[k], Short: recent}
		if left, ok := usage.TimeToFull(); ok {
			samples = append(samples, query.Sample{Labels: named("vigie_time_to_full_seconds", size.Labels), T: end, V: left.Seconds()})
		}
	}
	if err := j.keep.Write(ctx, samples); err != nil {
		return fmt.Errorf("keep the time to full: %w", err)
	}
	return nil
}

func (j *Job) points(ctx context.Context, name string, end time.Time, window, step time.Duration) (map[string][]forecast.Point, error) {
	// Each step stands for what was measured in it; coarse recordings are half an
	// hour apart, longer than PromQL looks back.
	expr := fmt.Sprintf("avg_over_time(%s[%ds])", name, int(step.Seconds()))
	found, err := j.ask.Range(ctx, expr, end.Add(-window), end, step)
	if err != nil {
		return nil, fmt.Errorf("read the past of %s: %w", name, err)
	}
	out := make(map[string][]forecast.Point, len(found))
	for _, s := range found {
		ps := make([]forecast.Point, len(s.Points))
		for i, p := range s.Points {
			ps[i] = forecast.Point(p)
		}
		out[key(s.Labels)] = ps
	}
	return out, nil
}
