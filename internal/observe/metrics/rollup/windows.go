package rollup

import (
	"maps"
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

// latePerStep bounds how many windows one step condenses again, so that what
// comes late does not hold up what is due.
const latePerStep = 60

// maxLate is how many servers are remembered for a window; of more, the window
// is condensed again for all.
const maxLate = 100

// again is a window to condense again, for these servers alone or, if there
// are none, for all.
type again struct {
	end     time.Time
	servers []string
}

// late remembers the windows into which samples came after they were
// condensed, and whose: an agent that was offline delivers its spool. Bounded
// by the horizon, these are at most 577.
type late struct {
	mu      sync.Mutex
	windows map[time.Time]map[string]bool // by end; nil servers are all
}

// note remembers what a server, or for "" anybody, sent of these times. A
// sample counts in its own window, and until it is stale in the next.
func (l *late) note(server string, oldest, newest, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	oldest, newest = later(oldest, now.Add(-horizon)), earlier(newest, now)
	for end := ceil(oldest, Fine); !end.After(ceil(newest, Fine).Add(Fine)); end = end.Add(Fine) {
		l.add(end, server)
	}
}

func (l *late) add(end time.Time, server string) {
	if l.windows == nil {
		l.windows = map[time.Time]map[string]bool{}
	}
	servers, known := l.windows[end.UTC()]
	switch {
	case known && servers == nil: // all of them already
	case server == "" || len(servers) == maxLate && !servers[server]:
		l.windows[end.UTC()] = nil
	case !known:
		l.windows[end.UTC()] = map[string]bool{server: true}
	default:
		servers[server] = true
	}
}

// take returns the oldest windows to condense again, up to done. Later ones
// are still to be condensed for the first time.
func (l *late) take(done time.Time) []again {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []again
	for _, end := range slices.SortedFunc(maps.Keys(l.windows), time.Time.Compare) {
		if len(out) == latePerStep {
			break
		}
		servers := l.windows[end]
		delete(l.windows, end)
		if !end.After(done) && !end.Before(done.Add(-horizon)) {
			out = append(out, again{end, slices.Sorted(maps.Keys(servers))})
		}
	}
	return out
}

// giveBack remembers windows that could not be condensed again.
func (l *late) giveBack(windows []again) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range windows {
		if len(w.servers) == 0 {
			l.add(w.end, "")
		}
		for _, s := range w.servers {
			l.add(w.end, s)
		}
	}
}

// coarseOf returns the coarse windows that hold these fine ones.
func coarseOf(fine []again) []again {
	var out []again
	for _, w := range fine {
		end := ceil(w.end, Coarse)
		if n := len(out); n == 0 || !out[n-1].end.Equal(end) {
			out = append(out, again{end, w.servers})
			continue
		}
		last := &out[len(out)-1]
		if len(w.servers) == 0 || len(last.servers) == 0 {
			last.servers = nil
			continue
		}
		all := slices.Sorted(slices.Values(slices.Concat(last.servers, w.servers)))
		last.servers = slices.Compact(all)
	}
	return out
}

func ceil(t time.Time, d time.Duration) time.Time {
	if end := t.Truncate(d); end.Before(t) {
		return end.Add(d)
	}
	return t
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
