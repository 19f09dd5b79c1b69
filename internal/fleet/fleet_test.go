package fleet_test

import (
	"context"
	"errors"
	"testing"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/db/dbtest"
	"github.com/vigie-ops/vigie/internal/fleet"
)

func TestTheFleetChangesWhenTheTransactionIsCommitted(t *testing.T) {
	dbtest.Each(t, nil, func(t *testing.T, d *db.DB) {
		f := fleet.New()
		if got := f.Current().Servers(); len(got) != 0 {
			t.Errorf("before a first generation there are %v", got)
		}
		g := mustLoad(t, halyard)
		failed := errors.New("later applier failed")
		err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			return errors.Join(f.ApplyOps(ctx, tx, g), failed)
		})
		if !errors.Is(err, failed) || len(f.Current().Servers()) != 0 {
			t.Errorf("a change that failed (%v) shows %v", err, f.Current().Servers())
		}
		if err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error { return f.ApplyOps(ctx, tx, g) }); err != nil {
			t.Fatal(err)
		}
		if got := len(f.Current().Servers()); got != 3 {
			t.Errorf("%d servers after the commit, want 3", got)
		}
	})
}
