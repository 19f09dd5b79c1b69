package enrol

import (
	"context"
	"fmt"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
)

const (
	// keepFor is how long a certificate that expired can be looked up. What was
	// issued and revoked stands in the audit trail for longer.
	keepFor         = 90 * 24 * time.Hour
	pruneAfterStart = 25 * time.Minute
	pruneEvery      = 24 * time.Hour
)

// Prune forgets certificates that expired long ago, revoked or not: nobody
// takes them any more. The first one of a server stays, which says since when
// it is enrolled, and so does its newest. Run does it once a day, and soon
// after a start.
func (a *Authority) Prune(ctx context.Context) error {
	const q = `
		DELETE FROM enrol_certificate
		WHERE not_after < ?
			AND EXISTS (SELECT 1 FROM enrol_certificate AS o WHERE o.server = enrol_certificate.server AND o.issued_at < enrol_certificate.issued_at)
			AND EXISTS (SELECT 1 FROM enrol_certificate AS o WHERE o.server = enrol_certificate.server AND o.issued_at > enrol_certificate.issued_at)`
	return a.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.NewRaw(q, a.now().UTC().Add(-keepFor)).Exec(ctx); err != nil {
			return fmt.Errorf("forget old certificates: %w", err)
		}
		return nil
	})
}
