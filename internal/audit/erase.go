package audit

import (
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"

	"github.com/vigie-ops/vigie/internal/db"
)

// Erase replaces the reason and the details of entries by a tombstone and
// records e, which says who erased them and why. That entry's object becomes
// a hash of the ids, which ties the tombstones into the chain: a payload that
// was emptied without such an entry is found by Verify. It returns how many
// were erased; entries that do not exist, were erased before, or themselves
// tell of an erasure are passed over.
func (l *Log) Erase(ctx context.Context, tx *db.Tx, e Entry, ids ...string) (int, error) {
	const q = `
		SELECT entry
		FROM audit_payload
		WHERE entry IN (?) AND erased_by = '' AND entry NOT IN (
			SELECT erased_by FROM audit_payload WHERE erased_by <> '')`
	var found []string
	for part := range slices.Chunk(ids, chunk) {
		var some []string
		if err := tx.NewRaw(q, bun.List(part)).Scan(ctx, &some); err != nil {
			return 0, fmt.Errorf("erase audit payloads: %w", err)
		}
		found = append(found, some...)
	}
	return l.erase(ctx, tx, e, found)
}

// EraseObject erases the payloads of all entries about one object, such as an
// instance that is gone.
func (l *Log) EraseObject(ctx context.Context, tx *db.Tx, e Entry, object string) (int, error) {
	var found []string
	const q = `
		SELECT p.entry
		FROM audit_payload p
		JOIN audit_entry a ON a.id = p.entry
		WHERE a.object = ? AND p.erased_by = ''`
	if err := tx.NewRaw(q, clean(object)).Scan(ctx, &found); err != nil {
		return 0, fmt.Errorf("erase audit payloads of %s: %w", object, err)
	}
	return l.erase(ctx, tx, e, found)
}

// chunk keeps an IN list below what either database takes.
const chunk = 500

func (l *Log) erase(ctx context.Context, tx *db.Tx, e Entry, ids []string) (int, error) {
	if len(ids) == 0 {
		return 0, nil
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	e.Object = tombstones(ids)
	by, err := l.record(ctx, tx, e)
	if err != nil {
		return 0, err
	}
	const q = `
		UPDATE audit_payload
		SET salt = '', reason = '', details = '{}', erased_by = ?
		WHERE entry IN (?)`
	for part := range slices.Chunk(ids, chunk) {
		if _, err := tx.NewRaw(q, by, bun.List(part)).Exec(ctx); err != nil {
			return 0, fmt.Errorf("erase audit payloads: %w", err)
		}
	}
	return len(ids), nil
}

// tombstones names a set of erased entries; ids are sorted.
func tombstones(ids []string) string { return "audit:" + digest(ids...) }
