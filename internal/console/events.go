package console

import (
	"crypto/rand"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Events tells open pages what changed, by topic: "alerts", "issues",
// "server:app-07". A topic is a hint to look again; it carries no data, so
// that one place alone, the page, decides who sees what.
type Events struct {
	boot string // tells this broker from the one before a restart

	mu   sync.Mutex
	subs map[*subscriber]struct{}
	n    uint64            // how often something was published
	last map[string]uint64 // when, in n, each topic was named last
}

type subscriber struct {
	topics map[string]bool // nil hears everything
	heard  map[string]bool
	wake   chan struct{}
}

// NewEvents returns a broker that nobody listens to.
func NewEvents() *Events {
	return &Events{boot: rand.Text(), subs: map[*subscriber]struct{}{}, last: map[string]uint64{}}
}

// Now names this moment: what a page shows that begins to be made now is at
// least as new. A stream that is opened with it tells what changed since.
func (e *Events) Now() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.at()
}

func (e *Events) at() string { return e.boot + "-" + strconv.FormatUint(e.n, 10) }

// Publish tells the listeners of the topics. It never waits for them: a slow
// one hears each topic once when it is back.
func (e *Events) Publish(topics ...string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.n++
	if len(e.last) > maxTopics {
		// Forgotten topics could not be told to who comes late, so that those who
		// come with an older moment hear everything.
		clear(e.last)
		e.boot = rand.Text()
	}
	for _, t := range topics {
		e.last[t] = e.n
	}
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

// subscribe adds a listener who was last told at a moment of Now, or never for
// an empty one, and tells it at once what it missed.
func (e *Events) subscribe(topics []string, since string) (s *subscriber, ok bool) {
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
	if since != "" {
		e.missed(s, topics, since)
	}
	return s, true
}

func (e *Events) missed(s *subscriber, topics []string, since string) {
	boot, count, _ := strings.Cut(since, "-")
	n, err := strconv.ParseUint(count, 10, 64)
	known := err == nil && boot == e.boot
	if !known && len(topics) == 0 {
		topics = slices.Collect(maps.Keys(e.last))
	}
	for t, at := range e.last {
		if known && at > n && (s.topics == nil || s.topics[t]) {
			s.heard[t] = true
		}
	}
	for _, t := range topics {
		if !known {
			s.heard[t] = true
		}
	}
	if len(s.heard) > 0 {
		s.wake <- struct{}{}
	}
}

func (e *Events) unsubscribe(s *subscriber) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.subs, s)
}

// take returns what a listener has not been told yet, and the moment up to
// which it knows everything then.
func (e *Events) take(s *subscriber) (topics []string, at string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	topics = slices.Sorted(maps.Keys(s.heard))
	clear(s.heard)
	return topics, e.at()
}

const (
	// gather is the pause in which a burst of changes becomes one message.
	gather = 200 * time.Millisecond
	// keepAlive keeps proxies from closing a quiet stream.
	keepAlive = 15 * time.Second
)

// maxStreams bounds the open streams: a browser holds one a tab.
const maxStreams = 2000

// maxTopics bounds the topics that are remembered.
const maxTopics = 20_000

// StillIn says whether who sent a request that is still being answered is signed
// in: a stream ends with the session.
func (c *Console) StillIn(r *http.Request) bool {
	_, _, err := c.o.Auth.Authenticate(r)
	return err == nil
}

// stream serves the topics as server-sent events until the reader goes, or is
// signed out.
func (c *Console) stream(w http.ResponseWriter, r *http.Request) error {
	e := c.events
	q := r.URL.Query()
	since := r.Header.Get("Last-Event-ID") // of a browser that lost the stream
	if since == "" {
		since = q.Get("since")
	}
	s, ok := e.subscribe(q["topic"], since)
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
			if !c.StillIn(r) {
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
			topics, at := e.take(s)
			if len(topics) == 0 {
				continue
			}
			if _, err := fmt.Fprintf(w, "id: %s\ndata: %s\n\n", at, strings.Join(topics, " ")); err != nil || rc.Flush() != nil {
				return nil
			}
		}
	}
}
