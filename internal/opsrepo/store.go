package opsrepo

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/vigie-ops/vigie/internal/db"
)

//go:embed schema/*.sql
var schemaFiles embed.FS

// Tables are the tables of this package.
var Tables = db.Schema{Room: "opsrepo", FS: schemaFiles}

const (
	keptArchives = 5    // generations whose files are kept
	keptRows     = 1000 // generations whose history is kept
)

// Applied is one generation that was applied, without its files.
type Applied struct {
	Seq       int64
	Commit    string
	Author    string
	Subject   string
	At        time.Time // when it was committed; zero without git
	Hash      string
	Files     int
	AppliedAt time.Time
}

type generationRow struct {
	Seq         int64        `bun:"seq"`
	CommitHash  string       `bun:"commit_hash"`
	Author      string       `bun:"author"`
	Subject     string       `bun:"subject"`
	CommittedAt bun.NullTime `bun:"committed_at"`
	Hash        string       `bun:"hash"`
	Files       int          `bun:"files"`
	AppliedAt   time.Time    `bun:"applied_at"`
	Archive     []byte       `bun:"archive"`
}

func (r generationRow) applied() Applied {
	return Applied{
		Seq: r.Seq, Commit: r.CommitHash, Author: r.Author, Subject: r.Subject, At: r.CommittedAt.Time,
		Hash: r.Hash, Files: r.Files, AppliedAt: r.AppliedAt.UTC(),
	}
}

// store writes a generation unless it is the newest one already, and lets go
// of what is too old.
func store(ctx context.Context, tx *db.Tx, g *Generation, at time.Time) error {
	newest, err := newestRow(ctx, tx)
	if err != nil || newest.CommitHash == g.Commit && newest.Hash == g.Hash {
		return err
	}
	archive, err := pack(g.Files)
	if err != nil {
		return err
	}
	seq := newest.Seq + 1
	const insert = `
		INSERT INTO opsrepo_generation (seq, commit_hash, author, subject, committed_at, hash, files, applied_at, archive)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
	if _, err := tx.NewRaw(insert, seq, g.Commit, g.Author, g.Subject, bun.NullTime{Time: g.At.UTC()}, g.Hash, len(g.Files), at.UTC(), archive).Exec(ctx); err != nil {
		return fmt.Errorf("store generation: %w", err)
	}
	const forget = `
		UPDATE opsrepo_generation
		SET archive = NULL
		WHERE seq <= ? AND archive IS NOT NULL`
	if _, err := tx.NewRaw(forget, seq-keptArchives).Exec(ctx); err != nil {
		return fmt.Errorf("forget old archives: %w", err)
	}
	const remove = `
		DELETE FROM opsrepo_generation
		WHERE seq <= ?`
	if _, err := tx.NewRaw(remove, seq-keptRows).Exec(ctx); err != nil {
		return fmt.Errorf("remove old generations: %w", err)
	}
	return nil
}

// newestRow returns the newest generation without its archive, or a zero row.
func newestRow(ctx context.Context, q bun.IDB) (generationRow, error) {
	const query = `
		SELECT seq, commit_hash, hash
		FROM opsrepo_generation
		ORDER BY seq DESC
		LIMIT 1`
	var row generationRow
	if err := q.NewRaw(query).Scan(ctx, &row); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return generationRow{}, fmt.Errorf("read newest generation: %w", err)
	}
	return row, nil
}

// stored returns the newest generation with its archive; false if there is none.
func stored(ctx context.Context, q bun.IDB) (generationRow, bool, error) {
	const query = `
		SELECT seq, commit_hash, author, subject, committed_at, hash, files, applied_at, archive
		FROM opsrepo_generation
		WHERE archive IS NOT NULL
		ORDER BY seq DESC
		LIMIT 1`
	var row generationRow
	err := q.NewRaw(query).Scan(ctx, &row)
	if errors.Is(err, sql.ErrNoRows) {
		return generationRow{}, false, nil
	}
	if err != nil {
		return generationRow{}, false, fmt.Errorf("read stored generation: %w", err)
	}
	return row, true, nil
}

// history returns the n generations that were applied last, newest first.
func history(ctx context.Context, q bun.IDB, n int) ([]Applied, error) {
	const query = `
		SELECT seq, commit_hash, author, subject, committed_at, hash, files, applied_at
		FROM opsrepo_generation
		ORDER BY seq DESC
		LIMIT ?`
	var rows []generationRow
	if err := q.NewRaw(query, n).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("read generations: %w", err)
	}
	out := make([]Applied, len(rows))
	for i, r := range rows {
		out[i] = r.applied()
	}
	return out, nil
}
