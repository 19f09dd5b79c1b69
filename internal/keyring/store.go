package keyring

import (
	"context"
	"fmt"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
)

type masterRow struct {
	ID        string    `bun:"id"`
	KDF       string    `bun:"kdf"`
	Salt      string    `bun:"salt"`
	Sample    string    `bun:"sample"`
	CreatedAt time.Time `bun:"created_at"`
}

type keyRow struct {
	Name      string    `bun:"name"`
	Version   int       `bun:"version"`
	Sealed    string    `bun:"sealed"`
	MasterID  string    `bun:"master_id"`
	CreatedAt time.Time `bun:"created_at"`
}

func readMaster(ctx context.Context, q db.Queryer) (masterRow, error) {
	var m masterRow
	const text = `
		SELECT id, kdf, salt, sample, created_at
		FROM keyring_master
		WHERE one = 1`
	err := q.NewRaw(text).Scan(ctx, &m)
	return m, err
}

func insertMaster(ctx context.Context, tx *db.Tx, m masterRow) error {
	const q = `
		INSERT INTO keyring_master (one, id, kdf, salt, sample, created_at)
		VALUES (1, ?, ?, ?, ?, ?)
		ON CONFLICT (one) DO NOTHING`
	if _, err := tx.NewRaw(q, m.ID, m.KDF, m.Salt, m.Sample, m.CreatedAt).Exec(ctx); err != nil {
		return fmt.Errorf("store what the master key is told by: %w", err)
	}
	return nil
}

// holdMaster makes sure that the master key is still the one of that id, and
// keeps it from being exchanged until the transaction ends.
func holdMaster(ctx context.Context, tx *db.Tx, id string) error {
	res, err := tx.NewRaw(`UPDATE keyring_master SET id = id WHERE one = 1 AND id = ?`, id).Exec(ctx)
	if err != nil {
		return fmt.Errorf("hold the master key: %w", err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return fmt.Errorf("hold the master key: %w", err)
	}
	if n == 0 {
		return ErrRotated
	}
	return nil
}

func replaceMaster(ctx context.Context, tx *db.Tx, m masterRow) error {
	const q = `
		UPDATE keyring_master
		SET id = ?, kdf = ?, salt = ?, sample = ?, created_at = ?
		WHERE one = 1`
	if _, err := tx.NewRaw(q, m.ID, m.KDF, m.Salt, m.Sample, m.CreatedAt).Exec(ctx); err != nil {
		return fmt.Errorf("replace the master key: %w", err)
	}
	return nil
}

func readKey(ctx context.Context, q db.Queryer, name string) (keyRow, error) {
	var k keyRow
	const text = `
		SELECT name, version, sealed, master_id, created_at
		FROM keyring_key
		WHERE name = ?
		ORDER BY version DESC
		LIMIT 1`
	err := q.NewRaw(text, name).Scan(ctx, &k)
	return k, err
}

func readKeys(ctx context.Context, q db.Queryer) ([]keyRow, error) {
	var keys []keyRow
	const text = `
		SELECT name, version, sealed, master_id, created_at
		FROM keyring_key
		ORDER BY name, version`
	err := q.NewRaw(text).Scan(ctx, &keys)
	return keys, err
}

func insertKey(ctx context.Context, tx *db.Tx, k keyRow) error {
	const q = `
		INSERT INTO keyring_key (name, version, sealed, master_id, created_at)
		VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (name, version) DO NOTHING`
	_, err := tx.NewRaw(q, k.Name, k.Version, k.Sealed, k.MasterID, k.CreatedAt).Exec(ctx)
	return err
}

func resealKey(ctx context.Context, tx *db.Tx, k keyRow) error {
	const q = `
		UPDATE keyring_key
		SET sealed = ?, master_id = ?
		WHERE name = ? AND version = ?`
	_, err := tx.NewRaw(q, k.Sealed, k.MasterID, k.Name, k.Version).Exec(ctx)
	return err
}
