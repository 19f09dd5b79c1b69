package notify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/vigie-ops/vigie/internal/db"
)

// An address that got as many deliveries as its channel says within foldWindow
// gets what else is for it folded into one message, and such a message no more
// often than it could have got single ones.
const foldWindow = 10 * time.Minute

// foldAfter is how many single messages an address of a channel gets; false
// where nothing is folded. A webhook is a machine: it tells groups apart by
// their keys, and more than one does not tire it.
func (c *Courier) foldAfter(channel string) (n int, folds bool) {
	config, ok := (*c.channels.Load())[channel]
	if !ok || config.Kind == Webhook {
		return 0, false
	}
	if config.FoldAfter == 0 {
		return DefaultFoldAfter, true
	}
	return config.FoldAfter, true
}

// errTaken undoes a claim on a delivery that another message took meanwhile.
var errTaken = errors.New("another message took the delivery")

// claim writes the intent to send a delivery now, before it is sent: that this
// attempt is made, and which deliveries are told with it. Where the address is
// to get nothing yet, it says how long to wait.
func (c *Courier) claim(ctx context.Context, d Delivery) (claimed bool, wait time.Duration, err error) {
	err = c.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if wait, err = c.fold(ctx, tx, d); err != nil || wait > 0 {
			return err
		}
		now := c.now()
		const lead = `UPDATE notify_delivery SET attempts = attempts + 1, retry_by = ? WHERE id = ? AND state = 'queued' AND attempts = ? AND digest IN ('', id)`
		r, err := tx.NewRaw(lead, now.Add(maxPause), d.ID, d.Attempts).Exec(ctx)
		if err != nil {
			return fmt.Errorf("claim delivery %s: %w", d.ID, err)
		}
		if n, err := r.RowsAffected(); err != nil || n != 1 {
			return errors.Join(errTaken, err)
		}
		const others = `UPDATE notify_delivery SET attempts = attempts + 1, retry_by = ? WHERE digest = ? AND id <> ?`
		if _, err := tx.NewRaw(others, now.Add(maxPause), d.ID, d.ID).Exec(ctx); err != nil {
			return fmt.Errorf("claim what is told with delivery %s: %w", d.ID, err)
		}
		return nil
	})
	if errors.Is(err, errTaken) {
		return false, 0, nil
	}
	return err == nil && wait == 0, wait, err
}

// fold takes what waits for the address of a delivery into its message if the
// address has had enough, or says how long that message is to wait. Once a
// delivery was attempted, what is told with it never changes.
func (c *Courier) fold(ctx context.Context, tx *db.Tx, d Delivery) (wait time.Duration, err error) {
	after, folds := c.foldAfter(d.Channel)
	if d.Digest != "" || d.Attempts > 0 || d.Kind == KindTest || !folds {
		return 0, nil
	}
	every := foldWindow / time.Duration(after)
	var before int
	const enough = `
		SELECT COUNT(*) FROM (
			SELECT 1 FROM notify_delivery
			WHERE channel = ? AND address = ? AND kind <> 'test' AND created_at > ? AND created_at <= ? AND (created_at < ? OR id < ?)
			LIMIT ?
		) AS earlier`
	if err := tx.NewRaw(enough, d.Channel, d.Address, d.CreatedAt.Add(-foldWindow), d.CreatedAt, d.CreatedAt, d.ID, after).Scan(ctx, &before); err != nil {
		return 0, fmt.Errorf("count what %s was told: %w", d.Address, err)
	}
	if before < after {
		return 0, nil
	}
	now := c.now()
	var last []bun.NullTime
	const lately = `SELECT folded_at FROM notify_delivery WHERE channel = ? AND address = ? AND folded_at > ? ORDER BY folded_at DESC LIMIT 1`
	if err := tx.NewRaw(lately, d.Channel, d.Address, now.Add(-every)).Scan(ctx, &last); err != nil {
		return 0, fmt.Errorf("read when %s was told last: %w", d.Address, err)
	}
	if len(last) > 0 && !last[0].After(now) { // a clock that was set back holds nothing up
		return max(time.Second, last[0].Add(every).Sub(now)), nil
	}
	const take = `
		UPDATE notify_delivery SET digest = ?, folded_at = ?
		WHERE channel = ? AND address = ? AND person = ? AND state = 'queued' AND attempts = 0 AND digest = '' AND kind <> 'test'`
	if _, err := tx.NewRaw(take, d.ID, now, d.Channel, d.Address, d.Person).Exec(ctx); err != nil {
		return 0, fmt.Errorf("fold what waits for %s: %w", d.Address, err)
	}
	return 0, nil
}
