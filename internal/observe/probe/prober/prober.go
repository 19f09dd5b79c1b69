// Package prober runs one probe of one target: a web page, a port, a ping or a
// name, and says in plain words what it found.
//
// It knows neither the database nor the operations repository, so that the hub
// and every agent run exactly the same probe. Target is what to ask, Result is
// the answer, Prober asks.
package prober

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Resolver turns names into addresses; *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Options says how a Prober asks. The zero value is right for a hub.
type Options struct {
	Guard     Guard          // which addresses may be asked; all if nil
	Resolver  Resolver       // the machine's if nil
	Roots     *x509.CertPool // who may vouch for certificates; the machine's if nil
	UserAgent string         // "vigie-probe" if empty
}

// Prober runs probes. It holds no state between them and may run many at once.
type Prober struct{ o Options }

// New returns a prober.
func New(o Options) *Prober {
	if o.Resolver == nil {
		o.Resolver = net.DefaultResolver
	}
	if o.UserAgent == "" {
		o.UserAgent = "vigie-probe"
	}
	return &Prober{o}
}

// Run probes the target once, within its timeout, and returns what it found.
func (p *Prober) Run(ctx context.Context, t Target) Result {
	start := time.Now()
	a := &attempt{p: p, t: t, res: Result{At: start.UTC()}}
	err := t.Check()
	if err != nil {
		err = cannotError(err.Error())
	} else {
		limited, cancel := context.WithTimeout(ctx, t.timeout())
		err = a.run(limited)
		cancel()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.res.Duration == 0 { // ping knows its own
		a.res.Duration = time.Since(start)
	}
	switch {
	case err == nil:
		a.res.OK = true
	case ctx.Err() != nil: // the caller gave up, which says nothing about the target
		a.res.Unable, a.res.Error = true, "the probe was stopped before it had an answer"
	default:
		a.res.Unable, a.res.Error = unable(err), a.words(err)
		var guard *guardError
		a.res.Refused = errors.As(err, &guard)
	}
	return a.res
}

// attempt is one run of one probe while it goes on. The HTTP client dials in a
// goroutine of its own that may outlive the probe, hence the lock.
type attempt struct {
	p *Prober
	t Target

	mu  sync.Mutex
	res Result
	at  netip.AddrPort // what was dialled last
}

// note writes something down for the result.
func (a *attempt) note(f func(*Result)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f(&a.res)
}

func (a *attempt) run(ctx context.Context) error {
	switch a.t.Kind {
	case HTTP:
		return a.http(ctx)
	case ICMP:
		return a.ping(ctx)
	case DNS:
		return a.dns(ctx)
	default:
		return a.tcp(ctx)
	}
}

func (a *attempt) tcp(ctx context.Context) error {
	conn, err := a.dial(ctx, "tcp", a.t.Address, a.t.Port)
	if err != nil {
		return err
	}
	return conn.Close()
}
