package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/vigie-ops/vigie/internal/db"
)

const columns = `id, number, kind, playbook, title, path, commit_hash, content, host_limit, tags, variables, servers, reason, requested_by, requested_via,
	requested_at, parent, accepted, break_glass, approval, expires_at, state, cause, queued_at, started_at, ended_at, cancel_by, timeout_s, forks, worker,
	ansible, exit_code, seq, prev_hash, hash, origin, cancel_reason`

type row struct {
	ID           string       `bun:"id"`
	Number       int64        `bun:"number"`
	Kind         string       `bun:"kind"`
	Playbook     string       `bun:"playbook"`
	Title        string       `bun:"title"`
	Path         string       `bun:"path"`
	CommitHash   string       `bun:"commit_hash"`
	Content      string       `bun:"content"`
	HostLimit    string       `bun:"host_limit"`
	Tags         string       `bun:"tags"`
	Variables    string       `bun:"variables"`
	Servers      string       `bun:"servers"`
	Reason       string       `bun:"reason"`
	RequestedBy  string       `bun:"requested_by"`
	RequestedVia string       `bun:"requested_via"`
	RequestedAt  time.Time    `bun:"requested_at"`
	Parent       string       `bun:"parent"`
	Accepted     string       `bun:"accepted"`
	BreakGlass   string       `bun:"break_glass"`
	Approval     string       `bun:"approval"`
	ExpiresAt    bun.NullTime `bun:"expires_at"`
	State        string       `bun:"state"`
	Cause        string       `bun:"cause"`
	QueuedAt     bun.NullTime `bun:"queued_at"`
	StartedAt    bun.NullTime `bun:"started_at"`
	EndedAt      bun.NullTime `bun:"ended_at"`
	CancelBy     string       `bun:"cancel_by"`
	TimeoutS     int64        `bun:"timeout_s"`
	Forks        int64        `bun:"forks"`
	Worker       string       `bun:"worker"`
	Ansible      string       `bun:"ansible"`
	ExitCode     int64        `bun:"exit_code"`
	Seq          int64        `bun:"seq"`
	PrevHash     string       `bun:"prev_hash"`
	Hash         string       `bun:"hash"`
	Origin       string       `bun:"origin"`
	CancelReason string       `bun:"cancel_reason"`
}

func null(t time.Time) bun.NullTime { return bun.NullTime{Time: t.UTC()} }

func utc(t bun.NullTime) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}

func (r row) run() (Run, error) {
	v := Run{
		ID: r.ID, Number: r.Number, Kind: Kind(r.Kind), Playbook: r.Playbook, Title: r.Title, Path: r.Path, Commit: r.CommitHash, Content: r.Content,
		Limit: r.HostLimit, Reason: r.Reason, By: r.RequestedBy, Via: r.RequestedVia, RequestedAt: r.RequestedAt.UTC(), Parent: r.Parent,
		Accepted: r.Accepted, BreakGlass: r.BreakGlass, ExpiresAt: utc(r.ExpiresAt), State: State(r.State), Cause: r.Cause,
		QueuedAt: utc(r.QueuedAt), StartedAt: utc(r.StartedAt), EndedAt: utc(r.EndedAt), CancelBy: r.CancelBy,
		Timeout: time.Duration(r.TimeoutS) * time.Second, Forks: int(r.Forks), worker: r.Worker, Ansible: r.Ansible, Exit: int(r.ExitCode),
		Seq: r.Seq, PrevHash: r.PrevHash, Hash: r.Hash, Origin: r.Origin, CancelReason: r.CancelReason,
	}
	err := errors.Join(
		json.Unmarshal([]byte(r.Tags), &v.Tags), json.Unmarshal([]byte(r.Variables), &v.Variables),
		json.Unmarshal([]byte(r.Servers), &v.Servers), json.Unmarshal([]byte(r.Approval), &v.Approval),
	)
	if err != nil {
		return Run{}, fmt.Errorf("read run %s: %w", r.ID, err)
	}
	return v, nil
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic("run: " + err.Error()) // texts, numbers and lists of them can be written
	}
	return string(b)
}

