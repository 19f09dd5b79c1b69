package agent

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vigie-ops/vigie/internal/agent/spool"
	"github.com/vigie-ops/vigie/internal/observe/logs/logsagent"
	"github.com/vigie-ops/vigie/internal/wire"
)

// link is the one connection to one hub, always opened from here.
type link struct {
	agent    *Agent
	hub      Hub
	log      *slog.Logger
	reader   *spool.Reader
	identity *identity
	client   *client
	gate     gate
	refused  atomic.Uint64 // records the hub did not want
	quiet    quiet
	logs     atomic.Pointer[logsagent.Shipper] // nil where no lines are sent
	etag     string
}

func newLink(a *Agent, h Hub, r *spool.Reader) *link {
	l := &link{agent: a, hub: h, reader: r, log: a.log.With("hub", h.Name), identity: &identity{dir: hubDir(a.o.Config.DataDir, h.Name)}}
	l.quiet.log = l.log
	l.client = newClient(h.URL, "vigie-agent/"+a.o.Build, a.o.dial,
		func(cs tls.ConnectionState) error {
			_, roots := l.identity.current()
			return verifyChain(cs, roots)
		},
		func() *tls.Certificate {
			cert, _ := l.identity.current()
			return cert
		})
	l.gate.init()
	return l
}

// run speaks to the hub until ctx is done.
func (l *link) run(ctx context.Context) {
	defer l.client.close()
	if !l.enrolled(ctx) {
		return
	}
	l.gate.open()
	var wg sync.WaitGroup
	for _, f := range []func(context.Context){l.deliverAll, l.beat, l.fetchTargets, l.renewAll, l.shipLogs} {
		wg.Go(func() {
			for ctx.Err() == nil { // a panic of one duty stops no other, and comes back after a while
				if err := contained(func() error { f(ctx); return nil }); err != nil {
					l.log.Error("link failed, starting again", "err", err)
					wait(ctx, lastRetry)
				}
			}
		})
	}
	wg.Wait()
}

// enrolled waits until this server has a certificate of the hub: one that is
// there, one that the token of the file buys, or one a person enrols for.
func (l *link) enrolled(ctx context.Context) bool {
	var b backoff
	for {
		err := l.identity.load()
		if err == nil {
			return true
		}
		if errors.Is(err, errNotEnrolled) && !l.hub.Token.IsZero() {
			if err = l.enrolWithToken(ctx); err == nil {
				return true
			}
		}
		l.quiet.failed("not enrolled with the hub", err)
		if !wait(ctx, b.next()) {
			return false
		}
	}
}

func (l *link) enrolWithToken(ctx context.Context) error {
	token, err := l.hub.Token.Resolve(ctx)
	if err != nil {
		return fmt.Errorf("read the token: %w", err)
	}
	server, err := Enrol(ctx, Enrolment{DataDir: l.agent.o.Config.DataDir, Hub: l.hub, Token: string(token), Build: l.agent.o.Build, dial: l.agent.o.dial})
	if err != nil {
		return err
	}
	l.log.Info("enrolled with the hub", "server", server)
	return l.identity.load()
}

// revokedCheck is how often an agent whose certificate is revoked asks whether
// that still holds: a revocation that is taken back needs nobody on the server.
const revokedCheck = 10 * time.Minute

// revoke stops everything that is sent to the hub; what is observed goes on
// being kept for it.
func (l *link) revoke(a answer) {
	if l.gate.shut() {
		l.log.Error("the hub revoked this server's certificate, nothing is sent to it any more; enrol this server again", "reason", a.problem().Message)
	}
}

// isRevoked says whether an answer says so.
func isRevoked(a answer) bool { return a.status == 403 && a.problem().Code == wire.CodeRevoked }

// gate is open while the hub accepts this server.
type gate struct {
	mu     sync.Mutex
	opened chan struct{} // closed while the gate is open
	isOpen bool
}

func (g *gate) init() { g.opened = make(chan struct{}) }

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.isOpen {
		g.isOpen = true
		close(g.opened)
	}
}

// shut closes the gate and says whether it was open.
func (g *gate) shut() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.isOpen {
		return false
	}
	g.isOpen, g.opened = false, make(chan struct{})
	return true
}

// pass waits until the gate is open, false when ctx ended before.
func (g *gate) pass(ctx context.Context) bool {
	g.mu.Lock()
	opened := g.opened
	g.mu.Unlock()
	select {
	case <-ctx.Done():
		return false
	case <-opened:
		return ctx.Err() == nil
	}
}

func (g *gate) stands() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.isOpen
}

// quiet logs that something fails when it begins and when it ends.
type quiet struct {
	log     *slog.Logger
	mu      sync.Mutex
	failing map[string]bool
}

func (q *quiet) failed(what string, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.failing == nil {
		q.failing = map[string]bool{}
	}
	if !q.failing[what] {
		q.failing[what] = true
		q.log.Warn("hub cannot be reached as it should, trying on", "what", what, "err", err)
	}
}

func (q *quiet) worked(what string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.failing[what] {
		delete(q.failing, what)
		q.log.Info("hub can be reached again", "what", what)
	}
}
