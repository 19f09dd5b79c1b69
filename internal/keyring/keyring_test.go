package keyring_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/db/dbtest"
	"github.com/vigie-ops/vigie/internal/keyring"
)

const (
	random     = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA="
	other      = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	passphrase = "correct horse battery staple tower crane"
)

func each(t *testing.T, f func(t *testing.T, d *db.DB)) {
	t.Helper()
	dbtest.Each(t, []db.Schema{keyring.Tables}, f)
}

func open(t *testing.T, d *db.DB, master string) *keyring.Ring {
	t.Helper()
	r, err := keyring.Open(t.Context(), d, []byte(master))
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return r
}

func key(t *testing.T, r *keyring.Ring, name string) []byte {
	t.Helper()
	k, err := r.Key(t.Context(), name)
	if err != nil {
		t.Fatalf("key %s: %v", name, err)
	}
	return k.Bytes()
}

func exec(t *testing.T, d *db.DB, sql string) {
	t.Helper()
	err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.NewRaw(sql).Exec(ctx)
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func TestAKeyIsMadeOnceAndStaysTheSame(t *testing.T) {
	for _, master := range []string{random, other, passphrase} {
		each(t, func(t *testing.T, d *db.DB) {
			r := open(t, d, master)
			links := key(t, r, "links")
			if len(links) != 32 || bytes.Equal(links, make([]byte, 32)) {
				t.Fatalf("got %d bytes, want 32 random ones", len(links))
			}
			if !bytes.Equal(links, key(t, r, "links")) || !bytes.Equal(links, key(t, open(t, d, master+"\n"), "links")) {
				t.Error("the key is another one the second time")
			}
			if bytes.Equal(links, key(t, r, "sessions")) {
				t.Error("two names have one key")
			}
		})
	}
}

func TestAWrongMasterKeyIsToldInASentence(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		open(t, d, random)
		for _, wrong := range []string{other, passphrase} {
			if _, err := keyring.Open(t.Context(), d, []byte(wrong)); !errors.Is(err, keyring.ErrWrongMaster) {
				t.Errorf("got %v, want %v", err, keyring.ErrWrongMaster)
			}
		}
	})
}

func TestAMasterKeyThatCanBeGuessedIsRefused(t *testing.T) {
	for _, c := range []struct {
		master string
		ok     bool
	}{
		{random, true},
		{strings.TrimRight(random, "="), true},
		{other, true},
		{strings.ToUpper(other), true},
		{passphrase, true},
		{"", false},
		{"short", false},
		{passphrase[:31], false},
		{strings.Repeat("a", 64), false},
		{strings.Repeat("ab", 40), false},
		{base64.StdEncoding.EncodeToString(make([]byte, 32)), false},
		{strings.Repeat("é", 31), false},
	} {
		if err := keyring.Check([]byte(c.master)); (err == nil) != c.ok {
			t.Errorf("%q: got %v, want it taken: %v", c.master, err, c.ok)
		}
	}
}

func TestASealedSecretIsMadeOnceAlsoByManyAtATime(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		const hubs = 4
		got := make([]string, hubs)
		var wg sync.WaitGroup
		for i := range hubs {
			wg.Go(func() {
				r, err := keyring.Open(t.Context(), d, []byte(random))
				if err != nil {
					t.Errorf("open: %v", err)
					return
				}
				k, err := r.Sealed(t.Context(), "ca", func() ([]byte, error) { return fmt.Appendf(nil, "secret of hub %d", i), nil })
				if err != nil {
					t.Errorf("sealed: %v", err)
					return
				}
				got[i] = string(k.Bytes())
			})
		}
		wg.Wait()
		for _, g := range got {
			if g == "" || g != got[0] {
				t.Fatalf("hubs have different secrets: %q", got)
			}
		}
		boom := errors.New("no entropy")
		if _, err := open(t, d, random).Sealed(t.Context(), "x", func() ([]byte, error) { return nil, boom }); !errors.Is(err, boom) {
			t.Errorf("got %v, want %v", err, boom)
		}
	})
}

func TestTheStateHoldsNoKeyInTheOpen(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		r := open(t, d, random)
		if _, err := r.Sealed(t.Context(), "ca", func() ([]byte, error) { return []byte("PRIVATE KEY"), nil }); err != nil {
			t.Fatal(err)
		}
		var sealed string
		if err := d.Read().NewRaw(`SELECT sealed FROM keyring_key`).Scan(t.Context(), &sealed); err != nil {
			t.Fatal(err)
		}
		raw, err := base64.StdEncoding.DecodeString(sealed)
		if err != nil || bytes.Contains(raw, []byte("PRIVATE")) {
			t.Errorf("the key lies open in the state: %q, %v", raw, err)
		}
	})
}

func TestASealedKeyCannotTakeThePlaceOfAnother(t *testing.T) {
	for _, sql := range []string{
		`UPDATE keyring_key SET name = 'c' WHERE name = 'b'; UPDATE keyring_key SET name = 'b' WHERE name = 'a'`,
		`UPDATE keyring_key SET version = 2 WHERE name = 'b'`,
		`UPDATE keyring_key SET sealed = 'AAAA' WHERE name = 'b'`,
		`UPDATE keyring_key SET sealed = '!' WHERE name = 'b'`,
	} {
		each(t, func(t *testing.T, d *db.DB) {
			r := open(t, d, random)
			key(t, r, "a")
			key(t, r, "b")
			for part := range strings.SplitSeq(sql, ";") {
				exec(t, d, part)
			}
			if _, err := open(t, d, random).Key(t.Context(), "b"); err == nil {
				t.Errorf("after %s the key was opened", sql)
			}
		})
	}
}

func TestAKeyDoesNotShow(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		k, err := open(t, d, random).Sealed(t.Context(), "x", func() ([]byte, error) { return []byte("hunter2"), nil })
		if err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("key", "key", k)
		slog.New(slog.NewTextHandler(&log, nil)).Info("key", "key", k)
		js, err := json.Marshal(map[string]any{"key": k})
		if err != nil {
			t.Fatal(err)
		}
		all := fmt.Sprintf("%v %+v %#v %s %x %d %q %s", k, k, k, k, k, k, k, k) + log.String() + string(js)
		if strings.Contains(all, "hunter2") || strings.Contains(all, "68756e74") || strings.Contains(all, "104 117") {
			t.Errorf("the key shows: %s", all)
		}
		k.Zero()
		if !bytes.Equal(k.Bytes(), make([]byte, 7)) {
			t.Errorf("after Zero there is still %q", k.Bytes())
		}
	})
}
