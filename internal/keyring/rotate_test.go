package keyring_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/keyring"
)

func TestRotationKeepsTheKeysAndChangesWhatOpensThem(t *testing.T) {
	for _, next := range []string{other, passphrase} {
		each(t, func(t *testing.T, d *db.DB) {
			r := open(t, d, random)
			a, b := key(t, r, "a"), key(t, r, "b")
			recorded := false
			err := r.Rotate(t.Context(), []byte(next), func(context.Context, *db.Tx) error { recorded = true; return nil })
			if err != nil || !recorded {
				t.Fatalf("rotate: %v, recorded %v", err, recorded)
			}
			for name, ring := range map[string]*keyring.Ring{"the same program": r, "the next": open(t, d, next)} {
				if !bytes.Equal(a, key(t, ring, "a")) || !bytes.Equal(b, key(t, ring, "b")) {
					t.Errorf("%s: keys changed", name)
				}
				key(t, ring, "new of "+name)
			}
			if _, err := keyring.Open(t.Context(), d, []byte(random)); !errors.Is(err, keyring.ErrWrongMaster) {
				t.Errorf("the old master key: got %v, want %v", err, keyring.ErrWrongMaster)
			}
		})
	}
}

func TestARotationThatFailsLeavesTheOldMasterKey(t *testing.T) {
	boom := errors.New("killed")
	each(t, func(t *testing.T, d *db.DB) {
		r := open(t, d, random)
		a := key(t, r, "a")
		fails := func(what string, err error, want error) {
			t.Helper()
			if err == nil || want != nil && !errors.Is(err, want) {
				t.Fatalf("%s: got %v, want an error (%v)", what, err, want)
			}
			if !bytes.Equal(a, key(t, r, "a")) || !bytes.Equal(a, key(t, open(t, d, random), "a")) {
				t.Errorf("%s: the key changed", what)
			}
		}
		fails("late failure", r.Rotate(t.Context(), []byte(other), func(context.Context, *db.Tx) error { return boom }), boom)
		fails("weak", r.Rotate(t.Context(), []byte("weak")), keyring.ErrWeakMaster)
		fails("same", r.Rotate(t.Context(), []byte(random)), nil)
		key(t, r, "b")
		exec(t, d, `UPDATE keyring_key SET sealed = 'AAAA' WHERE name = 'b'`)
		fails("a key that does not open", r.Rotate(t.Context(), []byte(other)), nil)
	})
}

func TestAProgramThatRunsKeepsTheKeysItHasWhenAnotherRotates(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		r, hub := open(t, d, random), open(t, d, random)
		a := key(t, hub, "a")
		key(t, r, "not read by the hub")
		if err := r.Rotate(t.Context(), []byte(other)); err != nil {
			t.Fatal(err)
		}
		k, err := hub.Key(t.Context(), "a")
		if err != nil || !bytes.Equal(k.Bytes(), a) {
			t.Fatalf("a: got another key, or %v", err)
		}
		k.Zero()
		if !bytes.Equal(key(t, hub, "a"), a) {
			t.Error("who is done with a key took it from the others")
		}
		for _, name := range []string{"not read by the hub", "new"} {
			if _, err := hub.Key(t.Context(), name); !errors.Is(err, keyring.ErrRotated) {
				t.Errorf("%s: got %v, want %v", name, err, keyring.ErrRotated)
			}
		}
		if err := hub.Rotate(t.Context(), []byte(passphrase)); !errors.Is(err, keyring.ErrRotated) {
			t.Errorf("rotate: got %v, want %v", err, keyring.ErrRotated)
		}
	})
}
