package logstore

import (
	"context"
	"slices"
	"sync"

	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// tailQueue is how many bytes of lines wait for one who follows before some
// are dropped.
const tailQueue = 4 << 20

// Tail hands over lines as they come.
type Tail struct {
	filter query.Filter
	owners func(record.Owner) bool

	mu      sync.Mutex
	waiting [][]byte // encoded lines
	bytes   int
	dropped int64
	closed  bool
	wake    chan struct{}
}

// Tail follows the lines that a filter takes, of owners that may be seen; nil
// owners are all. It ends with ctx.
func (s *Store) Tail(ctx context.Context, filter query.Filter, owners func(record.Owner) bool) (*Tail, error) {
	if filter == nil {
		filter = query.All{}
	}
	if err := query.Check(filter); err != nil {
		return nil, err
	}
	t := &Tail{filter: filter, owners: owners, wake: make(chan struct{}, 1)}
	s.mu.Lock()
	s.tails[t] = struct{}{}
	s.mu.Unlock()
	context.AfterFunc(ctx, func() {
		s.mu.Lock()
		delete(s.tails, t)
		s.mu.Unlock()
		t.end()
	})
	return t, nil
}

func (t *Tail) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	t.signal()
}

func (t *Tail) signal() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// offer takes lines that are on the disk; it never waits.
func (t *Tail) offer(text []byte, lines []line) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	for i := range lines {
		l := &lines[i]
		if t.owners != nil && !t.owners(l.place.owner) {
			continue
		}
		if t.bytes+l.n > tailQueue {
			t.dropped++
			continue
		}
		t.waiting = append(t.waiting, slices.Clone(text[l.at:l.at+l.n]))
		t.bytes += l.n
	}
	t.signal()
}

// Next waits for lines that match and returns them, with how many were dropped
// since the last call because they came too fast: some of those may not have
// matched. ok is false at the end.
func (t *Tail) Next() (lines []record.Record, dropped int64, ok bool) {
	for {
		t.mu.Lock()
		some, dropped, closed := t.waiting, t.dropped, t.closed
		t.waiting, t.bytes, t.dropped = nil, 0, 0
		t.mu.Unlock()
		for _, text := range some {
			var r record.Record
			if _, err := record.Decode(text, &r); err == nil && query.Match(t.filter, &r) {
				lines = append(lines, r)
			}
		}
		if len(lines) > 0 || dropped > 0 {
			return lines, dropped, true
		}
		if closed {
			return nil, 0, false
		}
		<-t.wake
	}
}
