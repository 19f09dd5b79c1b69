package opsrepo

import (
	"context"

	"github.com/vigie-ops/vigie/internal/db"
)

// Applier takes a generation over. All appliers run in the one transaction
// that stores the generation; what they hold in memory they swap in tx.After,
// so that nobody sees half a change.
type Applier interface {
	ApplyOps(ctx context.Context, tx *db.Tx, g *Generation) error
}
