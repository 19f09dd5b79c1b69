package people

import (
	"context"
	"fmt"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
)

type sessionRow struct {
	ID        string    `bun:"id"`
	Person    string    `bun:"person"`
	How       string    `bun:"how"`
	CreatedAt time.Time `bun:"created_at"`
	SeenAt    time.Time `bun:"seen_at"`
	ExpiresAt time.Time `bun:"expires_at"`
	Remote    string    `bun:"remote"`
	Browser   string    `bun:"browser"`
}

func (r sessionRow) session() Session {
	return Session{
		ID: r.ID, Person: r.Person, How: r.How, Created: r.CreatedAt.UTC(), Seen: r.SeenAt.UTC(), Expires: r.ExpiresAt.UTC(),
		Remote: r.Remote, Browser: r.Browser,
	}
}

func insertSession(ctx context.Context, tx *db.Tx, s Session, hash string) error {
	const q = `
		INSERT INTO people_session (id, hash, person, how, created_at, seen_at, expires_at, remote, browser)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
	if _, err := tx.NewRaw(q, s.ID, hash, s.Person, s.How, s.Created, s.Seen, s.Expires, s.Remote, s.Browser).Exec(ctx); err != nil {
		return fmt.Errorf("store session: %w", err)
	}
	return nil
}

// sessionByHash returns a session; sql.ErrNoRows if there is none.
func sessionByHash(ctx context.Context, q db.Queryer, hash string) (Session, error) {
	var r sessionRow
	const text = `
		SELECT id, person, how, created_at, seen_at, expires_at, remote, browser
		FROM people_session
		WHERE hash = ?`
	err := q.NewRaw(text, hash).Scan(ctx, &r)
	return r.session(), err
}

func sessionsOf(ctx context.Context, q db.Queryer, person string) ([]Session, error) {
	var rows []sessionRow
	const text = `
		SELECT id, person, how, created_at, seen_at, expires_at, remote, browser
		FROM people_session
		WHERE person = ?
		ORDER BY seen_at DESC, id DESC`
	err := q.NewRaw(text, person).Scan(ctx, &rows)
	sessions := make([]Session, 0, len(rows))
	for _, r := range rows {
		sessions = append(sessions, r.session())
	}
	return sessions, err
}

func deleteSession(ctx context.Context, tx *db.Tx, person, id string) (int64, error) {
	return changed(tx.NewRaw(`DELETE FROM people_session WHERE person = ? AND id = ?`, person, id).Exec(ctx))
}

func deleteSessionsOf(ctx context.Context, tx *db.Tx, person, keep string) (int64, error) {
	return changed(tx.NewRaw(`DELETE FROM people_session WHERE person = ? AND id <> ?`, person, keep).Exec(ctx))
}

func touchSession(ctx context.Context, tx *db.Tx, id string, seen time.Time) error {
	const q = `
		UPDATE people_session
		SET seen_at = ?
		WHERE id = ? AND seen_at < ?`
	_, err := tx.NewRaw(q, seen, id, seen).Exec(ctx)
	return err
}

func deleteExpired(ctx context.Context, tx *db.Tx, now time.Time) error {
	const sessions = `
		DELETE FROM people_session
		WHERE expires_at <= ? OR seen_at <= ?`
	if _, err := tx.NewRaw(sessions, now, now.Add(-sessionIdle)).Exec(ctx); err != nil {
		return fmt.Errorf("delete expired sessions: %w", err)
	}
	if _, err := tx.NewRaw(`DELETE FROM people_link WHERE expires_at <= ?`, now).Exec(ctx); err != nil {
		return fmt.Errorf("delete expired links: %w", err)
	}
	return nil
}

func peopleWithSessions(ctx context.Context, q db.Queryer) ([]string, error) {
	var people []string
	err := q.NewRaw(`SELECT DISTINCT person FROM people_session ORDER BY person`).Scan(ctx, &people)
	return people, err
}
