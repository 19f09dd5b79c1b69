package db

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
)

// queue hides which of River's drivers, each with a transaction type of its
// own, works the jobs.
type queue interface {
	insert(ctx context.Context, tx *Tx, args river.JobArgs, opts *river.InsertOpts) error
	migrate(ctx context.Context) error
	pending(ctx context.Context) (bool, error)
	work(ctx context.Context, c *river.Config) (stop func(context.Context) error, err error)
}

// riverQueue is a queue on the driver of TTx. txOf finds the driver's view of
// one of our transactions and calls f with it.
type riverQueue[TTx any] struct {
	driver riverdriver.Driver[TTx]
	client *river.Client[TTx] // inserts only
	txOf   func(tx *Tx, f func(TTx) error) error
	poll   time.Duration
}

func newRiverQueue[TTx any](driver riverdriver.Driver[TTx], log *slog.Logger, poll time.Duration, txOf func(*Tx, func(TTx) error) error) (queue, error) {
	c, err := river.NewClient(driver, &river.Config{Logger: log})
	if err != nil {
		return nil, fmt.Errorf("open job queue: %w", err)
	}
	return &riverQueue[TTx]{driver: driver, client: c, txOf: txOf, poll: poll}, nil
}

func newSQLiteQueue(w *sql.DB, log *slog.Logger) (queue, error) {
	// SQLite tells nobody about a new job; a look costs microseconds.
	return newRiverQueue(riversqlite.New(w), log, 200*time.Millisecond,
		func(tx *Tx, f func(*sql.Tx) error) error { return f(tx.Tx.Tx) })
}

func newPostgresQueue(pool *pgxpool.Pool, log *slog.Logger) (queue, error) {
	// NOTIFY wakes the workers; the poll only covers a lost connection.
	return newRiverQueue(riverpgxv5.New(pool), log, 2*time.Second,
		func(tx *Tx, f func(pgx.Tx) error) error {
			return tx.conn.Raw(func(driverConn any) error {
				return f(borrowed{driverConn.(*stdlib.Conn).Conn()})
			})
		})
}

func (q *riverQueue[TTx]) insert(ctx context.Context, tx *Tx, args river.JobArgs, opts *river.InsertOpts) error {
	return q.txOf(tx, func(t TTx) error {
		_, err := q.client.InsertTx(ctx, t, args, opts)
		return err
	})
}

func (q *riverQueue[TTx]) migrator() (*rivermigrate.Migrator[TTx], error) {
	return rivermigrate.New(q.driver, &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
}

func (q *riverQueue[TTx]) migrate(ctx context.Context) error {
	m, err := q.migrator()
	if err != nil {
		return fmt.Errorf("migrate job queue: %w", err)
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate job queue: %w", err)
	}
	return nil
}

func (q *riverQueue[TTx]) pending(ctx context.Context) (bool, error) {
	m, err := q.migrator()
	if err != nil {
		return false, fmt.Errorf("look at job queue: %w", err)
	}
	have, err := m.ExistingVersions(ctx)
	if err != nil {
		return false, fmt.Errorf("look at job queue: %w", err)
	}
	return len(have) < len(m.AllVersions()), nil
}

func (q *riverQueue[TTx]) work(ctx context.Context, c *river.Config) (func(context.Context) error, error) {
	c.FetchPollInterval = q.poll
	c.FetchCooldown = min(q.poll, 100*time.Millisecond)
	client, err := river.NewClient(q.driver, c)
	if err != nil {
		return nil, fmt.Errorf("start job queue: %w", err)
	}
	if err := client.Start(ctx); err != nil {
		return nil, fmt.Errorf("start job queue: %w", err)
	}
	return client.StopAndCancel, nil
}
