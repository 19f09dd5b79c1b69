package rollup

import (
	"slices"
	"sync"
	"time"
)

// The windows of the recordings, how long after its end a window waits for
// samples on their way, and how far back windows are made up for.
const (
	Fine    = 5 * time.Minute
	Coarse  = 30 * time.Minute
	delay   = time.Minute
	horizon = 48 * time.Hour
)

// Due returns the ends of the windows to condense now, oldest first: those that
// ended since last, and no more than the horizon back.
func Due(last, now time.Time, window time.Duration) []time.Time {
	newest := now.Add(-delay).Truncate(window)
	from := last.Truncate(window)
	if oldest := newest.Add(-horizon); from.Before(oldest) {
		from = oldest
	}
	var out []time.Time
	for w := from.Add(window); !w.After(newest); w = w.Add(window) {
		out = append(out, w)
	}
	return out
}

// late remembers the windows into which samples came after they were condensed:
// an agent that was offline delivers its spool. Bounded by the horizon, these
// are at most 576.
type late struct {
	mu     sync.Mutex
	oldest time.Time // of what came in; zero is nothing
}

func (l *late) note(t time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.oldest.IsZero() || t.Before(l.oldest) {
		l.oldest = t
	}
}

// take returns the ends of the fine windows to condense again, up to done.
func (l *late) take(done time.Time) []time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.oldest.IsZero() {
		return nil
	}
	from := l.oldest.Truncate(Fine)
	l.oldest = time.Time{}
	if oldest := done.Add(-horizon); from.Before(oldest) {
		from = oldest
	}
	var out []time.Time
	for w := from.Add(Fine); !w.After(done); w = w.Add(Fine) {
		out = append(out, w)
	}
	return out
}

// coarseOf returns the ends of the coarse windows that hold these fine ones.
func coarseOf(fine []time.Time) []time.Time {
	var out []time.Time
	for _, w := range fine {
		end := w.Truncate(Coarse)
		if !end.Equal(w) {
			end = end.Add(Coarse)
		}
		if !slices.Contains(out, end) {
			out = append(out, end)
		}
	}
	return out
}
