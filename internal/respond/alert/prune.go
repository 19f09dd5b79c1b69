package alert

import (
	"context"
	"fmt"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
)

// keepFor is how long what is over stays on the board: a year and a month, so
// that last year's Christmas can be looked up.
const keepFor = 400 * 24 * time.Hour

// pruneAfterStart is soon enough for a hub that is started anew every day.
const (
	pruneAfterStart = 10 * time.Minute
	pruneEvery      = 24 * time.Hour
)

// Prune forgets alerts that resolved long ago, with their history, silences
// that ended long ago, and groups that no alert is left of. What waits for a
// word stays. Run does it once a day, and soon after a start.
func (b *Board) Prune(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := b.now().Add(-keepFor)
	return b.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, q := range []string{
			`DELETE FROM alert_change WHERE alert IN (SELECT id FROM alert_alert WHERE state = 'resolved' AND to_review = FALSE AND resolved_at < ?)`,
			`DELETE FROM alert_alert WHERE state = 'resolved' AND to_review = FALSE AND resolved_at < ?`,
			`DELETE FROM alert_silence WHERE ends_at < ?`,
			`DELETE FROM alert_group WHERE next_flush_at IS NULL AND last_flushed_at < ? AND key NOT IN (SELECT group_key FROM alert_alert)`,
		} {
			if _, err := tx.NewRaw(q, before).Exec(ctx); err != nil {
				return fmt.Errorf("forget old alerts: %w", err)
			}
		}
		return nil
	})
}
