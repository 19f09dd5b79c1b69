package db_test

import (
	"context"
	"testing"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/db/dbtest"
)

func TestTextOfStrangersIsMadeStorable(t *testing.T) {
	dbtest.Each(t, []db.Schema{schema(things)}, func(t *testing.T, d *db.DB) {
		for in, want := range map[string]string{
			"it's plain":            "it's plain",
			"a\x00b":                "a\uFFFDb",
			"cut \xc3":              "cut \uFFFD",
			"'); DROP TABLE x; --":  "'); DROP TABLE x; --",
			"\x00'); DROP TABLE x;": "\uFFFD'); DROP TABLE x;",
			"\U0001F600 é":          "\U0001F600 é",
			"back\\slash ? and $1":  "back\\slash ? and $1",
		} {
			var got string
			err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				return tx.NewRaw(`SELECT CAST(? AS TEXT)`, in).Scan(ctx, &got)
			})
			if err != nil || got != want {
				t.Errorf("%q is kept as %q, %v; want %q", in, got, err, want)
			}
		}
	})
}
