package audit

import (
	"context"
	"fmt"

	"github.com/vigie-ops/vigie/internal/db"
)

type head struct {
	Seq  int64  `bun:"seq"`
	Hash string `bun:"hash"`
}

// nextHead takes the next number. The update locks the row until the
// transaction ends, which puts writers in line on PostgreSQL too. The hash
// returned is that of the last entry.
func nextHead(ctx context.Context, tx *db.Tx) (head, error) {
	var h head
	const q = `
		UPDATE audit_head
		SET seq = seq + 1
		WHERE one = 1
		RETURNING seq, hash`
	if err := tx.NewRaw(q).Scan(ctx, &h); err != nil {
		return h, fmt.Errorf("take the next number: %w", err)
	}
	return h, nil
}

func insert(ctx context.Context, tx *db.Tx, r row, p payload) error {
	const entry = `
		INSERT INTO audit_entry (seq, id, at, actor, via, verb, object, payload_hash, prev_hash, hash)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	if _, err := tx.NewRaw(entry, r.Seq, r.ID, r.At, r.Actor, r.Via, r.Verb, r.Object, r.PayloadHash, r.PrevHash, r.Hash).Exec(ctx); err != nil {
		return fmt.Errorf("insert entry: %w", err)
	}
	const words = `
		INSERT INTO audit_payload (entry, salt, reason, details, erased_by)
		VALUES (?, ?, ?, ?, '')`
	if _, err := tx.NewRaw(words, p.Entry, p.Salt, p.Reason, p.Details).Exec(ctx); err != nil {
		return fmt.Errorf("insert payload: %w", err)
	}
	if _, err := tx.NewRaw(`UPDATE audit_head SET hash = ? WHERE one = 1`, r.Hash).Exec(ctx); err != nil {
		return fmt.Errorf("move the head: %w", err)
	}
	return nil
}
