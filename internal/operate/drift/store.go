package drift

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/operate/run"
)

// State says what a finding is for people.
type State string

// The states.
const (
	Open    State = "open"
	Ignored State = "ignored" // open, and somebody said that it does not matter
	Gone    State = "gone"
)

const columns = `f.id, f.server, f.playbook, f.ident, f.task, f.action, f.path, f.run, f.first_seen, f.last_seen, f.gone_at, f.gone_why, f.gone_run, f.diff`

type row struct {
	ID        string       `bun:"id"`
	Server    string       `bun:"server"`
	Playbook  string       `bun:"playbook"`
	Ident     string       `bun:"ident"`
	Task      string       `bun:"task"`
	Action    string       `bun:"action"`
	Path      string       `bun:"path"`
	Run       string       `bun:"run"`
	FirstSeen time.Time    `bun:"first_seen"`
	LastSeen  time.Time    `bun:"last_seen"`
	GoneAt    bun.NullTime `bun:"gone_at"`
	GoneWhy   string       `bun:"gone_why"`
	GoneRun   string       `bun:"gone_run"`
	Diff      string       `bun:"diff"`
}

func (r row) finding() Finding {
	return Finding{
		ID: r.ID, Server: r.Server, Playbook: r.Playbook, Ident: r.Ident, Task: r.Task, Action: r.Action, Path: r.Path, Run: r.Run,
		FirstSeen: r.FirstSeen.UTC(), LastSeen: r.LastSeen.UTC(), GoneAt: utc(r.GoneAt), GoneWhy: GoneWhy(r.GoneWhy), GoneRun: r.GoneRun, Diff: r.Diff,
	}
}

func utc(t bun.NullTime) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}

func null(t time.Time) bun.NullTime { return bun.NullTime{Time: t.UTC()} }

func findingsWhere(ctx context.Context, q db.Queryer, where string, args ...any) ([]Finding, error) {
	var rows []row
	if err := q.NewRaw(`SELECT `+columns+` FROM drift_finding f WHERE `+where, args...).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("read findings of drift: %w", err)
	}
	out := make([]Finding, len(rows))
	for i, r := range rows {
		out[i] = r.finding()
	}
	return out, nil
}

// openOn returns what is open of a playbook on some servers.
func openOn(ctx context.Context, q db.Queryer, playbook string, servers []string) (map[string][]Finding, error) {
	all, err := findingsWhere(ctx, q, `f.playbook = ? AND f.gone_at IS NULL AND f.server IN (?) ORDER BY f.id`, playbook, bun.List(servers))
	out := map[string][]Finding{}
	for _, f := range all {
		out[f.Server] = append(out[f.Server], f)
	}
	return out, err
}

// saveFound writes findings that a check found, new ones and known ones.
func saveFound(ctx context.Context, tx *db.Tx, all []Finding) error {
	args := make([]any, 0, 11*len(all))
	for _, f := range all {
		args = append(args, f.ID, f.Server, f.Playbook, f.Ident, f.Task, f.Action, f.Path, f.Run, f.FirstSeen, f.LastSeen, f.Diff)
	}
	const q = `
		INSERT INTO drift_finding (id, server, playbook, ident, task, action, path, run, first_seen, last_seen, diff) VALUES %s
		ON CONFLICT (id) DO UPDATE SET task = excluded.task, action = excluded.action, path = excluded.path, run = excluded.run,
			last_seen = excluded.last_seen, diff = excluded.diff`
	if err := bulk(ctx, tx, q, 11, args); err != nil {
		return fmt.Errorf("write findings of drift: %w", err)
	}
	return nil
}

// saveGone writes that findings are gone, all for the same reason.
func saveGone(ctx context.Context, tx *db.Tx, all []Finding) error {
	for some := range slices.Chunk(all, atOnce) {
		ids := make([]string, len(some))
		for i, f := range some {
			ids[i] = f.ID
		}
		const q = `UPDATE drift_finding SET gone_at = ?, gone_why = ?, gone_run = ? WHERE id IN (?)`
		if _, err := tx.NewRaw(q, some[0].GoneAt, string(some[0].GoneWhy), some[0].GoneRun, bun.List(ids)).Exec(ctx); err != nil {
			return fmt.Errorf("end findings of drift: %w", err)
		}
	}
	return nil
}

// atOnce bounds the rows of one statement.
const atOnce = 200

