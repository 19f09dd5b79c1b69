package notify

import (
	"context"
	"fmt"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
)

const (
	// keepFor is how long a message that was sent, or never will be, can be read
	// again. That it was sent stands in the timeline of its issue for longer.
	keepFor         = 180 * 24 * time.Hour
	pruneAfterStart = 15 * time.Minute
	pruneEvery      = 24 * time.Hour
)

// Prune forgets deliveries that are long over. Run does it once a day, and soon
// after a start.
func (c *Courier) Prune(ctx context.Context) error {
	return c.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		const q = `DELETE FROM notify_delivery WHERE state <> 'queued' AND created_at < ?`
		if _, err := tx.NewRaw(q, c.now().Add(-keepFor)).Exec(ctx); err != nil {
			return fmt.Errorf("forget old deliveries: %w", err)
		}
		return nil
	})
}
