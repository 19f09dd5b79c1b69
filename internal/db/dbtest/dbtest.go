// Package dbtest gives tests real states: a SQLite file and a schema of its
// own in a real PostgreSQL.
package dbtest

import (
	"context"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/lib/id"
)

// Env names the variable that holds the URL of the PostgreSQL for tests.
const Env = "VIGIE_TEST_POSTGRES"

// Each runs f on SQLite and on PostgreSQL, each time on an empty state with
// the given tables.
func Each(t *testing.T, schemas []db.Schema, f func(t *testing.T, d *db.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { f(t, Open(t, SQLite(t), schemas...)) })
	t.Run("postgres", func(t *testing.T) { f(t, Open(t, Postgres(t), schemas...)) })
}

// SQLite returns the configuration of a new, empty SQLite state.
func SQLite(t testing.TB) db.Config {
	t.Helper()
	return db.Config{Engine: db.SQLite, Path: filepath.Join(t.TempDir(), "state.db")}
}

// Postgres returns the configuration of a new, empty schema in the PostgreSQL
// for tests; it is dropped at the end of the test.
func Postgres(t testing.TB) db.Config {
	t.Helper()
	base := os.Getenv(Env)
	if base == "" {
		t.Fatalf("%s is not set: run the tests with `make test`, or start a PostgreSQL with `eval $(scripts/test-postgres start)`", Env)
	}
	u, err := url.Parse(base)
	if err != nil {
		t.Fatalf("%s: %v", Env, err)
	}
	ctx := context.Background()
	name := "test_" + strings.ToLower(id.New())
	exec(t, base, "CREATE SCHEMA "+pgx.Identifier{name}.Sanitize())
	t.Cleanup(func() {
		_ = ctx
		exec(t, base, "DROP SCHEMA "+pgx.Identifier{name}.Sanitize()+" CASCADE")
	})
	q := u.Query()
	q.Set("search_path", name)
	q.Set("pool_max_conns", "8")
	u.RawQuery = q.Encode()
	return db.Config{Engine: db.Postgres, URL: u.String()}
}

func exec(t testing.TB, url, sql string) {
	t.Helper()
	ctx := context.Background()
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatalf("connect to the PostgreSQL for tests: %v", err)
	}
	defer func() { _ = c.Close(ctx) }()
	if _, err := c.Exec(ctx, sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// Open opens a state with the given tables and closes it with the test.
func Open(t testing.TB, c db.Config, schemas ...db.Schema) *db.DB {
	t.Helper()
	d, err := db.Open(context.Background(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatalf("open state: %v", err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close state: %v", err)
		}
	})
	if err := d.Migrate(context.Background(), schemas...); err != nil {
		t.Fatalf("migrate state: %v", err)
	}
	return d
}