// insertRun writes a new run and gives it its number.
func insertRun(ctx context.Context, tx *db.Tx, r *Run) error {
	n, err := next(ctx, tx, "run")
	if err != nil {
		return err
	}
	r.Number = n
	q := `INSERT INTO run_run (` + columns + `, words) VALUES (?` + strings.Repeat(", ?", 37) + `)`
	_, err = tx.NewRaw(q, r.ID, r.Number, string(r.Kind), r.Playbook, r.Title, r.Path, r.Commit, r.Content, r.Limit, text(r.Tags), text(r.Variables),
		text(r.Servers), r.Reason, r.By, r.Via, r.RequestedAt, r.Parent, r.Accepted, r.BreakGlass, text(r.Approval), null(r.ExpiresAt), string(r.State),
		r.Cause, null(r.QueuedAt), null(r.StartedAt), null(r.EndedAt), r.CancelBy, int64(r.Timeout/time.Second), r.Forks, r.worker, r.Ansible, r.Exit,
		r.Seq, r.PrevHash, r.Hash, r.Origin, r.CancelReason, words(*r)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("write run: %w", err)
	}
	for some := range slices.Chunk(r.Servers, chunk) {
		args := make([]any, 0, 2*len(some))
		for _, s := range some {
			args = append(args, r.ID, s)
		}
		q := `INSERT INTO run_server (run, server) VALUES (?, ?)` + strings.Repeat(", (?, ?)", len(some)-1)
		if _, err := tx.NewRaw(q, args...).Exec(ctx); err != nil {
			return fmt.Errorf("write the servers of a run: %w", err)
		}
	}
	return nil
}

// words are what a search finds a run by.
func words(r Run) string {
	return strings.ToLower(strings.Join(slices.Concat([]string{
		fmt.Sprintf("#%d", r.Number), r.Playbook, r.Title, r.Limit, r.Reason, r.By, r.Commit, r.BreakGlass,
	}, r.Servers), " "))
}

// chunk bounds the length of one statement.
const chunk = 200

// saveRun writes what of a run may change.
func saveRun(ctx context.Context, tx *db.Tx, r Run) error {
	const q = `
		UPDATE run_run SET accepted = ?, approval = ?, expires_at = ?, state = ?, cause = ?, queued_at = ?, started_at = ?, ended_at = ?, cancel_by = ?, cancel_reason = ?,
			worker = ?, ansible = ?, exit_code = ?, seq = ?, prev_hash = ?, hash = ?
		WHERE id = ?`
	_, err := tx.NewRaw(q, r.Accepted, text(r.Approval), null(r.ExpiresAt), string(r.State), r.Cause, null(r.QueuedAt), null(r.StartedAt), null(r.EndedAt),
		r.CancelBy, r.CancelReason, r.worker, r.Ansible, r.Exit, r.Seq, r.PrevHash, r.Hash, r.ID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("write run %s: %w", r.ID, err)
	}
	return nil
}

// next counts up.
func next(ctx context.Context, tx *db.Tx, name string) (int64, error) {
	if _, err := tx.NewRaw(`UPDATE run_number SET value = value + 1 WHERE name = ?`, name).Exec(ctx); err != nil {
		return 0, fmt.Errorf("count %ss: %w", name, err)
	}
	var n int64
	if err := tx.NewRaw(`SELECT value FROM run_number WHERE name = ?`, name).Scan(ctx, &n); err != nil {
		return 0, fmt.Errorf("count %ss: %w", name, err)
	}
	return n, nil
}

