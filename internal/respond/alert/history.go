package alert

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
)

// Change is one line of an alert's history.
type Change struct {
	ID    string
	Alert string
	At    time.Time
	Kind  string
	Actor string // a person's slug, or "" where nobody acted
	Text  string
}

// The kinds of change.
const (
	KindFired          = "fired"
	KindCameBack       = "came back"
	KindSeverity       = "severity"
	KindTold           = "told"
	KindAcknowledged   = "acknowledged"
	KindUnacknowledged = "given back"
	KindAckEnded       = "acknowledgement ended"
	KindSilenced       = "silenced"
	KindUnsilenced     = "silence ended"
	KindInhibited      = "inhibited"
	KindUninhibited    = "inhibition ended"
	KindResolved       = "resolved"
	KindReviewed       = "reviewed"
)

func saveChanges(ctx context.Context, tx *db.Tx, changes []Change) error {
	for part := range slices.Chunk(changes, chunk) {
		var args []any
		for _, c := range part {
			args = append(args, c.ID, c.Alert, c.At, c.Kind, c.Actor, c.Text)
		}
		q := "INSERT INTO alert_change (id, alert, at, kind, actor, text) VALUES " + strings.TrimSuffix(strings.Repeat("(?, ?, ?, ?, ?, ?), ", len(part)), ", ")
		if _, err := tx.NewRaw(q, args...).Exec(ctx); err != nil {
			return fmt.Errorf("write the history of alerts: %w", err)
		}
	}
	return nil
}

// History returns what happened to an alert, oldest first.
func (b *Board) History(ctx context.Context, id string) ([]Change, error) {
	var rows []struct {
		ID    string    `bun:"id"`
		Alert string    `bun:"alert"`
		At    time.Time `bun:"at"`
		Kind  string    `bun:"kind"`
		Actor string    `bun:"actor"`
		Text  string    `bun:"text"`
	}
	const q = `SELECT id, alert, at, kind, actor, text FROM alert_change WHERE alert = ? ORDER BY id`
	if err := b.o.DB.Read().NewRaw(q, id).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("read the history of alert %s: %w", id, err)
	}
	changes := make([]Change, len(rows))
	for i, r := range rows {
		changes[i] = Change{ID: r.ID, Alert: r.Alert, At: r.At.UTC(), Kind: r.Kind, Actor: r.Actor, Text: r.Text}
	}
	return changes, nil
}
