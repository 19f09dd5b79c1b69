package metricsweb

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/metrics/query"
	"github.com/vigie-ops/vigie/internal/ui"
)

// answers is what the engine said about one chart.
type answers struct {
	lines        [][]query.Series // by line of the spec
	lower, upper []query.Series
	ceiling      float64       // NaN without one
	full         time.Duration // until the limit is reached; 0 is not known
	err          error
}

// ask puts all questions of the charts at once; the engine bounds how many run.
// A chart whose question fails says so by itself.
func (f *Face) ask(ctx context.Context, specs []spec, r ui.Range) []answers {
	step := stepOf(r)
	got := make([]answers, len(specs))
	errs := make([][]error, len(specs))
	var wg sync.WaitGroup
	for i, s := range specs {
		got[i] = answers{lines: make([][]query.Series, len(s.lines)), ceiling: math.NaN()}
		errs[i] = make([]error, len(s.lines)+3)
		for n, l := range s.lines {
			wg.Go(func() { got[i].lines[n], errs[i][n] = f.engine.rangeOf(ctx, l.expr, r.From, r.To, step) })
		}
		if s.band != nil {
			wg.Go(func() {
				got[i].lower, errs[i][len(s.lines)] = f.engine.rangeOf(ctx, s.band.lower, r.From, r.To, step)
			})
			wg.Go(func() {
				got[i].upper, errs[i][len(s.lines)+1] = f.engine.rangeOf(ctx, s.band.upper, r.From, r.To, step)
			})
		}
		if s.ceiling != "" {
			wg.Go(func() {
				var found []query.Sample
				found, errs[i][len(s.lines)+2] = f.engine.at(ctx, s.ceiling, r.To)
				if len(found) > 0 {
					got[i].ceiling = found[0].V
				}
			})
		}
	}
	wg.Wait()
	for i := range got {
		got[i].err = errors.Join(errs[i]...)
	}
	return got
}

// stepOf is the distance of two points, in round numbers so that pages opened
// at different moments ask the same question.
func stepOf(r ui.Range) time.Duration { return stepFor(r.To.Sub(r.From)) }

func stepFor(length time.Duration) time.Duration {
	step := length / points
	for _, round := range []time.Duration{
		10 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute,
		15 * time.Minute, 30 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	} {
		if step <= round {
			return round
		}
	}
	return 24 * time.Hour
}
