package enrol

import (
	"context"
	"fmt"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
)

type tokenRow struct {
	Hash      string
	Server    string
	CreatedAt time.Time
	CreatedBy string
	ExpiresAt time.Time
}

type certificateRow struct {
	Serial    string     `bun:"serial"`
	Server    string     `bun:"server"`
	IssuedAt  time.Time  `bun:"issued_at"`
	NotAfter  time.Time  `bun:"not_after"`
	How       string     `bun:"how"`
	RevokedAt *time.Time `bun:"revoked_at"`
	RevokedBy string     `bun:"revoked_by"`
	Reason    string     `bun:"reason"`
}

func insertToken(ctx context.Context, tx *db.Tx, t tokenRow) error {
	const q = `
		INSERT INTO enrol_token (hash, server, created_at, created_by, expires_at, serial)
		VALUES (?, ?, ?, ?, ?, '')`
	if _, err := tx.NewRaw(q, t.Hash, t.Server, t.CreatedAt, t.CreatedBy, t.ExpiresAt).Exec(ctx); err != nil {
		return fmt.Errorf("store token: %w", err)
	}
	return nil
}

func dropTokens(ctx context.Context, tx *db.Tx, expiredBefore time.Time) error {
	if _, err := tx.NewRaw(`DELETE FROM enrol_token WHERE expires_at < ?`, expiredBefore).Exec(ctx); err != nil {
		return fmt.Errorf("drop old tokens: %w", err)
	}
	return nil
}

// useToken uses a token up and reports whether it could be used. Of several
// that try at the same time one gets it.
func useToken(ctx context.Context, tx *db.Tx, hash, server, serial string, now time.Time) (bool, error) {
	const q = `
		UPDATE enrol_token
		SET used_at = ?, serial = ?
		WHERE hash = ? AND server = ? AND used_at IS NULL AND expires_at > ?`
	res, err := tx.NewRaw(q, now, serial, hash, server, now).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("use token: %w", err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return false, fmt.Errorf("use token: %w", err)
	}
	return n == 1, nil
}

func insertCertificate(ctx context.Context, tx *db.Tx, c certificateRow) error {
	const q = `
		INSERT INTO enrol_certificate (serial, server, issued_at, not_after, how, revoked_by, reason)
		VALUES (?, ?, ?, ?, ?, '', '')`
	if _, err := tx.NewRaw(q, c.Serial, c.Server, c.IssuedAt, c.NotAfter, c.How).Exec(ctx); err != nil {
		return fmt.Errorf("store certificate: %w", err)
	}
	return nil
}

// column is what certificates are chosen by.
type column string

const (
	bySerial column = "serial"
	byServer column = "server"
)

// markRevoked revokes those of the chosen certificates that were not revoked,
// and returns them.
func markRevoked(ctx context.Context, tx *db.Tx, chosen column, value, by, reason string, now time.Time) ([]certificateRow, error) {
	q := `
		UPDATE enrol_certificate
		SET revoked_at = ?, revoked_by = ?, reason = ?
		WHERE ` + string(chosen) + ` = ? AND revoked_at IS NULL
		RETURNING serial, server`
	var gone []certificateRow
	if err := tx.NewRaw(q, now, by, reason, value).Scan(ctx, &gone); err != nil {
		return nil, fmt.Errorf("revoke certificates: %w", err)
	}
	return gone, nil
}

func isRevoked(ctx context.Context, q db.Queryer, serial string) (bool, error) {
	var n int
	const text = `
		SELECT COUNT(*)
		FROM enrol_certificate
		WHERE serial = ? AND revoked_at IS NOT NULL`
	if err := q.NewRaw(text, serial).Scan(ctx, &n); err != nil {
		return false, fmt.Errorf("read certificate: %w", err)
	}
	return n > 0, nil
}

func revokedSerials(ctx context.Context, q db.Queryer, now time.Time) ([]string, error) {
	var serials []string
	const text = `
		SELECT serial
		FROM enrol_certificate
		WHERE revoked_at IS NOT NULL AND not_after > ?`
	err := q.NewRaw(text, now).Scan(ctx, &serials)
	return serials, err
}

func certificatesOf(ctx context.Context, q db.Queryer, server string) ([]certificateRow, error) {
	var rows []certificateRow
	const text = `
		SELECT serial, server, issued_at, not_after, how, revoked_at, revoked_by, reason
		FROM enrol_certificate
		WHERE server = ?
		ORDER BY issued_at DESC, serial`
	err := q.NewRaw(text, server).Scan(ctx, &rows)
	return rows, err
}

type enrolmentRow struct {
	Server   string     `bun:"server"`
	First    time.Time  `bun:"first_at"`
	Last     time.Time  `bun:"last_at"`
	NotAfter *time.Time `bun:"holds_until"`
}

func enrolments(ctx context.Context, q db.Queryer) ([]enrolmentRow, error) {
	var rows []enrolmentRow
	const text = `
		SELECT server, MIN(issued_at) AS first_at, MAX(issued_at) AS last_at,
			MAX(CASE WHEN revoked_at IS NULL THEN not_after END) AS holds_until
		FROM enrol_certificate
		GROUP BY server`
	err := q.NewRaw(text).Scan(ctx, &rows)
	return rows, err
}
