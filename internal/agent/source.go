package agent

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/vigie-ops/vigie/internal/agent/spool"
	"github.com/vigie-ops/vigie/internal/lib/id"
	"github.com/vigie-ops/vigie/internal/wire"
)

// Source observes something of this server. Run hands what it saw to out, a
// record at a time, until ctx is done; kind is one of wire's kinds. An error of
// out says that the disk did not take the record: the source goes on. The
// payload may be used again when out has returned.
type Source interface {
	Name() string
	Run(ctx context.Context, out func(kind string, payload []byte) error) error
}

// Prober is a source that looks at targets hubs hand over. SetTargets replaces
// all of them; before it connects anywhere the prober asks allowed.
type Prober interface {
	Source
	SetTargets(targets []wire.Target, allowed func(netip.Addr) bool)
}

// unavailabler is a source that knows what it cannot observe here.
type unavailabler interface{ Unavailable() []wire.Unavailable }

// refuser is a prober that found targets whose addresses are not allowed.
type refuser interface{ Refused() []string }

// outlet puts records into the spool and counts what the disk does not take.
type outlet struct {
	spool *spool.Spool
	log   *slog.Logger

	unkept  atomic.Uint64
	mu      sync.Mutex
	failing bool
}

func (o *outlet) put(kind string, payload []byte) error {
	if _, ok := wire.RouteOf(kind); !ok {
		return fmt.Errorf("no route carries records of kind %q", kind)
	}
	err := o.spool.Append(spool.Record{Kind: kind, ID: id.New(), Payload: payload})
	o.mu.Lock()
	defer o.mu.Unlock()
	if err != nil {
		o.unkept.Add(1)
	}
	if (err != nil) != o.failing { // say it once, not every ten seconds
		if o.failing = err != nil; o.failing {
			o.log.Error("spool takes nothing, observing goes on", "err", err)
		} else {
			o.log.Info("spool takes records again", "unkept", o.unkept.Load())
		}
	}
	return err
}

// supervise runs a source and starts it again when it fails.
func supervise(ctx context.Context, s Source, out func(string, []byte) error, log *slog.Logger) {
	var b backoff
	for ctx.Err() == nil {
		err := contained(func() error { return s.Run(ctx, out) })
		if ctx.Err() != nil {
			return
		}
		delay := b.next()
		log.Error("source stopped, starting it again", "source", s.Name(), "err", err, "in", delay)
		if !wait(ctx, delay) {
			return
		}
	}
}

// contained turns a panic into an error, so that one source takes no other down.
func contained(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return f()
}
