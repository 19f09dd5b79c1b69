// Package fleet knows what the company runs: clients, projects, instances and
// servers, as the loaded generation of the operations repository says.
//
// Read on in entry.go (the types), check.go (what must hold), snapshot.go
// (lookups) and labels.go.
package fleet

import (
	"context"
	"sync/atomic"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/opsrepo"
)

// Fleet holds the snapshot of the generation that runs now. The zero value is
// an empty fleet.
type Fleet struct{ current atomic.Pointer[Snapshot] }

var _ opsrepo.Applier = (*Fleet)(nil)

// New returns an empty fleet.
func New() *Fleet { return &Fleet{} }

// Current returns the snapshot that holds now, never nil. A caller that asks
// several questions asks them of one snapshot.
func (f *Fleet) Current() *Snapshot {
	if s := f.current.Load(); s != nil {
		return s
	}
	return NewSnapshot(nil)
}

// ApplyOps implements opsrepo.Applier.
func (f *Fleet) ApplyOps(_ context.Context, tx *db.Tx, g *opsrepo.Generation) error {
	s := NewSnapshot(g)
	tx.After(func() { f.current.Store(s) })
	return nil
}
