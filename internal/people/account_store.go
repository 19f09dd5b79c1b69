package people

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/vigie-ops/vigie/internal/db"
)

func localPeople(ctx context.Context, q db.Queryer) ([]Person, error) {
	var rows []struct {
		Slug  string `bun:"slug"`
		Name  string `bun:"name"`
		Email string `bun:"email"`
	}
	const text = `
		SELECT slug, name, email
		FROM people_local
		ORDER BY slug`
	if err := q.NewRaw(text).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("read local administrators: %w", err)
	}
	var all []Person
	for _, r := range rows {
		all = append(all, Person{Slug: r.Slug, Name: r.Name, Email: r.Email, Role: Admin})
	}
	return all, nil
}

func insertLocal(ctx context.Context, tx *db.Tx, l LocalAdmin, now time.Time) error {
	const q = `
		INSERT INTO people_local (slug, name, email, created_at)
		VALUES (?, ?, ?, ?)
		ON CONFLICT (slug) DO UPDATE
		SET name = excluded.name, email = excluded.email, created_at = excluded.created_at`
	if _, err := tx.NewRaw(q, l.Slug, l.Name, l.Email, now).Exec(ctx); err != nil {
		return fmt.Errorf("store local administrator: %w", err)
	}
	return nil
}

// anyPassword reports whether one of the people has a password.
func anyPassword(ctx context.Context, q db.Queryer, people []string) (bool, error) {
	if len(people) == 0 {
		return false, nil
	}
	var n int
	const text = `
		SELECT COUNT(*)
		FROM people_password
		WHERE person IN (?)`
	if err := q.NewRaw(text, bun.List(people)).Scan(ctx, &n); err != nil {
		return false, fmt.Errorf("read passwords: %w", err)
	}
	return n > 0, nil
}

// readPassword returns the password's hash; sql.ErrNoRows if there is none.
func readPassword(ctx context.Context, q db.Queryer, person string) (string, error) {
	var phc string
	const text = `
		SELECT phc
		FROM people_password
		WHERE person = ?`
	err := q.NewRaw(text, person).Scan(ctx, &phc)
	return phc, err
}

func writePassword(ctx context.Context, tx *db.Tx, person, phc string, now time.Time) error {
	const q = `
		INSERT INTO people_password (person, phc, set_at)
		VALUES (?, ?, ?)
		ON CONFLICT (person) DO UPDATE
		SET phc = excluded.phc, set_at = excluded.set_at`
	if _, err := tx.NewRaw(q, person, phc, now).Exec(ctx); err != nil {
		return fmt.Errorf("store password: %w", err)
	}
	return nil
}

// replacePassword stores the same password hashed anew, unless it was changed
// meanwhile.
func replacePassword(ctx context.Context, tx *db.Tx, person, old, phc string) error {
	const q = `
		UPDATE people_password
		SET phc = ?
		WHERE person = ? AND phc = ?`
	if _, err := tx.NewRaw(q, phc, person, old).Exec(ctx); err != nil {
		return fmt.Errorf("store password: %w", err)
	}
	return nil
}
