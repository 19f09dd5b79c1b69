package run

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/vigie-ops/vigie/internal/db"
)

type tallyRow struct {
	OK          int `bun:"ok"`
	Changed     int `bun:"changed"`
	Failed      int `bun:"failed"`
	Unreachable int `bun:"unreachable"`
	Skipped     int `bun:"skipped"`
	Ignored     int `bun:"ignored"`
}

func (t tallyRow) tally() Tally { return Tally(t) }

// Tasks returns the tasks of a run in the order in which they began.
func (o *Office) Tasks(ctx context.Context, run string) ([]Task, error) {
	var rows []struct {
		N         int          `bun:"n"`
		Play      string       `bun:"play"`
		Name      string       `bun:"name"`
		Action    string       `bun:"action"`
		Path      string       `bun:"path"`
		StartedAt time.Time    `bun:"started_at"`
		EndedAt   bun.NullTime `bun:"ended_at"`
		tallyRow
	}
	const q = `SELECT n, play, name, action, path, started_at, ended_at, ok, changed, failed, unreachable, skipped, ignored FROM run_task WHERE run = ? ORDER BY n`
	if err := o.o.DB.Read().NewRaw(q, run).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("read the tasks of a run: %w", err)
	}
	out := make([]Task, len(rows))
	for i, r := range rows {
		out[i] = Task{N: r.N, Play: r.Play, Name: r.Name, Action: r.Action, Path: r.Path, StartedAt: r.StartedAt.UTC(), EndedAt: utc(r.EndedAt), Tally: r.tally()}
	}
	return out, nil
}

// Hosts returns the hosts of a run: those in trouble first, then those that
// changed, then the rest by name.
func (o *Office) Hosts(ctx context.Context, run string) ([]Host, error) {
	hosts, err := hostsOf(ctx, o.o.DB.Read(), run)
	if err != nil {
		return nil, err
	}
	rank := func(h Host) int {
		switch {
		case h.State == HostFailed, h.State == HostUnreachable, h.State == HostCut:
			return 0
		case h.State == HostWorking:
			return 1
		case h.Changed > 0:
			return 2
		}
		return 3
	}
	slices.SortStableFunc(hosts, func(a, b Host) int {
		if d := rank(a) - rank(b); d != 0 {
			return d
		}
		return strings.Compare(a.Name, b.Name)
	})
	return hosts, nil
}

func hostsOf(ctx context.Context, q db.Queryer, run string) ([]Host, error) {
	var rows []struct {
		Host      string    `bun:"host"`
		State     string    `bun:"state"`
		Task      int       `bun:"task"`
		UpdatedAt time.Time `bun:"updated_at"`
		tallyRow
	}
	const text = `SELECT host, state, task, updated_at, ok, changed, failed, unreachable, skipped, ignored FROM run_host WHERE run = ? ORDER BY host`
	if err := q.NewRaw(text, run).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("read the hosts of a run: %w", err)
	}
	out := make([]Host, len(rows))
	for i, r := range rows {
		out[i] = Host{Name: r.Host, State: HostState(r.State), Task: r.Task, UpdatedAt: r.UpdatedAt.UTC(), Tally: r.tally()}
	}
	return out, nil
}

// ResultFilter says which results to list; what is empty does not filter.
type ResultFilter struct {
	Host    string
	Task    int
	Status  Status
	Trouble bool   // only what failed or could not be reached
	Changed bool   // only those that changed something
	Text    string // that the message, the diff or the task's name holds
	After   Result // the last of the page before
	Limit   int    // 200 if zero, at most 1000
}

// Results returns results of a run by task and host.
func (o *Office) Results(ctx context.Context, run string, f ResultFilter) ([]Result, bool, error) {
	and, args := []string{"run = ?"}, []any{run}
	add := func(cond string, a ...any) {
		and = append(and, cond)
		args = append(args, a...)
	}
	if f.Host != "" {
		add("host = ?", f.Host)
	}
	if f.Task > 0 {
		add("task = ?", f.Task)
	}
	if f.Status != "" {
		add("status = ?", string(f.Status))
	}
	if f.Changed {
		add("changed = ?", true)
	}
	if f.Trouble {
		add("status IN (?, ?)", string(TaskFailed), string(Unreachable))
	}
	if f.Text != "" {
		like := "%" + likeEscaper.Replace(strings.ToLower(f.Text)) + "%"
		add(`(LOWER(message) LIKE ? ESCAPE '\' OR LOWER(diff) LIKE ? ESCAPE '\' OR task IN (SELECT n FROM run_task WHERE run = ? AND LOWER(name) LIKE ? ESCAPE '\'))`,
			like, like, run, like)
	}
	if f.After.Task > 0 {
		add("(task > ? OR task = ? AND host > ?)", f.After.Task, f.After.Task, f.After.Host)
	}
	n := f.Limit
	if n <= 0 {
		n = 200
	}
	n = min(n, 1000)
	var rows []struct {
		Task    int       `bun:"task"`
		Host    string    `bun:"host"`
		Status  string    `bun:"status"`
		Changed bool      `bun:"changed"`
		MS      int64     `bun:"ms"`
		Message string    `bun:"message"`
		Diff    string    `bun:"diff"`
		At      time.Time `bun:"at"`
	}
	q := `SELECT task, host, status, changed, ms, message, diff, at FROM run_result WHERE ` + strings.Join(and, " AND ") + ` ORDER BY task, host LIMIT ?`
	if err := o.o.DB.Read().NewRaw(q, append(args, n+1)...).Scan(ctx, &rows); err != nil {
		return nil, false, fmt.Errorf("read the results of a run: %w", err)
	}
	more := len(rows) > n
	if more {
		rows = rows[:n]
	}
	out := make([]Result, len(rows))
	for i, r := range rows {
		out[i] = Result{
			Task: r.Task, Host: r.Host, Status: Status(r.Status), Changed: r.Changed, Took: time.Duration(r.MS) * time.Millisecond,
			Message: r.Message, Diff: r.Diff, At: r.At.UTC(),
		}
	}
	return out, more, nil
}

// Log returns the human log of a run from a chunk on, and the number of the
// chunk to go on with.
func (o *Office) Log(ctx context.Context, run string, from int64, chunks int) (string, int64, error) {
	var rows []struct {
		Seq  int64  `bun:"seq"`
		Text string `bun:"text"`
	}
	const q = `SELECT seq, text FROM run_log WHERE run = ? AND seq >= ? ORDER BY seq LIMIT ?`
	if err := o.o.DB.Read().NewRaw(q, run, from, chunks).Scan(ctx, &rows); err != nil {
		return "", 0, fmt.Errorf("read the log of a run: %w", err)
	}
	var b strings.Builder
	for _, r := range rows {
		b.WriteString(r.Text)
		from = r.Seq + 1
	}
	return b.String(), from, nil
}

// LogTail returns about the last n bytes of a run's log.
func (o *Office) LogTail(ctx context.Context, run string, n int) (string, error) {
	var rows []struct {
		Text string `bun:"text"`
	}
	const q = `SELECT text FROM run_log WHERE run = ? ORDER BY seq DESC LIMIT 50`
	if err := o.o.DB.Read().NewRaw(q, run).Scan(ctx, &rows); err != nil {
		return "", fmt.Errorf("read the log of a run: %w", err)
	}
	out := ""
	for _, r := range rows {
		if out = r.Text + out; len(out) >= n {
			break
		}
	}
	if len(out) > n {
		out = out[len(out)-n:]
		if i := strings.IndexByte(out, '\n'); i >= 0 {
			out = out[i+1:]
		}
	}
	return out, nil
}