func runsWhere(ctx context.Context, q db.Queryer, where string, args ...any) ([]Run, error) {
	var rows []row
	if err := q.NewRaw(`SELECT `+columns+` FROM run_run WHERE `+where, args...).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("read runs: %w", err)
	}
	out := make([]Run, len(rows))
	for i, r := range rows {
		var err error
		if out[i], err = r.run(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// runByID finds a run by its id or its number.
func runByID(ctx context.Context, q db.Queryer, id string) (Run, error) {
	where, arg := "id = ?", any(id)
	if n, err := strconv.ParseInt(strings.TrimPrefix(id, "#"), 10, 64); err == nil {
		where, arg = "number = ?", n
	}
	found, err := runsWhere(ctx, q, where, arg)
	if err != nil {
		return Run{}, err
	}
	if len(found) == 0 {
		return Run{}, ErrNotFound
	}
	return found[0], nil
}

// Filter says which runs to list; what is empty does not filter.
type Filter struct {
	State  State
	Kinds  []Kind
	Active bool // not over yet
	// ForThemselves leaves out the checks that belong to a run that waits for
	// approval, and the lints that belong to a commit.
	ForThemselves bool
	Playbook      string
	Server        string
	Servers       []string // any of them; an empty list that is not nil is none
	Commit        string
	By            string
	Parent        string
	Origin        string
	Text          string // words that the run holds, in any order: its number, playbook, servers, reason, who
	Since         time.Time
	Cursor        string
	Limit         int // 50 if zero, at most 1000
}

// Page is a page of runs, newest first; Next is empty on the last one.
type Page struct {
	Items []Run
	Next  string
}

var likeEscaper = strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`)

// List returns runs, the newest first.
func (o *Office) List(ctx context.Context, f Filter) (Page, error) {
	and, args := []string{"1 = 1"}, []any{}
	add := func(cond string, a ...any) {
		and = append(and, cond)
		args = append(args, a...)
	}
	if f.State != "" {
		add("state = ?", string(f.State))
	}
	if f.Active {
		add("state IN (?, ?, ?, ?)", string(Checking), string(Waiting), string(Queued), string(Running))
	}
	if f.ForThemselves {
		add("kind <> ? AND (kind <> ? OR parent = '')", string(Lint), string(Check))
	}
	if len(f.Kinds) > 0 {
		add("kind IN (?)", bun.List(f.Kinds))
	}
	for column, v := range map[string]string{"playbook": f.Playbook, "commit_hash": f.Commit, "requested_by": f.By, "parent": f.Parent, "origin": f.Origin} {
		if v != "" {
			add(column+" = ?", v)
		}
	}
	if f.Server != "" {
		add("id IN (SELECT run FROM run_server WHERE server = ?)", f.Server)
	}
	for word := range strings.FieldsSeq(strings.ToLower(f.Text)) {
		add(`words LIKE ? ESCAPE '\'`, "%"+likeEscaper.Replace(word)+"%")
	}
	if f.Servers != nil {
		add("id IN (SELECT run FROM run_server WHERE server IN (?))", bun.List(append([]string{""}, f.Servers...)))
	}
	if !f.Since.IsZero() {
		add("requested_at >= ?", f.Since.UTC())
	}
	if f.Cursor != "" {
		add("id < ?", f.Cursor)
	}
	n := f.Limit
	if n <= 0 {
		n = 50
	}
	n = min(n, 1000)
	runs, err := runsWhere(ctx, o.o.DB.Read(), strings.Join(and, " AND ")+" ORDER BY id DESC LIMIT ?", append(args, n+1)...)
	if err != nil {
		return Page{}, err
	}
	p := Page{Items: runs}
	if len(runs) > n {
		p.Items, p.Next = runs[:n], runs[n-1].ID
	}
	return p, nil
}

// Get returns one run by its id or its number.
func (o *Office) Get(ctx context.Context, id string) (Run, error) {
	return runByID(ctx, o.o.DB.Read(), id)
}

// EndedAfter returns the runs that ended after a place in the chain of records,
// in that order: each run has its place for ever.
func (o *Office) EndedAfter(ctx context.Context, seq int64, n int) ([]Run, error) {
	return runsWhere(ctx, o.o.DB.Read(), `seq > ? ORDER BY seq LIMIT ?`, seq, n)
}

// asked returns the run that a key has asked for before.
func asked(ctx context.Context, q db.Queryer, key string) (Run, error) {
	found, err := runsWhere(ctx, q, `id IN (SELECT run FROM run_key WHERE request_key = ?)`, key)
	if err == nil && len(found) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Run{}, err
	}
	return found[0], nil
}

// Counts says how many runs are in each state that is no end.
func (o *Office) Counts(ctx context.Context) (map[State]int, error) {
	var rows []struct {
		State string `bun:"state"`
		N     int    `bun:"n"`
	}
	const q = `SELECT state, COUNT(*) AS n FROM run_run WHERE state IN ('checking', 'waiting', 'queued', 'running') GROUP BY state`
	if err := o.o.DB.Read().NewRaw(q).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("count runs: %w", err)
	}
	out := map[State]int{}
	for _, r := range rows {
		out[State(r.State)] = r.N
	}
	return out, nil
}
