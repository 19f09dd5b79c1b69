package enrol

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/vigie-ops/vigie/internal/audit"
	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/wire"
)

const (
	tokenLifetime = time.Hour
	// maxTokenLifetime keeps tokens from lying about.
	maxTokenLifetime = 7 * 24 * time.Hour
)

// IssueToken makes a token with which one agent can enrol once as that server.
// A ttl of zero is one hour. The token is returned here and nowhere else.
func (a *Authority) IssueToken(ctx context.Context, server string, ttl time.Duration, actor people.Actor) (string, error) {
	if !a.runs(server) {
		return "", fmt.Errorf("token for %q: %w", server, ErrServer)
	}
	if ttl == 0 {
		ttl = tokenLifetime
	}
	if ttl < time.Minute || ttl > maxTokenLifetime {
		return "", fmt.Errorf("token for %q: it may last from one minute to seven days, not %s", server, ttl)
	}
	random := make([]byte, 32)
	rand.Read(random) // never fails since Go 1.24
	t := wire.Token{Server: server, Secret: base64.RawURLEncoding.EncodeToString(random), Fingerprint: wire.Fingerprint(a.ca.cert.Raw)}
	now := a.now().UTC()
	err := a.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := dropTokens(ctx, tx, now.Add(-maxTokenLifetime)); err != nil {
			return err
		}
		err := insertToken(ctx, tx, tokenRow{
			Hash: hashSecret(t.Secret), Server: server, CreatedAt: now, CreatedBy: actor.Slug, ExpiresAt: now.Add(ttl),
		})
		if err != nil {
			return err
		}
		return a.audit.Record(ctx, tx, audit.Entry{
			Actor: actor.Slug, Via: actor.Via, Verb: "agent.invite", Object: "server:" + server,
			Details: map[string]any{"expires_at": now.Add(ttl)},
		})
	})
	if err != nil {
		return "", fmt.Errorf("token for %q: %w", server, err)
	}
	return t.String(), nil
}

// hashSecret is what is stored of a token, and what it is looked up by: how
// long a look-up takes says something about hashes, from which nobody gets to
// 32 random bytes.
func hashSecret(secret string) string {
	sum := sha256.Sum256([]byte("vigie enrolment " + secret))
	return hex.EncodeToString(sum[:])
}
