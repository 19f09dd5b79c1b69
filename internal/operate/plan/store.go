package plan

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/people"
)

//go:embed schema/*.sql
var schemaFiles embed.FS

// Tables are the tables of this package.
var Tables = db.Schema{Room: "plan", FS: schemaFiles}

const chainColumns = `id, slug, title, commit_hash, reason, started_by, role, origin, request_key, steps, step, run, wait_until, state, cause, started_at, ended_at`

type chainRow struct {
	ID         string       `bun:"id"`
	Slug       string       `bun:"slug"`
	Title      string       `bun:"title"`
	Commit     string       `bun:"commit_hash"`
	Reason     string       `bun:"reason"`
	StartedBy  string       `bun:"started_by"`
	Role       string       `bun:"role"`
	Origin     string       `bun:"origin"`
	RequestKey string       `bun:"request_key"`
	Steps      string       `bun:"steps"`
	Step       int          `bun:"step"`
	Run        string       `bun:"run"`
	WaitUntil  bun.NullTime `bun:"wait_until"`
	State      string       `bun:"state"`
	Cause      string       `bun:"cause"`
	StartedAt  time.Time    `bun:"started_at"`
	EndedAt    bun.NullTime `bun:"ended_at"`
}

func utc(t bun.NullTime) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}

func chainsWhere(ctx context.Context, q db.Queryer, where string, args ...any) ([]Progress, error) {
	var rows []chainRow
	if err := q.NewRaw(`SELECT `+chainColumns+` FROM plan_chain WHERE `+where, args...).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("read chains: %w", err)
	}
	out := make([]Progress, len(rows))
	for i, r := range rows {
		out[i] = Progress{
			ID: r.ID, Slug: r.Slug, Title: r.Title, Commit: r.Commit, Reason: r.Reason, By: r.StartedBy, Role: people.Role(r.Role), Origin: r.Origin,
			Step: r.Step, WaitUntil: utc(r.WaitUntil), State: State(r.State), Cause: r.Cause, StartedAt: r.StartedAt.UTC(), EndedAt: utc(r.EndedAt),
			key: r.RequestKey,
		}
		if err := json.Unmarshal([]byte(r.Steps), &out[i].Steps); err != nil {
			return nil, fmt.Errorf("read chain %s: %w", r.ID, err)
		}
	}
	return out, nil
}

func chainBy(ctx context.Context, q db.Queryer, where string, arg any) (Progress, error) {
	found, err := chainsWhere(ctx, q, where, arg)
	if err == nil && len(found) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Progress{}, err
	}
	return found[0], nil
}

// Chain returns a chain that was started.
func (p *Planner) Chain(ctx context.Context, id string) (Progress, error) {
	return chainBy(ctx, p.o.DB.Read(), "id = ?", id)
}

// Chains returns the newest chains that were started, newest first.
func (p *Planner) Chains(ctx context.Context, n int) ([]Progress, error) {
	return chainsWhere(ctx, p.o.DB.Read(), "1 = 1 ORDER BY id DESC LIMIT ?", n)
}

func insertChain(ctx context.Context, tx *db.Tx, c Progress) error {
	const q = `INSERT INTO plan_chain (` + chainColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	_, err := tx.NewRaw(q, c.ID, c.Slug, c.Title, c.Commit, c.Reason, c.By, string(c.Role), c.Origin, c.key, stepsText(c.Steps), c.Step, c.Steps[c.Step].Run,
		bun.NullTime{Time: c.WaitUntil.UTC()}, string(c.State), c.Cause, c.StartedAt, bun.NullTime{Time: c.EndedAt.UTC()}).Exec(ctx)
	if err != nil {
		return fmt.Errorf("write chain: %w", err)
	}
	return nil
}

// saveChain writes how far a chain is, unless a person stopped it meanwhile.
func saveChain(ctx context.Context, tx *db.Tx, c Progress) error {
	const q = `UPDATE plan_chain SET steps = ?, step = ?, run = ?, wait_until = ?, state = ?, cause = ?, ended_at = ? WHERE id = ? AND state <> ?`
	_, err := tx.NewRaw(q, stepsText(c.Steps), c.Step, c.Steps[c.Step].Run, bun.NullTime{Time: c.WaitUntil.UTC()}, string(c.State), c.Cause,
		bun.NullTime{Time: c.EndedAt.UTC()}, c.ID, string(Stopped)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("write chain %s: %w", c.ID, err)
	}
	return nil
}

// fired is what is known of a schedule.
type fired struct {
	Slug       string
	Definition string
	Since      time.Time // from when its times count
	Due        time.Time // the last time that was seen to, zero before the first
	Run, Chain string    // what was started then
	Problem    string    // why nothing was
}

// from is the moment after which the next time is looked for.
func (f fired) from() time.Time {
	if f.Due.After(f.Since) {
		return f.Due
	}
	return f.Since
}

func readFired(ctx context.Context, q db.Queryer) (map[string]fired, error) {
	var rows []struct {
		Slug       string       `bun:"slug"`
		Definition string       `bun:"definition"`
		Since      time.Time    `bun:"since"`
		DueAt      bun.NullTime `bun:"due_at"`
		Run        string       `bun:"run"`
		Chain      string       `bun:"chain"`
		Problem    string       `bun:"problem"`
	}
	if err := q.NewRaw(`SELECT slug, definition, since, due_at, run, chain, problem FROM plan_schedule`).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("read schedules: %w", err)
	}
	out := make(map[string]fired, len(rows))
	for _, r := range rows {
		out[r.Slug] = fired{Slug: r.Slug, Definition: r.Definition, Since: r.Since.UTC(), Due: utc(r.DueAt), Run: r.Run, Chain: r.Chain, Problem: r.Problem}
	}
	return out, nil
}

func saveFired(ctx context.Context, tx *db.Tx, f fired) error {
	const q = `
		INSERT INTO plan_schedule (slug, definition, since, due_at, run, chain, problem) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (slug) DO UPDATE SET definition = excluded.definition, since = excluded.since, due_at = excluded.due_at, run = excluded.run,
			chain = excluded.chain, problem = excluded.problem`
	if _, err := tx.NewRaw(q, f.Slug, f.Definition, f.Since, bun.NullTime{Time: f.Due.UTC()}, f.Run, f.Chain, f.Problem).Exec(ctx); err != nil {
		return fmt.Errorf("write schedule %s: %w", f.Slug, err)
	}
	return nil
}
