package hub

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Run works until ctx is done, then lets everything finish and returns.
func (h *Hub) Run(ctx context.Context) error {
	h.log.Info("hub started", "version", h.o.Version, "console", h.ConsoleURL(), "agents", h.AgentsAddr().String())
	h.ready.set()
	// The listeners end last, so that what the rooms finish at a stop can
	// still be asked for.
	rooms, stopRooms := context.WithCancel(context.WithoutCancel(ctx))
	defer stopRooms()
	var all sync.WaitGroup
	all.Go(func() { supervise(rooms, h.log, h.services) })
	supervise(ctx, h.log, h.webs)
	h.ready.unset()
	stopRooms()
	all.Wait()
	h.log.Info("hub stopped")
	return nil
}

// readiness says whether the hub takes requests.
type readiness struct {
	mu sync.Mutex
	is chan struct{} // closed while ready
}

func (r *readiness) channel() chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.is == nil {
		r.is = make(chan struct{})
	}
	return r.is
}

func (r *readiness) set() { close(r.channel()) }

func (r *readiness) unset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.is = nil
}

// WaitReady returns once the hub works, or with the cause of ctx.
func (h *Hub) WaitReady(ctx context.Context) error {
	select {
	case <-h.ready.channel():
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// WaitOperations returns once an operations repository was applied, or with
// the cause of ctx.
func (h *Hub) WaitOperations(ctx context.Context) error {
	t := time.NewTicker(20 * time.Millisecond)
	defer t.Stop()
	for h.ops.Current() == nil {
		if s := h.ops.Status(); len(s.Problems) > 0 {
			return fmt.Errorf("the operations repository is not valid:\n%w", s.Problems)
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// notReady says what the hub still waits for, or nothing.
func (h *Hub) notReady(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	select {
	case <-h.ready.channel():
	default:
		return "the hub is starting or stopping"
	}
	if err := h.state.Ping(ctx); err != nil {
		return "the state does not answer"
	}
	if d, err := diskOf(h.o.Config.Data); err == nil && d.full() {
		return "the disk of the data folder is full"
	}
	return ""
}

// healthz says that the process lives; readyz that it can work.
func (h *Hub) healthz(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n")) // the asker went away
	return nil
}

func (h *Hub) readyz(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if why := h.notReady(r.Context()); why != "" {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(why + "\n"))
		return nil
	}
	_, _ = w.Write([]byte("ready\n"))
	return nil
}

// secure says whether people reach the console by https only.
func (h *Hub) secure() bool { return strings.HasPrefix(h.ConsoleURL(), "https://") }
