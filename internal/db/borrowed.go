package db

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// borrowed shows a connection that database/sql has inside a transaction to
// River as a transaction of pgx, so that a job is inserted with the rows that
// cause it. (River's own driver for database/sql does the same but can be had
// only in a version that no longer fits the others.) Who began the transaction
// ends it: borrowed itself never commits or rolls back.
type borrowed struct{ c *pgx.Conn }

var savepoints atomic.Uint64

// Begin starts a nested transaction: a savepoint.
func (b borrowed) Begin(ctx context.Context) (pgx.Tx, error) {
	name := fmt.Sprintf("borrowed_%d", savepoints.Add(1))
	if _, err := b.Exec(ctx, "SAVEPOINT "+name); err != nil {
		return nil, err
	}
	return savepoint{borrowed: b, name: name}, nil
}

func (b borrowed) Commit(context.Context) error   { return pgx.ErrTxClosed }
func (b borrowed) Rollback(context.Context) error { return pgx.ErrTxClosed }
func (b borrowed) LargeObjects() pgx.LargeObjects { return pgx.LargeObjects{} }
func (b borrowed) Conn() *pgx.Conn                { return b.c }

func (b borrowed) Prepare(ctx context.Context, name, sql string) (*pgconn.StatementDescription, error) {
	return b.c.Prepare(ctx, name, sql)
}

func (b borrowed) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	return b.c.Exec(ctx, sql, args...)
}

func (b borrowed) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return b.c.Query(ctx, sql, args...)
}

func (b borrowed) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return b.c.QueryRow(ctx, sql, args...)
}

func (b borrowed) SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults {
	return b.c.SendBatch(ctx, batch)
}

func (b borrowed) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (int64, error) {
	return b.c.CopyFrom(ctx, table, columns, rows)
}

type savepoint struct {
	borrowed
	name string
}

func (s savepoint) Commit(ctx context.Context) error {
	_, err := s.Exec(ctx, "RELEASE SAVEPOINT "+s.name)
	return err
}

// Rollback undoes what happened since the savepoint; after a Commit there is
// nothing left to undo, which is no error for those who defer it.
func (s savepoint) Rollback(ctx context.Context) error {
	_, err := s.Exec(ctx, "ROLLBACK TO SAVEPOINT "+s.name)
	if err != nil && strings.Contains(err.Error(), "does not exist") {
		return pgx.ErrTxClosed
	}
	return err
}
