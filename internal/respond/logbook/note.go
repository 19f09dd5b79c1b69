package logbook

import (
	"context"
	"fmt"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
)

func (d *Desk) note(ctx context.Context, tx *db.Tx, e Entry) error {
	return saveEntries(ctx, tx, []Entry{e})
}

// Note adds a line to an issue's timeline in somebody else's transaction.
func (d *Desk) Note(ctx context.Context, tx *db.Tx, issue string, e Entry) error {
	e.Issue = issue
	if e.At.IsZero() {
		e.At = d.now()
	}
	if err := d.note(ctx, tx, e); err != nil {
		return err
	}
	d.changed(tx)
	return nil
}

// Commit is a commit of the operations repository that the hub applied.
type Commit struct {
	Hash    string
	Author  string
	Subject string
	Link    string
	At      time.Time // when it was applied
}

// NoteCommit adds an applied commit to the timeline of every open issue, once.
func (d *Desk) NoteCommit(ctx context.Context, tx *db.Tx, c Commit) error {
	if c.At.IsZero() {
		c.At = d.now()
	}
	var open []string
	if err := tx.NewRaw(`SELECT id FROM logbook_issue WHERE state = ?`, string(Open)).Scan(ctx, &open); err != nil {
		return fmt.Errorf("read open issues: %w", err)
	}
	for _, issue := range open {
		known, err := exists(ctx, tx, `SELECT COUNT(*) FROM logbook_entry WHERE issue = ? AND kind = ? AND ref = ?`, issue, KindCommit, c.Hash)
		if err != nil {
			return fmt.Errorf("read the timeline: %w", err)
		}
		if known {
			continue
		}
		text := c.Subject
		if c.Author != "" {
			text += " (" + c.Author + ")"
		}
		if err := d.Note(ctx, tx, issue, Entry{At: c.At, Kind: KindCommit, Text: text, Ref: c.Hash, Link: c.Link}); err != nil {
			return err
		}
	}
	return nil
}
