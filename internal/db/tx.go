package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/riverqueue/river"
	"github.com/uptrace/bun"
)

// Tx is one write transaction.
type Tx struct {
	bun.Tx
	conn  bun.Conn
	queue queue
	after []func()
}

// After runs f once the transaction is committed, in the order of the calls;
// never when it fails.
func (tx *Tx) After(f func()) { tx.after = append(tx.after, f) }

// Enqueue adds a durable job that exists if, and only if, the transaction
// commits. opts may be nil.
func (tx *Tx) Enqueue(ctx context.Context, args river.JobArgs, opts *river.InsertOpts) error {
	if err := tx.queue.insert(ctx, tx, args, opts); err != nil {
		return fmt.Errorf("enqueue %s: %w", args.Kind(), err)
	}
	return nil
}

type writing struct{}

// errNested guards against the one way to hang a SQLite state for ever: to
// wait for the writer while holding it.
var errNested = errors.New("db: a write inside a write; pass the transaction down instead")

// tries bounds how often a transaction that PostgreSQL ended to break a
// deadlock is run again.
const tries = 4

// Write runs f in a transaction and commits it unless f returns an error. On
// SQLite one write runs at a time. f may run again after a deadlock, so that
// what it changes outside the transaction belongs into Tx.After.
func (d *DB) Write(ctx context.Context, f func(ctx context.Context, tx *Tx) error) error {
	if ctx.Value(writing{}) != nil {
		return errNested
	}
	var err error
	for range tries {
		if err = d.writeOnce(context.WithValue(ctx, writing{}, true), f); !deadlocked(err) {
			return err
		}
	}
	return err
}

func (d *DB) writeOnce(ctx context.Context, f func(ctx context.Context, tx *Tx) error) (err error) {
	conn, err := d.write.Conn(ctx)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	// Closing it twice is harmless, and an error of the pool after a commit must
	// not turn it into a failure.
	defer func() { _ = conn.Close() }()
	btx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	tx := &Tx{Tx: btx, conn: conn, queue: d.queue}
	done := false
	defer func() {
		if !done { // an error, or a panic on its way up
			if rerr := btx.Rollback(); rerr != nil && !errors.Is(rerr, sql.ErrTxDone) {
				err = errors.Join(err, fmt.Errorf("rollback: %w", rerr))
			}
		}
	}()
	if err := f(ctx, tx); err != nil {
		return err
	}
	if err := btx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	done = true
	// What follows, such as loading rules anew, may take its time: nobody waits
	// for the one writer meanwhile.
	_ = conn.Close()
	for _, f := range tx.after {
		f()
	}
	return nil
}

// deadlocked reports whether PostgreSQL ended the transaction so that another
// could go on (codes of its manual, appendix A).
func deadlocked(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40P01" || pg.Code == "40001")
}

// Conflict reports whether err says that a unique key exists already.
func Conflict(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "23505"
	}
	var lite interface{ Code() int }
	if errors.As(err, &lite) { // SQLITE_CONSTRAINT_UNIQUE and _PRIMARYKEY
		return lite.Code() == 2067 || lite.Code() == 1555
	}
	return false
}
