package metricsweb

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/probe"
	"github.com/vigie-ops/vigie/internal/ui/chart"
)

// Recent returns, by probe, the share of good answers in n equal parts of the
// range, oldest first; NaN where nobody looked. Of several places the worst
// speaks.
func (f *Face) Recent(ctx context.Context, probes []string, from, to time.Time, n int) (map[string][]float64, error) {
	part := max(time.Second, to.Sub(from)/time.Duration(n)).Truncate(time.Second)
	expr := fmt.Sprintf(`min by (probe) (avg_over_time(%s{probe=~%s}[%ds]))`, probe.SeriesSuccess, oneOf(probes), int(part.Seconds()))
	series, err := f.engine.rangeOf(ctx, expr, from, to, part)
	if err != nil {
		return nil, fmt.Errorf("read the recent answers of probes: %w", err)
	}
	end := endOf(to, part)
	out := map[string][]float64{}
	for _, s := range series {
		cells := make([]float64, n)
		for i := range cells {
			cells[i] = math.NaN()
		}
		for _, p := range s.Points {
			// A point stands for the part before it.
			if i := n - 1 - int(end.Sub(p.T)/part); i >= 0 && i < n {
				cells[i] = p.V
			}
		}
		out[s.Labels[probe.LabelProbe]] = cells
	}
	return out, nil
}

// Phases returns how long each phase of a probe took, over all places.
func (f *Face) Phases(ctx context.Context, slug string, from, to time.Time) ([]chart.Series, error) {
	step := stepFor(to.Sub(from))
	expr := fmt.Sprintf(`avg by (phase) (avg_over_time(%s{probe=%s}[%s]))`, probe.SeriesPhase, quoted(slug), window(step))
	series, err := f.engine.rangeOf(ctx, expr, from, to, step)
	if err != nil {
		return nil, fmt.Errorf("read the phases of %s: %w", slug, err)
	}
	byPhase := map[string]chart.Series{}
	for _, s := range series {
		name := s.Labels[probe.LabelPhase]
		byPhase[name] = chart.Series{Name: name, Points: pointsOf(s)}
	}
	var out []chart.Series
	for _, name := range []string{"dns", "connect", "tls", "first_byte", "transfer"} { // as they happen
		if s, ok := byPhase[name]; ok {
			out = append(out, s)
		}
	}
	return out, nil
}
