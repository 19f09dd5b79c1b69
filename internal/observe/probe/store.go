package probe

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/signal"
)

//go:embed schema/*.sql
var schemaFiles embed.FS

// Schema is the tables of this room.
func Schema() db.Schema { return db.Schema{Room: "probe", FS: schemaFiles} }

// Outage is a confirmed outage as one probe saw it.
type Outage struct {
	ID          string
	Probe       string
	Subject     signal.Subject
	Component   string // of the instance; empty if the probe names none
	StartedAt   time.Time
	ConfirmedAt time.Time
	EndedAt     time.Time // zero while it goes on
	Cause       string    // a sentence
	Places      []string  // who saw it
}

// Filter selects outages; empty fields select all.
type Filter struct {
	Subject   signal.Subject
	Component string
	Probe     string
	Since     time.Time // that ended after it, or go on
	Open      bool      // that go on
	Limit     int       // 1000 if zero

	among []signal.Subject // one of these
}

type outageRow struct {
	ID          string       `bun:"id"`
	Probe       string       `bun:"probe"`
	Subject     string       `bun:"subject"`
	Component   string       `bun:"component"`
	StartedAt   time.Time    `bun:"started_at"`
	ConfirmedAt time.Time    `bun:"confirmed_at"`
	EndedAt     bun.NullTime `bun:"ended_at"`
	Cause       string       `bun:"cause"`
	Places      string       `bun:"places"`
}

func (r outageRow) outage() Outage {
	o := Outage{
		ID: r.ID, Probe: r.Probe, Subject: signal.ParseSubject(r.Subject), Component: r.Component, StartedAt: r.StartedAt.UTC(),
		ConfirmedAt: r.ConfirmedAt.UTC(), Cause: r.Cause, Places: strings.Fields(r.Places),
	}
	if !r.EndedAt.IsZero() {
		o.EndedAt = r.EndedAt.UTC()
	}
	return o
}

const outageLimit = 1000

// outages returns outages, newest first.
func outages(ctx context.Context, q db.Queryer, f Filter) ([]Outage, error) {
	var where []string
	var args []any
	add := func(cond string, arg ...any) { where, args = append(where, cond), append(args, arg...) }
	if f.Subject != (signal.Subject{}) {
		add("subject = ?", f.Subject.String())
	}
	if len(f.among) > 0 {
		add("subject IN (?)", bun.List(texts(f.among)))
	}
	if f.Component != "" {
		add("component = ?", f.Component)
	}
	if f.Probe != "" {
		add("probe = ?", f.Probe)
	}
	if f.Open {
		add("ended_at IS NULL")
	}
	if !f.Since.IsZero() {
		add("(ended_at IS NULL OR ended_at > ?)", f.Since.UTC())
	}
	query := `SELECT id, probe, subject, component, started_at, confirmed_at, ended_at, cause, places FROM probe_outage`
	if len(where) > 0 {
		query += ` WHERE ` + strings.Join(where, ` AND `)
	}
	limit := f.Limit
	if limit <= 0 {
		limit = outageLimit
	}
	var rows []outageRow
	if err := q.NewRaw(query+` ORDER BY started_at DESC, id DESC LIMIT ?`, append(args, limit)...).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("read outages: %w", err)
	}
	out := make([]Outage, len(rows))
	for i, r := range rows {
		out[i] = r.outage()
	}
	return out, nil
}

// insertOutage keeps a new outage. A probe has one open outage at most; a
// second one, from a run that was repeated, changes nothing.
func insertOutage(ctx context.Context, tx *db.Tx, o Outage) error {
	const q = `
		INSERT INTO probe_outage (id, probe, subject, component, started_at, confirmed_at, cause, places)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT DO NOTHING`
	_, err := tx.NewRaw(q, o.ID, o.Probe, o.Subject.String(), o.Component, o.StartedAt.UTC(), o.ConfirmedAt.UTC(), o.Cause,
		strings.Join(o.Places, " ")).Exec(ctx)
	return wrap("keep outage", err)
}

// endOutages ends whatever outage of the probe is open.
func endOutages(ctx context.Context, tx *db.Tx, probe string, at time.Time) error {
	const q = `
		UPDATE probe_outage
		SET ended_at = CASE WHEN started_at > ? THEN started_at ELSE ? END
		WHERE probe = ? AND ended_at IS NULL`
	_, err := tx.NewRaw(q, at.UTC(), at.UTC(), probe).Exec(ctx)
	return wrap("end outage", err)
}

type watchRow struct {
	Probe     string       `bun:"probe"`
	Subject   string       `bun:"subject"`
	Component string       `bun:"component"`
	StartedAt time.Time    `bun:"started_at"`
	EndedAt   bun.NullTime `bun:"ended_at"`
}

