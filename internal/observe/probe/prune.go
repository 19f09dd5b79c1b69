package probe

import (
	"context"
	"fmt"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
)

const (
	// keepFor is how long outages, and the times when nobody looked, can be read
	// again: as long as the alerts about them.
	keepFor         = 400 * 24 * time.Hour
	pruneAfterStart = 20 * time.Minute
	pruneEvery      = 24 * time.Hour
)

// Prune forgets outages and gaps that ended long ago, and probes that were
// removed then. Run does it once a day, and soon after a start.
func (s *Service) Prune(ctx context.Context) error {
	before := time.Now().UTC().Add(-keepFor)
	return s.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, q := range []string{
			`DELETE FROM probe_outage WHERE ended_at < ?`,
			`DELETE FROM probe_gap WHERE ended_at < ?`,
			`DELETE FROM probe_watch WHERE ended_at < ?`,
		} {
			if _, err := tx.NewRaw(q, before).Exec(ctx); err != nil {
				return fmt.Errorf("forget old outages: %w", err)
			}
		}
		return nil
	})
}

func (s *Service) pruneDaily(ctx context.Context) {
	t := time.NewTimer(pruneAfterStart)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		t.Reset(pruneEvery)
		if err := s.Prune(ctx); err != nil && ctx.Err() == nil {
			s.o.Log.Error("old outages could not be forgotten", "err", err)
		}
	}
}
