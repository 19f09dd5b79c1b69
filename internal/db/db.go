// Package db opens the state of a hub, in SQLite or in PostgreSQL, and gives
// the rooms transactions, migrations and durable jobs that are the same on
// both.
package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	_ "modernc.org/sqlite" // registers the driver "sqlite"
)

// Engine is the database program that holds the state.
type Engine string

// The engines.
const (
	SQLite   Engine = "sqlite"
	Postgres Engine = "postgres"
)

// Config says where the state is.
type Config struct {
	Engine Engine
	Path   string // SQLite: the file; its directory must exist
	URL    string // PostgreSQL: a connection URL; a secret, since it may hold a password
	// Worker names the process that works the jobs, at most 100 characters: the
	// same after a restart, another for every process that shares a PostgreSQL.
	// With it a start takes up at once what ran when the process was killed.
	Worker string
}

// readers is how many read-only connections a SQLite state has beside its one
// writer.
const readers = 4

// DB is an open state. It is safe for use by many goroutines.
type DB struct {
	engine Engine
	path   string
	worker string
	log    *slog.Logger
	write  *bun.DB
	read   *bun.DB
	pool   *pgxpool.Pool // PostgreSQL only
	queue  queue
}

// Queryer is what a store function that only reads takes: DB.Read() and a *Tx
// both are one.
type Queryer = bun.IDB

// Open opens the state and makes sure that it answers. It changes nothing;
// call Migrate before use.
func Open(ctx context.Context, c Config, log *slog.Logger) (*DB, error) {
	switch c.Engine {
	case SQLite:
		return openSQLite(ctx, c, log)
	case Postgres:
		return openPostgres(ctx, c, log)
	}
	return nil, fmt.Errorf("state engine %q is not known; write sqlite or postgres", c.Engine)
}

// openSQLite opens one writer connection, which makes writers queue in the
// program instead of failing with "database is locked", and a pool of readers
// that see the last commit while somebody writes.
func openSQLite(ctx context.Context, c Config, log *slog.Logger) (*DB, error) {
	// The driver creates the file readable to all; the state holds password
	// hashes, so it is made private before anything is in it.
	f, err := os.OpenFile(c.Path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open state: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("open state: %w", err)
	}
	dsn := func(extra ...string) string {
		q := url.Values{"_pragma": append([]string{"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "temp_store(MEMORY)"}, extra...)}
		q.Set("_txlock", "immediate")
		return (&url.URL{Scheme: "file", OmitHost: true, Path: c.Path, RawQuery: q.Encode()}).String()
	}
	w, err := sql.Open("sqlite", dsn())
	if err != nil {
		return nil, fmt.Errorf("open state: %w", err)
	}
	w.SetMaxOpenConns(1)
	if err := w.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open state %s: %w", c.Path, err), w.Close())
	}
	r, err := sql.Open("sqlite", dsn("query_only(true)"))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open state: %w", err), w.Close())
	}
	r.SetMaxOpenConns(readers)
	r.SetConnMaxIdleTime(time.Minute)
	d := &DB{engine: SQLite, path: c.Path, worker: c.Worker, log: log, write: bun.NewDB(w, sqliteDialect{sqlitedialect.New()}), read: bun.NewDB(r, sqliteDialect{sqlitedialect.New()})}
	if d.queue, err = newSQLiteQueue(w, log); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func openPostgres(ctx context.Context, c Config, log *slog.Logger) (*DB, error) {
	pc, err := pgxpool.ParseConfig(c.URL)
	if err != nil {
		// The error of the parser repeats the URL, and with it the password.
		return nil, errors.New("open state: the PostgreSQL URL cannot be read; write postgres://USER@HOST:PORT/DATABASE")
	}
	pc.ConnConfig.RuntimeParams["timezone"] = "UTC"
	if pc.ConnConfig.RuntimeParams["application_name"] == "" {
		pc.ConnConfig.RuntimeParams["application_name"] = "vigie"
	}
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, fmt.Errorf("open state: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("open state in PostgreSQL: %w", err)
	}
	s := stdlib.OpenDBFromPool(pool)
	b := bun.NewDB(s, postgresDialect{pgdialect.New()})
	d := &DB{engine: Postgres, worker: c.Worker, log: log, write: b, read: b, pool: pool}
	if d.queue, err = newPostgresQueue(pool, log); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// Engine says what holds the state.
func (d *DB) Engine() Engine { return d.engine }

// Path is the file of a SQLite state.
func (d *DB) Path() string { return d.path }

// Read returns a pool that only reads. What it sees may be older than a write
// that is under way, never older than one that returned.
func (d *DB) Read() bun.IDB { return d.read }

// Ping reports whether the state answers.
func (d *DB) Ping(ctx context.Context) error { return d.read.PingContext(ctx) }

// Size returns the bytes that a SQLite state takes on disk, and zero for
// PostgreSQL, which is somebody else's disk.
func (d *DB) Size() int64 {
	if d.engine != SQLite {
		return 0
	}
	var n int64
	for _, f := range []string{d.path, d.path + "-wal"} {
		if s, err := os.Stat(filepath.Clean(f)); err == nil {
			n += s.Size()
		}
	}
	return n
}

// Close closes all connections.
func (d *DB) Close() error {
	err := d.read.Close()
	if d.write != d.read {
		err = errors.Join(err, d.write.Close())
	}
	if d.pool != nil {
		d.pool.Close()
	}
	return err
}
