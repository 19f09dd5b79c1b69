package prober

import (
	"container/heap"
	"hash/fnv"
	"time"
)

// Schedule says which probe is due when. Probes of the same interval are
// spread over it by a hash of their names, so that five thousand of them do
// not start in the same second, and each keeps its place across restarts. It
// is not safe for use by several goroutines.
type Schedule struct {
	queue  dueQueue
	byName map[string]*due
}

type due struct {
	name     string
	at       time.Time
	interval time.Duration
	index    int
}

// NewSchedule returns an empty schedule.
func NewSchedule() *Schedule { return &Schedule{byName: map[string]*due{}} }

// Set adds a probe, first due within spread of now, or changes the interval of
// one that is there. One that is there and stays the same keeps its turn.
func (s *Schedule) Set(name string, interval, spread time.Duration, now time.Time) {
	if d := s.byName[name]; d != nil {
		if d.interval == interval {
			return
		}
		s.Remove(name)
	}
	d := &due{name: name, interval: interval, at: now.Add(phase(name, min(spread, interval)))}
	s.byName[name] = d
	heap.Push(&s.queue, d)
}

// Remove takes a probe out.
func (s *Schedule) Remove(name string) {
	if d := s.byName[name]; d != nil {
		heap.Remove(&s.queue, d.index)
		delete(s.byName, name)
	}
}

// Hasten brings a probe's next turn forward, never back.
func (s *Schedule) Hasten(name string, at time.Time) {
	if d := s.byName[name]; d != nil && at.Before(d.at) {
		d.at = at
		heap.Fix(&s.queue, d.index)
	}
}

// Due returns the probes whose turn has come, in the order of their turns, and
// gives each its next one. A turn that was missed is not made up for.
func (s *Schedule) Due(now time.Time) []string {
	var names []string
	for len(s.queue) > 0 && !s.queue[0].at.After(now) {
		d := s.queue[0]
		names = append(names, d.name)
		d.at = nextTurn(d.name, d.interval, now)
		heap.Fix(&s.queue, 0)
	}
	return names
}

// Next returns when the next probe is due.
func (s *Schedule) Next() (time.Time, bool) {
	if len(s.queue) == 0 {
		return time.Time{}, false
	}
	return s.queue[0].at, true
}

// nextTurn is the first moment after now that lies at the probe's phase of the
// interval. Turns lie on a fixed grid and do not drift. A first turn or a
// hastened one may lie off the grid; half an interval is then the least wait.
func nextTurn(name string, interval time.Duration, now time.Time) time.Time {
	at := now.Truncate(interval).Add(phase(name, interval))
	for at.Sub(now) < interval/2 {
		at = at.Add(interval)
	}
	return at
}

// phase is a place within the interval that depends on the name alone.
func phase(name string, interval time.Duration) time.Duration {
	if interval <= 0 {
		return 0
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	// FNV's low bits move little between names that end alike; mix them.
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return time.Duration(x % uint64(interval)) //nolint:gosec // smaller than interval
}

// dueQueue is a heap by time.
type dueQueue []*due

func (q dueQueue) Len() int           { return len(q) }
func (q dueQueue) Less(i, j int) bool { return q[i].at.Before(q[j].at) }
func (q dueQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

// Push implements heap.Interface.
func (q *dueQueue) Push(x any) {
	d := x.(*due)
	d.index = len(*q)
	*q = append(*q, d)
}

// Pop implements heap.Interface.
func (q *dueQueue) Pop() any {
	old := *q
	d := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	return d
}