// bulk inserts rows of n values each, some at a time.
func bulk(ctx context.Context, tx *db.Tx, q string, n int, args []any) error {
	one := "(?" + strings.Repeat(", ?", n-1) + ")"
	for some := range slices.Chunk(args, n*atOnce) {
		values := one + strings.Repeat(", "+one, len(some)/n-1)
		if _, err := tx.NewRaw(fmt.Sprintf(q, values), some...).Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

// inForce is the condition of an ignore that holds at a time.
const inForce = `(ended_at IS NULL AND (until_at IS NULL OR until_at > ?))`

// ignored is the condition of a finding that an ignore hides at a time.
const ignored = `EXISTS (SELECT 1 FROM drift_ignore i WHERE i.playbook = f.playbook AND i.ident = f.ident AND (i.server = '' OR i.server = f.server) AND ` + inForce + `)`

// Filter says which findings to list; what is empty does not filter.
type Filter struct {
	State    State
	Server   string
	Playbook string
	After    string // Next of the page before
	Limit    int    // 50 if zero, at most 1000
}

// Page is a page of findings by server, those of one server in the order in
// which they were first found; Next is empty on the last one.
type Page struct {
	Items []Finding
	Next  string
}

// List returns findings.
func (w *Watch) List(ctx context.Context, f Filter) (Page, error) {
	now := w.now()
	and, args := []string{"1 = 1"}, []any{}
	add := func(cond string, a ...any) {
		and = append(and, cond)
		args = append(args, a...)
	}
	switch f.State {
	case Open:
		add("f.gone_at IS NULL AND NOT "+ignored, now)
	case Ignored:
		add("f.gone_at IS NULL AND "+ignored, now)
	case Gone:
		add("f.gone_at IS NOT NULL")
	}
	if f.Server != "" {
		add("f.server = ?", f.Server)
	}
	if f.Playbook != "" {
		add("f.playbook = ?", f.Playbook)
	}
	if server, id, ok := strings.Cut(f.After, ":"); ok {
		add("(f.server > ? OR f.server = ? AND f.id > ?)", server, server, id)
	}
	n := f.Limit
	if n <= 0 {
		n = 50
	}
	n = min(n, 1000)
	all, err := findingsWhere(ctx, w.o.DB.Read(), strings.Join(and, " AND ")+" ORDER BY f.server, f.id LIMIT ?", append(args, n+1)...)
	if err != nil {
		return Page{}, err
	}
	ignores, err := w.Ignores(ctx)
	if err != nil {
		return Page{}, err
	}
	p := Page{Items: all}
	if len(all) > n {
		p.Items, p.Next = all[:n], all[n-1].Server+":"+all[n-1].ID
	}
	for i, one := range p.Items {
		if one.GoneAt.IsZero() {
			p.Items[i].Ignore = match(ignores, one)
		}
	}
	return p, nil
}

// get returns one finding.
func (w *Watch) get(ctx context.Context, id string) (Finding, error) {
	all, err := findingsWhere(ctx, w.o.DB.Read(), `f.id = ?`, id)
	if err == nil && len(all) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Finding{}, err
	}
	return all[0], nil
}

// Numbers is how much drift there is.
type Numbers struct {
	Open, Ignored, Gone int
	Servers             int // that drift
	Checked             int // that were looked at
	Oldest              time.Time
	LookedAt            time.Time // when a check finished anywhere last
}

// numbersFor is how long Numbers may be held; what this hub changes shows at
// once.
const numbersFor = 10 * time.Second

// Numbers counts, at most every few seconds: every page asks for it.
func (w *Watch) Numbers(ctx context.Context) (Numbers, error) {
	w.counts.Lock()
	defer w.counts.Unlock()
	now := w.now()
	if age := now.Sub(w.counted); !w.counted.IsZero() && age >= 0 && age < numbersFor {
		return w.numbers, nil
	}
	var n struct {
		Total   int `bun:"total"`
		Open    int `bun:"open"`
		Gone    int `bun:"gone"`
		Servers int `bun:"servers"`
		Checked int `bun:"checked"`
	}
	const q = `
		SELECT
			(SELECT COUNT(*) FROM drift_finding f WHERE f.gone_at IS NULL) AS total,
			(SELECT COUNT(*) FROM drift_finding f WHERE f.gone_at IS NOT NULL) AS gone,
			(SELECT COUNT(DISTINCT server) FROM drift_looked) AS checked,
			COUNT(*) AS open, COUNT(DISTINCT f.server) AS servers
		FROM drift_finding f WHERE f.gone_at IS NULL AND NOT ` + ignored
	if err := w.o.DB.Read().NewRaw(q, now).Scan(ctx, &n); err != nil {
		return Numbers{}, fmt.Errorf("count drift: %w", err)
	}
	out := Numbers{Open: n.Open, Ignored: n.Total - n.Open, Gone: n.Gone, Servers: n.Servers, Checked: n.Checked}
	oldest, err := findingsWhere(ctx, w.o.DB.Read(), `f.gone_at IS NULL AND NOT `+ignored+` ORDER BY f.first_seen LIMIT 1`, now)
	if err != nil {
		return Numbers{}, err
	}
	if len(oldest) > 0 {
		out.Oldest = oldest[0].FirstSeen
	}
	var at []time.Time
	if err := w.o.DB.Read().NewRaw(`SELECT at FROM drift_looked ORDER BY at DESC LIMIT 1`).Scan(ctx, &at); err != nil {
		return Numbers{}, fmt.Errorf("read when was looked: %w", err)
	}
	if len(at) > 0 {
		out.LookedAt = at[0].UTC()
	}
	w.numbers, w.counted = out, now
	return out, nil
}

// Summary is how much one server drifts.
type Summary struct {
	Server string
	Open   int
	First  Finding // the oldest
}

// Servers returns the servers that drift, those with most findings first; all
// if n is zero.
func (w *Watch) Servers(ctx context.Context, n int) ([]Summary, error) {
	var rows []struct {
		Server string `bun:"server"`
		N      int    `bun:"n"`
		First  string `bun:"first"`
	}
	// Ids sort by the time they were made, so the least is that of the oldest.
	q := `SELECT f.server, COUNT(*) AS n, MIN(f.id) AS first FROM drift_finding f WHERE f.gone_at IS NULL AND NOT ` + ignored + ` GROUP BY f.server ORDER BY n DESC, f.server`
	args := []any{w.now()}
	if n > 0 {
		q += ` LIMIT ?`
		args = append(args, n)
	}
	if err := w.o.DB.Read().NewRaw(q, args...).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("read which servers drift: %w", err)
	}
	out := make([]Summary, len(rows))
	at := map[string]int{}
	for i, r := range rows {
		out[i] = Summary{Server: r.Server, Open: r.N}
		at[r.First] = i
	}
	for some := range slices.Chunk(rows, atOnce) {
		ids := make([]string, len(some))
		for i, r := range some {
			ids[i] = r.First
		}
		first, err := findingsWhere(ctx, w.o.DB.Read(), `f.id IN (?)`, bun.List(ids))
		if err != nil {
			return nil, err
		}
		for _, f := range first {
			out[at[f.ID]].First = f
		}
	}
	return out, nil
}

