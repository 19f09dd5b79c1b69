package alert

import (
	"context"
	"fmt"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
)

// setBack is more than a time server corrects in passing.
const setBack = 2 * settle

// rewind makes news that lies in the future, because the clock was set back
// since it was noted, news of now: it would wait until the clock is there again.
// Callers hold mu; what is in memory is read anew.
func (b *Board) rewind(ctx context.Context, now time.Time) error {
	ahead, found := now.Add(setBack), false
	err := b.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		const untold = `changed_at > ? AND (state = 'firing' OR told IN ('firing', 'again', 'ending'))`
		const groups = `UPDATE alert_group SET next_flush_at = ? WHERE key IN (SELECT group_key FROM alert_alert WHERE ` + untold + `)`
		if _, err := tx.NewRaw(groups, now, ahead).Exec(ctx); err != nil {
			return fmt.Errorf("set groups back with the clock: %w", err)
		}
		r, err := tx.NewRaw(`UPDATE alert_alert SET changed_at = ? WHERE `+untold, now, ahead).Exec(ctx)
		if err != nil {
			return fmt.Errorf("set alerts back with the clock: %w", err)
		}
		n, err := r.RowsAffected()
		found = n > 0
		return err
	})
	if found {
		b.loaded = false // also after a commit that failed, since it may have taken place
	}
	if err == nil && found {
		b.o.Log.Warn("the clock was set back: what was still to be told is told now")
	}
	return err
}
