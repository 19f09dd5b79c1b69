// Package keyring keeps the keys that the hub makes for itself, sealed in the
// state under a master key that is never stored there: who copies the state
// has no key, and who has the master key has no state.
package keyring

import (
	"context"
	"crypto/rand"
	"database/sql"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/lib/id"
)

//go:embed schema/*.sql
var files embed.FS

// Tables are the tables of this package.
var Tables = db.Schema{Room: "keyring", FS: files}

var (
	// ErrWrongMaster says that another master key sealed the keys.
	ErrWrongMaster = errors.New("this master key does not open the keys in the state: they were sealed under another one; give the hub the master key it had before, and use `vigie keys rotate` to change it")
	// ErrRotated says that the master key was exchanged while this program ran,
	// which has its effect on keys that it did not read before.
	ErrRotated = errors.New("the master key was changed by another program since this one started; start it again with the new master key")
)

// Ring hands out keys. It is safe for use by many goroutines.
type Ring struct {
	db     *db.DB
	sealer atomic.Pointer[sealer]
	// opened holds by name what was read: a key never changes, and a program
	// that has it works on when another one exchanges the master key.
	opened sync.Map
}

// Open opens the keys of a state. The first master key a state sees becomes
// its master key.
func Open(ctx context.Context, d *db.DB, master []byte) (*Ring, error) {
	m, err := readMaster(ctx, d.Read())
	if errors.Is(err, sql.ErrNoRows) {
		fresh, _, ferr := newMaster(master)
		if ferr != nil {
			return nil, fmt.Errorf("open keyring: %w", ferr)
		}
		if err := d.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return insertMaster(ctx, tx, fresh) }); err != nil {
			return nil, fmt.Errorf("open keyring: %w", err)
		}
		// Another hub may have been first: what counts is what is stored.
		m, err = readMaster(ctx, d.Read())
	}
	if err != nil {
		return nil, fmt.Errorf("open keyring: %w", err)
	}
	s, err := m.sealer(master)
	if err != nil {
		return nil, fmt.Errorf("open keyring: %w", err)
	}
	r := &Ring{db: d}
	r.sealer.Store(s)
	return r, nil
}

// sample is sealed with each master key; opening it tells a wrong one.
const sample = "vigie"

// newMaster prepares the stored part of a master key, and what seals with it.
func newMaster(master []byte) (masterRow, *sealer, error) {
	_, kdf, err := parse(master)
	if err != nil {
		return masterRow{}, nil, err
	}
	salt := newSalt()
	m := masterRow{ID: id.New(), KDF: kdf, Salt: base64.StdEncoding.EncodeToString(salt), CreatedAt: time.Now().UTC()}
	s, err := m.derived(master)
	if err != nil {
		return masterRow{}, nil, err
	}
	m.Sample = s.seal(m.ID, 0, []byte(sample))
	return m, s, nil
}

func (m masterRow) derived(master []byte) (*sealer, error) {
	salt, err := base64.StdEncoding.DecodeString(m.Salt)
	if err != nil {
		return nil, fmt.Errorf("salt of the master key: %w", err)
	}
	key, err := derive(master, m.KDF, salt)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	return newSealer(m.ID, key)
}

// sealer returns what seals and opens with that master key, if it is the right
// one.
func (m masterRow) sealer(master []byte) (*sealer, error) {
	s, err := m.derived(master)
	if err != nil {
		return nil, err
	}
	if plain, err := s.open(m.ID, 0, m.Sample); err != nil || string(plain) != sample {
		return nil, ErrWrongMaster
	}
	return s, nil
}

// Key returns the key of that name: 32 random bytes, made on first use and the
// same ever after. It must not be called inside a write.
func (r *Ring) Key(ctx context.Context, name string) (*Key, error) {
	return r.Sealed(ctx, name, func() ([]byte, error) {
		b := make([]byte, keyBytes)
		rand.Read(b) // never fails since Go 1.24
		return b, nil
	})
}

// Sealed returns the secret of that name, and makes it on first use. When
// several hubs make one at the same time, all of them get the one that was
// stored first. It must not be called inside a write.
func (r *Ring) Sealed(ctx context.Context, name string, generate func() ([]byte, error)) (*Key, error) {
	k, err := r.read(ctx, name)
	if !errors.Is(err, sql.ErrNoRows) {
		return k, err
	}
	plain, err := generate()
	if err != nil {
		return nil, fmt.Errorf("make key %s: %w", name, err)
	}
	defer clear(plain)
	err = r.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		s := r.sealer.Load()
		if err := holdMaster(ctx, tx, s.id); err != nil {
			return err
		}
		return insertKey(ctx, tx, keyRow{
			Name: name, Version: 1, Sealed: s.seal(name, 1, plain), MasterID: s.id, CreatedAt: time.Now().UTC(),
		})
	})
	if err != nil {
		return nil, fmt.Errorf("store key %s: %w", name, err)
	}
	return r.read(ctx, name)
}

func (r *Ring) read(ctx context.Context, name string) (*Key, error) {
	if k, ok := r.opened.Load(name); ok {
		return &Key{slices.Clone(k.(*Key).b)}, nil
	}
	row, err := readKey(ctx, r.db.Read(), name)
	if err != nil {
		return nil, fmt.Errorf("read key %s: %w", name, err)
	}
	s := r.sealer.Load()
	if row.MasterID != s.id {
		return nil, fmt.Errorf("read key %s: %w", name, ErrRotated)
	}
	plain, err := s.open(row.Name, row.Version, row.Sealed)
	if err != nil {
		return nil, fmt.Errorf("open key %s: %w", name, err)
	}
	r.opened.Store(name, &Key{slices.Clone(plain)})
	return &Key{plain}, nil
}
