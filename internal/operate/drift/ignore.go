package drift

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/lib/id"
	"github.com/vigie-ops/vigie/internal/people"
)

// ErrNotFound says that there is no such finding, or no such ignore.
var ErrNotFound = errors.New("there is no such finding")

// InvalidError says what is wrong with what a person asked for, in a sentence.
type InvalidError struct{ Reason string }

func (e *InvalidError) Error() string { return e.Reason }

func invalid(format string, args ...any) error {
	return &InvalidError{Reason: fmt.Sprintf(format, args...)}
}

// maxReason bounds what people write.
const maxReason = 2000

// Ignore says, as whoever acts, that a finding does not matter: on its server,
// or with everywhere on all of them, until a moment or, if that is zero, until
// it is taken back. It is about the task, whatever it would change.
func (w *Watch) Ignore(ctx context.Context, finding, reason string, everywhere bool, until time.Time) (Ignore, error) {
	actor, _ := people.From(ctx)
	f, err := w.get(ctx, finding)
	if err != nil {
		return Ignore{}, err
	}
	now := w.now()
	ig := Ignore{ID: id.New(), Server: f.Server, Playbook: f.Playbook, Ident: f.Ident, Task: f.Task, Reason: strings.TrimSpace(reason), Who: actor.Slug, At: now, Until: until}
	switch {
	case !f.GoneAt.IsZero():
		return Ignore{}, invalid("This finding is gone already, so there is nothing to ignore.")
	case ig.Reason == "":
		return Ignore{}, invalid("Say why this does not matter: those who read it later were not there.")
	case len(ig.Reason) > maxReason:
		return Ignore{}, invalid("%d characters are enough for a reason; a link says more.", maxReason)
	case !until.IsZero() && !until.After(now):
		return Ignore{}, invalid("The day until which it is ignored is over already.")
	}
	if everywhere {
		ig.Server = ""
	}
	return ig, w.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		const q = `INSERT INTO drift_ignore (id, server, playbook, ident, task, reason, who, at, until_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
		if _, err := tx.NewRaw(q, ig.ID, ig.Server, ig.Playbook, ig.Ident, ig.Task, ig.Reason, ig.Who, ig.At, null(ig.Until)).Exec(ctx); err != nil {
			return fmt.Errorf("write what is ignored: %w", err)
		}
		w.changed(tx)
		return w.audit(ctx, tx, "drift.ignore", ig, ig.Reason)
	})
}

// TakeBack ends an ignore, as whoever acts. One that has ended stays as it is.
func (w *Watch) TakeBack(ctx context.Context, ignore string) error {
	actor, _ := people.From(ctx)
	return w.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		found, err := ignoresWhere(ctx, tx, `id = ?`, ignore)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return ErrNotFound
		}
		done, err := tx.NewRaw(`UPDATE drift_ignore SET ended_by = ?, ended_at = ? WHERE id = ? AND ended_at IS NULL`, actor.Slug, w.now(), ignore).Exec(ctx)
		if err != nil {
			return fmt.Errorf("end what is ignored: %w", err)
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return err
		}
		w.changed(tx)
		return w.audit(ctx, tx, "drift.unignore", found[0], "")
	})
}

func (w *Watch) audit(ctx context.Context, tx *db.Tx, verb string, ig Ignore, reason string) error {
	details := map[string]any{"ignore": ig.ID, "playbook": ig.Playbook, "task": ig.Task}
	object := "playbook:" + ig.Playbook
	if ig.Server != "" {
		object = "server:" + ig.Server
	}
	if !ig.Until.IsZero() {
		details["until"] = ig.Until
	}
	return w.o.Audit.Record(ctx, tx, verb, object, reason, details)
}

// Ignores returns the ignores in force, newest first.
func (w *Watch) Ignores(ctx context.Context) ([]Ignore, error) {
	return ignoresWhere(ctx, w.o.DB.Read(), inForce+` ORDER BY id DESC`, w.now())
}

func ignoresWhere(ctx context.Context, q db.Queryer, where string, args ...any) ([]Ignore, error) {
	var rows []struct {
		ID       string       `bun:"id"`
		Server   string       `bun:"server"`
		Playbook string       `bun:"playbook"`
		Ident    string       `bun:"ident"`
		Task     string       `bun:"task"`
		Reason   string       `bun:"reason"`
		Who      string       `bun:"who"`
		At       time.Time    `bun:"at"`
		UntilAt  bun.NullTime `bun:"until_at"`
	}
	if err := q.NewRaw(`SELECT id, server, playbook, ident, task, reason, who, at, until_at FROM drift_ignore WHERE `+where, args...).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("read what is ignored: %w", err)
	}
	out := make([]Ignore, len(rows))
	for i, r := range rows {
		out[i] = Ignore{ID: r.ID, Server: r.Server, Playbook: r.Playbook, Ident: r.Ident, Task: r.Task, Reason: r.Reason, Who: r.Who, At: r.At.UTC(), Until: utc(r.UntilAt)}
	}
	return out, nil
}
