package metricsweb

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/metrics/query"
)

const (
	// kept is how long an answer is given again: several people who look at one
	// page, and its live updates, ask the engine once.
	kept = 5 * time.Second
	// atOnce is how many questions of all pages run at the same time.
	atOnce = 6
	// keptAtMost bounds the memory; the cache is emptied beyond it.
	keptAtMost = 512
)

// cachedEngine asks the engine with bounded concurrency and keeps answers for a
// moment. Of equal questions that come together one is asked.
type cachedEngine struct {
	engine Engine
	now    func() time.Time
	slots  chan struct{}
	mu     sync.Mutex
	kept   map[string]*answer
}

type answer struct {
	done   chan struct{} // closed when the answer is there
	at     time.Time
	series []query.Series
	points []query.Sample
	err    error
}

func newCachedEngine(e Engine, now func() time.Time) *cachedEngine {
	return &cachedEngine{engine: e, now: now, slots: make(chan struct{}, atOnce), kept: map[string]*answer{}}
}

// rangeOf asks over a range, with the last point at its end. The end is rounded
// to a minute, or to a shorter step, so that looks at the same moment are one
// question.
func (e *cachedEngine) rangeOf(ctx context.Context, expr string, from, to time.Time, step time.Duration) ([]query.Series, error) {
	to = endOf(to, step)
	from = to.Add(-(to.Sub(from) + step - 1).Truncate(step))
	key := fmt.Sprint("r ", from.UnixMilli(), " ", to.UnixMilli(), " ", step, " ", expr)
	a := e.once(ctx, key, func(a *answer) {
		a.series, a.err = e.engine.QueryRange(ctx, expr, from, to, step)
	})
	return a.series, a.err
}

// endOf is where the last point of a range lies.
func endOf(to time.Time, step time.Duration) time.Time { return to.Truncate(min(step, time.Minute)) }

func (e *cachedEngine) at(ctx context.Context, expr string, at time.Time) ([]query.Sample, error) {
	at = at.Truncate(kept)
	key := fmt.Sprint("i ", at.UnixMilli(), " ", expr)
	a := e.once(ctx, key, func(a *answer) {
		a.points, a.err = e.engine.Query(ctx, expr, at)
	})
	return a.points, a.err
}

// once runs ask unless the same question was answered a moment ago or is being
// asked. Errors are not kept: the next look asks again.
func (e *cachedEngine) once(ctx context.Context, key string, ask func(*answer)) *answer {
	e.mu.Lock()
	if a, ok := e.kept[key]; ok && e.now().Sub(a.at) < kept {
		e.mu.Unlock()
		select {
		case <-a.done:
			if a.err == nil {
				return a
			}
			// The one who asked may have gone away; that is no answer for this one.
		case <-ctx.Done():
			return &answer{err: ctx.Err()}
		}
		e.mu.Lock()
	}
	if len(e.kept) >= keptAtMost {
		clear(e.kept)
	}
	a := &answer{done: make(chan struct{}), at: e.now()}
	e.kept[key] = a
	e.mu.Unlock()
	defer close(a.done)

	select {
	case e.slots <- struct{}{}:
		defer func() { <-e.slots }()
		ask(a)
	case <-ctx.Done():
		a.err = ctx.Err()
	}
	if a.err != nil {
		e.mu.Lock()
		if e.kept[key] == a {
			delete(e.kept, key)
		}
		e.mu.Unlock()
	}
	return a
}
