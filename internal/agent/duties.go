package agent

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/vigie-ops/vigie/internal/wire"
)

// beat says every ten seconds that the agent lives. Heartbeats are about now:
// one that fails is not kept, the next one is due soon.
func (l *link) beat(ctx context.Context) {
	for {
		before := l.identity.fileTime()
		l.heartbeat(ctx)
		if !l.pause(ctx, before) {
			return
		}
	}
}

// pause waits for the next heartbeat: while the certificate is revoked, until
// this server was enrolled again or it is time to ask whether that still holds.
// False when ctx ended before.
func (l *link) pause(ctx context.Context, before time.Time) bool {
	end := time.Now().Add(revokedCheck)
	for {
		if !wait(ctx, wire.HeartbeatEvery) {
			return false
		}
		if l.gate.stands() || !time.Now().Before(end) || !l.identity.fileTime().Equal(before) {
			return true
		}
	}
}

// heartbeat sends one.
func (l *link) heartbeat(ctx context.Context) {
	if err := l.identity.load(); err != nil { // the files may be new
		l.quiet.failed("read the certificate", err)
		return
	}
	l.quiet.worked("read the certificate")
	if !l.gate.stands() {
		l.client.close() // a new connection shows the new certificate
	}
	p := l.reader.Pending()
	var res wire.HeartbeatAnswer
	a, err := l.client.call(ctx, wire.PathHeartbeat, wire.Heartbeat{
		Version: wire.Version, Agent: l.agent.o.Build, Sent: time.Now().UTC(), Started: l.agent.started.UTC(), Boot: l.agent.boot,
		SpoolBytes: p.Bytes, SpoolOldest: p.Oldest, SpoolLost: p.Lost,
		Unavailable: l.agent.unavailable(), Refused: l.agent.refused(),
	}, &res)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		l.quiet.failed("say that the agent lives", err)
	case isRevoked(a):
		l.revoke(a)
	case a.status/100 != 2:
		l.quiet.failed("say that the agent lives", fmt.Errorf("the hub answered %d: %s", a.status, a.problem().Message))
	default:
		l.quiet.worked("say that the agent lives")
		l.gate.open()
	}
}

// fetchTargets asks every half minute what to probe.
func (l *link) fetchTargets(ctx context.Context) {
	for l.gate.pass(ctx) {
		if err := l.targets(ctx); err != nil && ctx.Err() == nil {
			l.quiet.failed("fetch what to probe", err)
		} else {
			l.quiet.worked("fetch what to probe")
		}
		if !wait(ctx, wire.TargetsEvery) {
			return
		}
	}
}

// targets asks once. What was fetched before stays valid while the hub is away.
func (l *link) targets(ctx context.Context) error {
	h := http.Header{}
	if l.etag != "" {
		h.Set("If-None-Match", l.etag)
	}
	a, err := l.client.do(ctx, http.MethodGet, wire.PathTargets, h, nil, wire.MaxTargets)
	switch {
	case err != nil:
		return err
	case a.status == http.StatusNotModified:
		return nil
	case isRevoked(a):
		l.revoke(a)
		return nil
	case a.status != http.StatusOK:
		return fmt.Errorf("the hub answered %d: %s", a.status, a.problem().Message)
	}
	var t wire.Targets
	if err := wire.Decode(bytes.NewReader(a.body), wire.MaxTargets, &t); err != nil {
		return err
	}
	l.agent.targets.set(l.hub.Name, t.Targets)
	l.etag = a.header.Get("ETag")
	return nil
}

// renewAll renews the certificate when two thirds of its life are over.
func (l *link) renewAll(ctx context.Context) {
	for l.gate.pass(ctx) {
		pause := min(time.Until(l.identity.renewAt()), time.Hour) // somebody may have enrolled anew
		if pause <= 0 {
			if err := l.renew(ctx); err == nil {
				l.quiet.worked("renew the certificate")
			} else if ctx.Err() == nil {
				l.quiet.failed("renew the certificate", err)
			}
			// Also after success: with a clock that is far off, every new
			// certificate looks old, and the hub must not be asked in a loop.
			pause = renewPause(time.Until(l.identity.notAfter()))
		}
		if !wait(ctx, pause) {
			return
		}
	}
}

// renewPause is the time between two tries: ten of them fit into what is left
// of the certificate's life, at least ten seconds and at most ten minutes apart.
func renewPause(left time.Duration) time.Duration {
	return min(max(left/10, 10*time.Second), 10*time.Minute)
}

// renew asks for the next certificate, of a new key, with the one that holds.
func (l *link) renew(ctx context.Context) error {
	key, csr, err := newKey()
	if err != nil {
		return err
	}
	var res wire.RenewResponse
	a, err := l.client.call(ctx, wire.PathRenew, wire.RenewRequest{Version: wire.Version, CSR: string(csr)}, &res)
	if err != nil {
		return err
	}
	if isRevoked(a) {
		l.revoke(a)
		return nil
	}
	if a.status/100 != 2 {
		return fmt.Errorf("the hub answered %d: %s", a.status, a.problem().Message)
	}
	if err := l.identity.save(key, []byte(res.Certificate), []byte(res.CA)); err != nil {
		return err
	}
	l.client.close() // new connections show the new certificate
	l.log.Info("certificate renewed", "until", l.identity.notAfter())
	return nil
}
