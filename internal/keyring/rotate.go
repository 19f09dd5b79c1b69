package keyring

import (
	"context"
	"errors"
	"fmt"

	"github.com/vigie-ops/vigie/internal/db"
)

// errSameMaster keeps a rotation from looking done when nothing changed.
var errSameMaster = errors.New("the new master key is the one that is in use; give another")

// Rotate seals all keys again under a new master key, in one transaction:
// whatever happens meanwhile, either the old or the new master key opens all
// of them. The keys themselves stay as they are. What is given as with runs in
// the same transaction, which is where the caller records who did it. Other
// programs on the same state go on with the keys they have read; for any other
// they get ErrRotated from then on.
func (r *Ring) Rotate(ctx context.Context, master []byte, with ...func(context.Context, *db.Tx) error) error {
	old := r.sealer.Load()
	current, err := readMaster(ctx, r.db.Read())
	if err != nil {
		return fmt.Errorf("rotate master key: %w", err)
	}
	if _, err := current.sealer(master); err == nil {
		return fmt.Errorf("rotate master key: %w", errSameMaster)
	}
	m, fresh, err := newMaster(master)
	if err != nil {
		return fmt.Errorf("rotate master key: %w", err)
	}
	err = r.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := holdMaster(ctx, tx, old.id); err != nil {
			return err
		}
		if err := replaceMaster(ctx, tx, m); err != nil {
			return err
		}
		if err := reseal(ctx, tx, old, fresh); err != nil {
			return err
		}
		for _, f := range with {
			if err := f(ctx, tx); err != nil {
				return err
			}
		}
		tx.After(func() { r.sealer.Store(fresh) })
		return nil
	})
	if err != nil {
		return fmt.Errorf("rotate master key: %w", err)
	}
	return nil
}

func reseal(ctx context.Context, tx *db.Tx, old, fresh *sealer) error {
	keys, err := readKeys(ctx, tx)
	if err != nil {
		return fmt.Errorf("read keys: %w", err)
	}
	for _, k := range keys {
		plain, err := old.open(k.Name, k.Version, k.Sealed)
		if err != nil {
			return fmt.Errorf("open key %s: %w", k.Name, err)
		}
		k.Sealed, k.MasterID = fresh.seal(k.Name, k.Version, plain), fresh.id
		clear(plain)
		if err := resealKey(ctx, tx, k); err != nil {
			return fmt.Errorf("store key %s: %w", k.Name, err)
		}
	}
	return nil
}
