package console

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Events tells open pages what changed, by topic: "alerts", "issues",
// "server:app-07". A topic is a hint to look again; it carries no data, so
// that one place alone, the page, decides who sees what.
type Events struct {
	mu   sync.Mutex
	subs map[*subscriber]struct{}
}

type subscriber struct {
	topics map[string]bool // nil hears everything
	heard  map[string]bool
	wake   chan struct{}
}

// NewEvents returns a broker that nobody listens to.
func NewEvents() *Events { return &Events{subs: map[*subscriber]struct{}{}} }

// Publish tells the listeners of the topics. It never waits for them: a slow
// one hears each topic once when it is back.
func (e *Events) Publish(topics ...string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for s := range e.subs {
		for _, t := range topics {
			if s.topics != nil && !s.topics[t] {
				continue
			}
			s.heard[t] = true
			select {
			case s.wake <- struct{}{}:
			default:
			}
		}
	}
}

func (e *Events) subscribe(topics []string) (s *subscriber, ok bool) {
	s = &subscriber{heard: map[string]bool{}, wake: make(chan struct{}, 1)}
	if len(topics) > 0 {
		s.topics = map[string]bool{}
		for _, t := range topics {
			s.topics[t] = true
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.subs) >= maxStreams {
		return nil, false
	}
	e.subs[s] = struct{}{}
	return s, true
}

func (e *Events) unsubscribe(s *subscriber) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.subs, s)
}

func (e *Events) take(s *subscriber) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	t := slices.Sorted(maps.Keys(s.heard))
	clear(s.heard)
	return t
}

const (
	// gather is the pause in which a burst of changes becomes one message.
	gather = 200 * time.Millisecond
	// keepAlive keeps proxies from closing a quiet stream.
	keepAlive = 15 * time.Second
)

// maxStreams bounds the open streams: a browser holds one a tab.
const maxStreams = 2000

// stream serves the topics as server-sent events until the reader goes, or is
// signed out.
func (c *Console) stream(w http.ResponseWriter, r *http.Request) error {
	e := c.events
	s, ok := e.subscribe(r.URL.Query()["topic"])
	if !ok {
		w.Header().Set("Retry-After", "30")
		return &Problem{Status: http.StatusServiceUnavailable, Title: "Too many open pages", Detail: "The hub keeps no more live pages at once. Close some, or reload in a moment."}
	}
	defer e.unsubscribe(s)
	rc := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	// From here on the reader has an answer; an error only means that it left.
	if _, err := io.WriteString(w, "retry: 2000\n\n"); err != nil || rc.Flush() != nil {
		return nil
	}
	alive := time.NewTicker(keepAlive)
	defer alive.Stop()
	for {
		select {
		case <-r.Context().Done():
			return nil
		case <-alive.C:
			if _, _, err := c.o.Auth.Authenticate(r); err != nil {
				return nil
			}
			if _, err := io.WriteString(w, ": alive\n\n"); err != nil || rc.Flush() != nil {
				return nil
			}
		case <-s.wake:
			pause := time.NewTimer(gather)
			select {
			case <-r.Context().Done():
				pause.Stop()
				return nil
			case <-pause.C:
			}
			topics := e.take(s)
			if len(topics) == 0 {
				continue
			}
			if _, err := fmt.Fprintf(w, "data: %s\n\n", strings.Join(topics, " ")); err != nil || rc.Flush() != nil {
				return nil
			}
		}
	}
}
