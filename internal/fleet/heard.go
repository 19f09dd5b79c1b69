package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/wire"
)

// persistEvery is how often Hearing writes what changed. After a kill the hub
// believes servers silent for at most this much longer than they were, which
// its grace after a start covers.
const persistEvery = 10 * time.Second

// Heard is the last sign of life of a server.
type Heard struct {
	At        time.Time // when it reached the hub, by the hub's clock
	Heartbeat wire.Heartbeat
}

// Hearing remembers when each server was last heard of. It answers from memory
// and is safe for use by many goroutines.
type Hearing struct {
	db  *db.DB
	log *slog.Logger

	mu    sync.RWMutex
	heard map[string]Heard
	fresh map[string]bool // heard of since the last write
}

// NewHearing returns a Hearing that has heard nobody. Call Restore before use.
func NewHearing(d *db.DB, log *slog.Logger) *Hearing {
	return &Hearing{db: d, log: log, heard: map[string]Heard{}, fresh: map[string]bool{}}
}

// Restore reads what an earlier process, or another hub, heard.
func (h *Hearing) Restore(ctx context.Context) error {
	var rows []struct {
		Server    string    `bun:"server"`
		At        time.Time `bun:"at"`
		Heartbeat string    `bun:"heartbeat"`
	}
	const q = `
		SELECT server, at, heartbeat
		FROM fleet_heard`
	if err := h.db.Read().NewRaw(q).Scan(ctx, &rows); err != nil {
		return fmt.Errorf("restore when servers were heard: %w", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now().UTC()
	for _, r := range rows {
		last := Heard{At: r.At.UTC()}
		if last.At.After(now) { // the clock was set back: else nothing counts until then
			last.At = now
		}
		if err := json.Unmarshal([]byte(r.Heartbeat), &last.Heartbeat); err != nil {
			return fmt.Errorf("restore the heartbeat of %q: %w", r.Server, err)
		}
		if last.At.After(h.heard[r.Server].At) {
			h.heard[r.Server] = last
		}
	}
	return nil
}

// Heard takes a sign of life that reached the hub at that time.
func (h *Hearing) Heard(server string, at time.Time, beat wire.Heartbeat) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !at.After(h.heard[server].At) {
		return
	}
	h.heard[server] = Heard{At: at.UTC(), Heartbeat: beat}
	h.fresh[server] = true
}

// LastHeard says when a server was last heard of, if it ever was.
func (h *Hearing) LastHeard(server string) (time.Time, bool) {
	last, ok := h.Last(server)
	return last.At, ok
}

// Last returns the last sign of life of a server, if there was any.
func (h *Hearing) Last(server string) (Heard, bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	last, ok := h.heard[server]
	return last, ok
}

// All returns the last sign of life of every server, by slug.
func (h *Hearing) All() map[string]Heard {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return maps.Clone(h.heard)
}

// Name says what Run does.
func (h *Hearing) Name() string { return "hearing" }

// Run writes what was heard to the state until ctx is done, and once more then.
func (h *Hearing) Run(ctx context.Context) error {
	tick := time.NewTicker(persistEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			return h.persist(last)
		case <-tick.C:
			if err := h.persist(ctx); err != nil && ctx.Err() == nil {
				h.log.Error("heartbeats not stored, trying again", "err", err)
			}
		}
	}
}

// persist writes the servers heard of since the last time in one transaction.
func (h *Hearing) persist(ctx context.Context) error {
	h.mu.Lock()
	fresh := h.fresh
	h.fresh = map[string]bool{}
	batch := make(map[string]Heard, len(fresh))
	for server := range fresh {
		batch[server] = h.heard[server]
	}
	h.mu.Unlock()
	if len(batch) == 0 {
		return nil
	}
	err := h.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		// In order, so that two hubs on one PostgreSQL do not wait for each
		// other in a circle.
		for _, server := range slices.Sorted(maps.Keys(batch)) {
			if err := writeHeard(ctx, tx, server, batch[server]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		h.mu.Lock()
		defer h.mu.Unlock()
		maps.Copy(h.fresh, fresh) // again next time
		return fmt.Errorf("store when servers were heard: %w", err)
	}
	return nil
}

func writeHeard(ctx context.Context, tx *db.Tx, server string, last Heard) error {
	beat, err := json.Marshal(last.Heartbeat)
	if err != nil {
		return fmt.Errorf("heartbeat of %q: %w", server, err)
	}
	const q = `
		INSERT INTO fleet_heard (server, at, heartbeat)
		VALUES (?, ?, ?)
		ON CONFLICT (server) DO UPDATE
		SET at = excluded.at, heartbeat = excluded.heartbeat
		WHERE fleet_heard.at < excluded.at`
	if _, err := tx.NewRaw(q, server, last.At, string(beat)).Exec(ctx); err != nil {
		return fmt.Errorf("server %q: %w", server, err)
	}
	return nil
}
