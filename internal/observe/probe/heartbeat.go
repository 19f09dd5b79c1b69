package probe

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/observe/probe/prober"
)

// ErrNoHeartbeat is a heartbeat that does not exist, or a token that is not
// its own; whoever calls is not told which.
var ErrNoHeartbeat = errors.New("there is no such heartbeat")

// HeartbeatToken makes a new secret token for the heartbeat and returns it.
// Only its hash is kept: the token is shown once, and an earlier one stops
// working.
func (s *Service) HeartbeatToken(ctx context.Context, slug string) (string, error) {
	if !s.isHeartbeat(slug) {
		return "", ErrNoHeartbeat
	}
	secret := make([]byte, 24)
	if _, err := rand.Read(secret); err != nil {
		return "", fmt.Errorf("make a heartbeat token: %w", err)
	}
	token := base64.RawURLEncoding.EncodeToString(secret)
	err := s.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		const q = `
			INSERT INTO probe_heartbeat (probe, token_hash, created_at)
			VALUES (?, ?, ?)
			ON CONFLICT (probe) DO UPDATE SET token_hash = excluded.token_hash, created_at = excluded.created_at`
		_, err := tx.NewRaw(q, slug, hashToken(token), time.Now().UTC()).Exec(ctx)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("keep a heartbeat token: %w", err)
	}
	return token, nil
}

// HasHeartbeatToken reports whether a token was made for the heartbeat.
func (s *Service) HasHeartbeatToken(ctx context.Context, slug string) (bool, error) {
	var n int
	err := s.o.DB.Read().NewRaw(`SELECT COUNT(*) FROM probe_heartbeat WHERE probe = ?`, slug).Scan(ctx, &n)
	return n > 0, wrap("read heartbeat", err)
}

// Beat takes a heartbeat. It is on disk when Beat returns nil.
func (s *Service) Beat(ctx context.Context, slug, token string) error {
	if !s.isHeartbeat(slug) {
		return ErrNoHeartbeat
	}
	var hashes []string
	if err := s.o.DB.Read().NewRaw(`SELECT token_hash FROM probe_heartbeat WHERE probe = ?`, slug).Scan(ctx, &hashes); err != nil {
		return fmt.Errorf("read heartbeat: %w", err)
	}
	if len(hashes) != 1 || subtle.ConstantTimeCompare([]byte(hashes[0]), []byte(hashToken(token))) != 1 {
		return ErrNoHeartbeat
	}
	now := time.Now().UTC()
	err := s.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.NewRaw(`UPDATE probe_heartbeat SET last_at = ? WHERE probe = ?`, now, slug).Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("keep a heartbeat: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.runs[slug]; r != nil {
		r.beat = now
		s.take(r, Hub, prober.Result{OK: true, At: now}, now)
	}
	return nil
}

func (s *Service) isHeartbeat(slug string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.runs[slug]
	return r != nil && r.plan.Kind == KindHeartbeat
}

// checkBeat notices a heartbeat that is late; the caller holds s.mu. One that
// never arrived is waited for without an alert, as a server that never
// enrolled. Time in which the hub did not run cannot make one late.
func (s *Service) checkBeat(r *run, now time.Time) {
	if r.beat.IsZero() {
		return
	}
	from := r.beat
	if s.started.After(from) {
		from = s.started
	}
	if now.Sub(from) <= r.plan.Every+r.plan.Grace {
		return
	}
	s.take(r, Hub, prober.Result{At: now, Error: fmt.Sprintf("no heartbeat since %s, expected every %s",
		r.beat.In(s.loc).Format("2 January 15:04:05 MST"), prober.Span(r.plan.Every))}, now)
}

func lastBeats(ctx context.Context, q db.Queryer) (map[string]time.Time, error) {
	var rows []struct {
		Probe string    `bun:"probe"`
		Last  time.Time `bun:"last_at"`
	}
	if err := q.NewRaw(`SELECT probe, last_at FROM probe_heartbeat WHERE last_at IS NOT NULL`).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("read heartbeats: %w", err)
	}
	out := make(map[string]time.Time, len(rows))
	for _, r := range rows {
		out[r.Probe] = r.Last.UTC()
	}
	return out, nil
}

func dropHeartbeat(ctx context.Context, tx *db.Tx, slug string) error {
	_, err := tx.NewRaw(`DELETE FROM probe_heartbeat WHERE probe = ?`, slug).Exec(ctx)
	return wrap("forget a heartbeat", err)
}

// hashToken needs no salt and no slow hash: a token is 24 random bytes.
func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}