// watch notes that a probe is watched from now on, and what of.
func watch(ctx context.Context, tx *db.Tx, p Plan, at time.Time) error {
	const q = `
		INSERT INTO probe_watch (probe, subject, component, started_at)
		VALUES (?, ?, ?, ?)
		ON CONFLICT (probe) DO UPDATE SET subject = excluded.subject, component = excluded.component, ended_at = NULL`
	_, err := tx.NewRaw(q, p.Slug, p.Subject.String(), p.Component, at.UTC()).Exec(ctx)
	return wrap("note a watched probe", err)
}

// unwatch notes that a probe is watched no more.
func unwatch(ctx context.Context, tx *db.Tx, probe string, at time.Time) error {
	_, err := tx.NewRaw(`UPDATE probe_watch SET ended_at = ? WHERE probe = ? AND ended_at IS NULL`, at.UTC(), probe).Exec(ctx)
	return wrap("note a removed probe", err)
}

func texts(subjects []signal.Subject) []string {
	out := make([]string, len(subjects))
	for i, s := range subjects {
		out[i] = s.String()
	}
	return out
}

// watches returns the probes that are or were watched, of some subjects or,
// without any, of all.
func watches(ctx context.Context, q db.Queryer, subjects []signal.Subject, component string) ([]watchRow, error) {
	query, args := `SELECT probe, subject, component, started_at, ended_at FROM probe_watch`, []any{}
	if len(subjects) > 0 {
		query, args = query+` WHERE subject IN (?)`, append(args, bun.List(texts(subjects)))
		if component != "" {
			query, args = query+` AND component = ?`, append(args, component)
		}
	}
	var rows []watchRow
	err := q.NewRaw(query, args...).Scan(ctx, &rows)
	return rows, wrap("read watched probes", err)
}

type gapRow struct {
	ID        string       `bun:"id"`
	Probe     string       `bun:"probe"`
	StartedAt time.Time    `bun:"started_at"`
	EndedAt   bun.NullTime `bun:"ended_at"`
}

func (g gapRow) span() Span {
	s := Span{From: g.StartedAt}
	if !g.EndedAt.IsZero() {
		s.To = g.EndedAt.Time
	}
	return s
}

// insertGap notes that nobody looked from one time to another, or, with a zero
// end, from one time on. An empty probe means all of them.
func insertGap(ctx context.Context, tx *db.Tx, id, probe string, from, to time.Time) error {
	var end any
	if !to.IsZero() {
		end = to.UTC()
	}
	const q = `INSERT INTO probe_gap (id, probe, started_at, ended_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`
	_, err := tx.NewRaw(q, id, probe, from.UTC(), end).Exec(ctx)
	return wrap("note a gap", err)
}

func endGaps(ctx context.Context, tx *db.Tx, probe string, at time.Time) error {
	_, err := tx.NewRaw(`UPDATE probe_gap SET ended_at = ? WHERE probe = ? AND ended_at IS NULL`, at.UTC(), probe).Exec(ctx)
	return wrap("end a gap", err)
}

// gaps returns the gaps of probes, and those of the whole hub under "".
func gaps(ctx context.Context, q db.Queryer, probes []string, since time.Time) (map[string][]Span, error) {
	const query = `
		SELECT id, probe, started_at, ended_at FROM probe_gap
		WHERE probe IN (?) AND (ended_at IS NULL OR ended_at > ?)`
	var rows []gapRow
	if err := q.NewRaw(query, bun.List(append(probes, "")), since.UTC()).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("read gaps: %w", err)
	}
	out := map[string][]Span{}
	for _, r := range rows {
		out[r.Probe] = append(out[r.Probe], r.span())
	}
	return out, nil
}

// openGaps returns the probes nobody looks at now.
func openGaps(ctx context.Context, q db.Queryer) (map[string]bool, error) {
	var probes []string
	if err := q.NewRaw(`SELECT probe FROM probe_gap WHERE ended_at IS NULL`).Scan(ctx, &probes); err != nil {
		return nil, fmt.Errorf("read open gaps: %w", err)
	}
	out := map[string]bool{}
	for _, p := range probes {
		out[p] = true
	}
	return out, nil
}

// alive notes that the hub looks now, and returns when it last did so.
func alive(ctx context.Context, tx *db.Tx, at time.Time) (last time.Time, err error) {
	err = tx.NewRaw(`SELECT at FROM probe_alive WHERE id = 1`).Scan(ctx, &last)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, fmt.Errorf("read when the hub last looked: %w", err)
	}
	const q = `INSERT INTO probe_alive (id, at) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET at = excluded.at`
	_, err = tx.NewRaw(q, at.UTC()).Exec(ctx)
	return last, wrap("note that the hub looks", err)
}

func wrap(doing string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}
