package enrol

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/vigie-ops/vigie/internal/audit"
	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/people"
)

// RevokeCertificate withdraws one certificate. From its return on, ServerFrom
// does not know it any more, not even on connections that are open.
func (a *Authority) RevokeCertificate(ctx context.Context, serial string, actor people.Actor, reason string) error {
	return a.revoke(ctx, bySerial, serial, actor, reason)
}

// RevokeServer withdraws all certificates of a server.
func (a *Authority) RevokeServer(ctx context.Context, server string, actor people.Actor, reason string) error {
	return a.revoke(ctx, byServer, server, actor, reason)
}

func (a *Authority) revoke(ctx context.Context, chosen column, value string, actor people.Actor, reason string) error {
	err := a.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		gone, err := a.revokeIn(ctx, tx, chosen, value, actor.Slug, reason)
		if err != nil {
			return err
		}
		if len(gone) == 0 {
			return ErrNotFound
		}
		servers := map[string][]string{}
		for _, c := range gone {
			servers[c.Server] = append(servers[c.Server], c.Serial)
		}
		for _, server := range slices.Sorted(maps.Keys(servers)) {
			err := a.audit.Record(ctx, tx, audit.Entry{
				Actor: actor.Slug, Via: actor.Via, Verb: "agent.revoke", Object: "server:" + server, Reason: reason,
				Details: map[string]any{"serials": servers[server]},
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("revoke %s %s: %w", chosen, value, err)
	}
	return nil
}

// revokeIn marks certificates and, once that is committed, makes this hub
// refuse them.
func (a *Authority) revokeIn(ctx context.Context, tx *db.Tx, chosen column, value, by, reason string) ([]certificateRow, error) {
	gone, err := markRevoked(ctx, tx, chosen, value, by, reason, a.now().UTC())
	if err != nil {
		return nil, err
	}
	tx.After(func() {
		for _, c := range gone {
			a.revoked.add(c.Serial)
		}
	})
	return gone, nil
}

// revoked is what every request is checked against: serials of certificates
// that would hold otherwise.
type revoked struct {
	mu      sync.RWMutex
	serials map[string]struct{}
}

func newRevoked() *revoked { return &revoked{serials: map[string]struct{}{}} }

func (r *revoked) add(serials ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range serials {
		r.serials[s] = struct{}{}
	}
}

func (r *revoked) has(serial string) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	_, ok := r.serials[serial]
	return ok
}

// loadRevoked adds what the state knows. It never removes: a certificate that
// this hub revoked meanwhile is not in what was read.
func (a *Authority) loadRevoked(ctx context.Context) error {
	serials, err := revokedSerials(ctx, a.db.Read(), a.now().UTC())
	if err != nil {
		return fmt.Errorf("read revoked certificates: %w", err)
	}
	a.revoked.add(serials...)
	return nil
}

// Name says what Run does.
func (a *Authority) Name() string { return "enrol" }

// Run learns every ten seconds what other hubs on the same state revoked, and
// forgets old certificates.
func (a *Authority) Run(ctx context.Context) error {
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	prune := time.NewTimer(pruneAfterStart)
	defer prune.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-prune.C:
			prune.Reset(pruneEvery)
			if err := a.Prune(ctx); err != nil && ctx.Err() == nil {
				a.log.Error("old certificates could not be forgotten", "err", err)
			}
		case <-tick.C:
			if err := a.loadRevoked(ctx); err != nil && ctx.Err() == nil {
				a.log.Error("revocations of other hubs not read, trying again", "err", err)
			}
		}
	}
}
