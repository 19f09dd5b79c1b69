package people

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
)

func insertLink(ctx context.Context, tx *db.Tx, hash string, l Link, now time.Time) error {
	const q = `
		INSERT INTO people_link (hash, kind, person, created_at, expires_at)
		VALUES (?, ?, ?, ?, ?)`
	if _, err := tx.NewRaw(q, hash, l.Kind, l.Person, now, l.Expires).Exec(ctx); err != nil {
		return fmt.Errorf("store link: %w", err)
	}
	return nil
}

func readLink(ctx context.Context, q db.Queryer, hash string) (Link, error) {
	var r struct {
		Kind      LinkKind  `bun:"kind"`
		Person    string    `bun:"person"`
		ExpiresAt time.Time `bun:"expires_at"`
	}
	const text = `
		SELECT kind, person, expires_at
		FROM people_link
		WHERE hash = ?`
	err := q.NewRaw(text, hash).Scan(ctx, &r)
	return Link{Kind: r.Kind, Person: r.Person, Expires: r.ExpiresAt.UTC()}, err
}

// takeLink removes a link that is good and returns whom it is for;
// sql.ErrNoRows if it is not. Of several that try at the same time one gets it.
func takeLink(ctx context.Context, tx *db.Tx, kind LinkKind, hash string, now time.Time) (string, error) {
	var people []string
	const q = `
		DELETE FROM people_link
		WHERE hash = ? AND kind = ? AND expires_at > ?
		RETURNING person`
	if err := tx.NewRaw(q, hash, kind, now).Scan(ctx, &people); err != nil {
		return "", fmt.Errorf("use link: %w", err)
	}
	if len(people) == 0 {
		return "", sql.ErrNoRows
	}
	return people[0], nil
}

func dropLinks(ctx context.Context, tx *db.Tx, kind LinkKind) error {
	if _, err := tx.NewRaw(`DELETE FROM people_link WHERE kind = ?`, kind).Exec(ctx); err != nil {
		return fmt.Errorf("drop links: %w", err)
	}
	return nil
}

// changed returns how many rows a statement changed.
func changed(r sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}