// Looks returns the last look by each playbook.
func (w *Watch) Looks(ctx context.Context) ([]Look, error) {
	var rows []struct {
		Playbook string       `bun:"playbook"`
		Night    string       `bun:"night"`
		AskedAt  bun.NullTime `bun:"asked_at"`
		Run      string       `bun:"run"`
		Error    string       `bun:"error"`
		ErrorAt  bun.NullTime `bun:"error_at"`
		Ended    string       `bun:"ended"`
		Number   int64        `bun:"number"`
		State    string       `bun:"state"`
		Cause    string       `bun:"cause"`
		EndedAt  bun.NullTime `bun:"ended_at"`
		Servers  int          `bun:"servers"`
		Seen     int          `bun:"seen"`
	}
	const q = `SELECT playbook, night, asked_at, run, error, error_at, ended, number, state, cause, ended_at, servers, seen FROM drift_look ORDER BY playbook`
	if err := w.o.DB.Read().NewRaw(q).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("read the last looks for drift: %w", err)
	}
	out := make([]Look, len(rows))
	for i, r := range rows {
		out[i] = Look{
			Playbook: r.Playbook, Night: r.Night, AskedAt: utc(r.AskedAt), Run: r.Run, Error: r.Error, ErrorAt: utc(r.ErrorAt), Ended: r.Ended, Number: r.Number,
			State: run.State(r.State), Cause: r.Cause, EndedAt: utc(r.EndedAt), Servers: r.Servers, Seen: r.Seen,
		}
	}
	return out, nil
}

// LookedAt is when a check finished last on a server; zero if none did.
func (w *Watch) LookedAt(ctx context.Context, server string) (time.Time, error) {
	var at []time.Time
	if err := w.o.DB.Read().NewRaw(`SELECT at FROM drift_looked WHERE server = ? ORDER BY at DESC LIMIT 1`, server).Scan(ctx, &at); err != nil {
		return time.Time{}, fmt.Errorf("read when was looked at a server: %w", err)
	}
	if len(at) == 0 {
		return time.Time{}, nil
	}
	return at[0].UTC(), nil
}

// prune forgets what has been gone for long.
func (w *Watch) prune(ctx context.Context) error {
	now := w.now()
	if now.Sub(w.prunedAt) < pruneEvery {
		return nil
	}
	err := w.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, q := range []string{
			`DELETE FROM drift_finding WHERE gone_at < ?`,
			`DELETE FROM drift_ignore WHERE ended_at < ? OR until_at < ?`,
		} {
			args := slices.Repeat([]any{now.Add(-keepGone)}, strings.Count(q, "?"))
			if _, err := tx.NewRaw(q, args...).Exec(ctx); err != nil {
				return fmt.Errorf("forget old drift: %w", err)
			}
		}
		return nil
	})
	if err == nil {
		w.prunedAt = now
	}
	return err
}
