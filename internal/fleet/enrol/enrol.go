// Package enrol is how a server's agent becomes known to the hub, and how the
// hub knows it ever after: the hub's own certificate authority, tokens that
// let a server enrol once, certificates of agents, and their revocation.
//
// Read on in token.go (the way in), issue.go (certificates), revoke.go, and
// listener.go (what the agents' listener needs).
package enrol

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/vigie-ops/vigie/internal/audit"
	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/keyring"
	"github.com/vigie-ops/vigie/internal/lib/attempts"
)

//go:embed schema/*.sql
var files embed.FS

// Tables are the tables of this package.
var Tables = db.Schema{Room: "enrol", FS: files}

var (
	// ErrToken says that a token is unknown, used, expired or for another
	// server. It does not say which, to whoever tries.
	ErrToken = errors.New("this enrolment token is not known, was used before, or has expired; make a new one with `vigie agent token SERVER`")
	// ErrCSR says that a certificate request cannot be used.
	ErrCSR = errors.New("the certificate request cannot be used; it must be PEM, signed, and of a P-256 or Ed25519 key")
	// ErrServer says that no agent may run under that name.
	ErrServer = errors.New("the operations repository has no server of that name on which an agent can run")
	// ErrRevoked says that a certificate was withdrawn.
	ErrRevoked = errors.New("this certificate was revoked; enrol the agent again with a new token")
	// ErrNoCertificate says that a connection shows no certificate of an agent.
	ErrNoCertificate = errors.New("this needs the certificate of an enrolled agent")
	// ErrNotFound says that there is no certificate to revoke.
	ErrNotFound = errors.New("no such certificate")
)

// TooMany says that somebody tried too often.
type TooMany struct{ Retry time.Duration }

// Error implements error.
func (e *TooMany) Error() string {
	return fmt.Sprintf("too many attempts; try again in %s", e.Retry.Round(time.Second))
}

// Options are what an Authority needs.
type Options struct {
	DB    *db.DB
	Keys  *keyring.Ring
	Audit *audit.Log
	// Server says whether the fleet has a server of that slug, and whether it
	// is an appliance, on which no agent runs. It is asked on every request.
	Server func(slug string) (appliance, known bool)
	Log    *slog.Logger
	Now    func() time.Time // nil is time.Now
}

// Authority enrols agents. It is safe for use by many goroutines.
type Authority struct {
	db      *db.DB
	audit   *audit.Log
	server  func(slug string) (appliance, known bool)
	log     *slog.Logger
	now     func() time.Time
	ca      *ca
	revoked *revoked
	enrols  *attempts.Limiter // by remote address
	renews  *attempts.Limiter // by server
}

// Open returns the authority of a hub. The first call on a state makes the
// certificate authority.
func Open(ctx context.Context, o Options) (*Authority, error) {
	now := o.Now
	if now == nil {
		now = time.Now
	}
	c, err := openCA(ctx, o.Keys, now)
	if err != nil {
		return nil, fmt.Errorf("open certificate authority: %w", err)
	}
	a := &Authority{
		db: o.DB, audit: o.Audit, server: o.Server, log: o.Log, now: now, ca: c, revoked: newRevoked(),
		enrols: attempts.At(10, 30*time.Second, now),
		renews: attempts.At(10, 10*time.Minute, now),
	}
	if err := a.loadRevoked(ctx); err != nil {
		return nil, err
	}
	return a, nil
}

// CA returns the certificate of the authority, PEM.
func (a *Authority) CA() []byte { return a.ca.pem }

// runs reports whether an agent may run under that name.
func (a *Authority) runs(server string) bool {
	appliance, known := a.server(server)
	return known && !appliance
}
