package run

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
)

// recorder turns events into rows: it keeps the tallies of a run in memory and
// gives what changed since the last time to be written. It is not safe for use
// by several goroutines.
type recorder struct {
	run   string
	now   func() time.Time
	play  string
	tasks []*Task
	byID  map[string]*Task // of the last time a task began
	hosts map[string]*Host

	ansible  string
	nothing  bool // no host matched
	newTasks map[int]bool
	newHosts map[string]bool
	results  []Result
	log      strings.Builder
	logSeq   int64
	logged   int // bytes of the log so far
	// open are the hosts inside a task, with its number.
	open map[string]int
	// firstFailure is what a signal says of the run.
	firstFailure Result
	badEvents    int
	// keyChanged is the host whose host key is not the one that is known.
	keyChanged string
}

func newRecorder(r Run, now func() time.Time) *recorder {
	rec := &recorder{
		run: r.ID, now: now, byID: map[string]*Task{}, hosts: map[string]*Host{}, newTasks: map[int]bool{}, newHosts: map[string]bool{}, open: map[string]int{},
	}
	for _, s := range r.Servers {
		rec.hosts[s] = &Host{Name: s, State: HostPending, UpdatedAt: now()}
		rec.newHosts[s] = true
	}
	return rec
}

// take works one event in.
func (rec *recorder) take(e Event) {
	at := e.when(rec.now())
	switch e.Event {
	case eventStart:
		rec.ansible = e.Ansible
	case eventPlay:
		rec.play = e.Name
	case eventTask:
		if n := len(rec.tasks); n > 0 && rec.tasks[n-1].EndedAt.IsZero() {
			rec.tasks[n-1].EndedAt = at
			rec.newTasks[n] = true
		}
		t := &Task{N: len(rec.tasks) + 1, Play: rec.play, Name: e.Name, Action: e.Action, Path: e.Path, StartedAt: at}
		rec.tasks = append(rec.tasks, t)
		rec.byID[e.ID] = t
		rec.newTasks[t.N] = true
	case eventBegan:
		if t := rec.byID[e.ID]; t != nil && e.Host != "" {
			h := rec.host(e.Host, at)
			h.State, h.Task = HostWorking, t.N
			rec.open[e.Host] = t.N
		}
	case eventResult:
		rec.result(e, at)
	case eventNoHosts:
		rec.nothing = true
	case eventStats:
		rec.end(at)
	}
}

func (rec *recorder) host(name string, at time.Time) *Host {
	h := rec.hosts[name]
	if h == nil {
		h = &Host{Name: name}
		rec.hosts[name] = h
	}
	h.UpdatedAt = at
	rec.newHosts[name] = true
	return h
}

func (rec *recorder) result(e Event, at time.Time) {
	t := rec.byID[e.ID]
	if t == nil { // a task that was not announced, as of a plugin of its own
		t = &Task{N: len(rec.tasks) + 1, Play: rec.play, Name: "unnamed", StartedAt: at}
		rec.tasks = append(rec.tasks, t)
		rec.byID[e.ID] = t
	}
	h := rec.host(e.Host, at)
	h.Task = t.N
	delete(rec.open, e.Host)
	switch e.Status {
	case TaskFailed:
		h.State = HostFailed
	case Unreachable:
		h.State = HostUnreachable
	default:
		h.State = HostDone
	}
	h.add(e.Status, e.Changed)
	t.add(e.Status, e.Changed)
	rec.newTasks[t.N] = true
	r := Result{
		Task: t.N, Host: e.Host, Status: e.Status, Changed: e.Changed && e.Status == OK, Took: time.Duration(e.Took * float64(time.Second)),
		Message: e.Message, Diff: e.Diff, At: at,
	}
	rec.results = append(rec.results, r)
	if (e.Status == TaskFailed || e.Status == Unreachable) && rec.firstFailure.Host == "" {
		rec.firstFailure = r
	}
	if e.Status == Unreachable && rec.keyChanged == "" &&
		(strings.Contains(e.Message, "HOST IDENTIFICATION HAS CHANGED") || strings.Contains(e.Message, "Host key verification failed")) {
		rec.keyChanged = e.Host
	}
}

// end closes what is still open in an orderly end: what a playbook did not do
// on a host it did not mean to.
func (rec *recorder) end(at time.Time) {
	if n := len(rec.tasks); n > 0 && rec.tasks[n-1].EndedAt.IsZero() {
		rec.tasks[n-1].EndedAt = at
		rec.newTasks[n] = true
	}
	for name, h := range rec.hosts {
		if h.State == HostPending {
			h.State = HostUntouched
			rec.newHosts[name] = true
		}
	}
}

// cut closes what is still open after a run that did not end by itself: each
// host says whether it was inside a task.
func (rec *recorder) cut(at time.Time) {
	rec.end(at)
	for name := range rec.open {
		h := rec.host(name, at)
		h.State = HostCut
	}
	clear(rec.open)
}

// tally counts over all hosts.
func (rec *recorder) tally() Tally {
	var t Tally
	for _, h := range rec.hosts {
		t.OK += h.OK
		t.Changed += h.Changed
		t.Failed += h.Failed
		t.Unreachable += h.Unreachable
		t.Skipped += h.Skipped
		t.Ignored += h.Ignored
	}
	return t
}

// pending reports whether there is something to write.
func (rec *recorder) pending() bool {
	return len(rec.newTasks)+len(rec.newHosts)+len(rec.results)+rec.log.Len() > 0
}

// write writes what changed since the last time. It forgets it with the commit
// alone, so that what failed is written next time.
func (rec *recorder) write(ctx context.Context, tx *db.Tx) error {
	tasks := make([]any, 0, 14*len(rec.newTasks))
	for _, n := range sortedKeys(rec.newTasks) {
		t := rec.tasks[n-1]
		tasks = append(tasks, rec.run, t.N, t.Play, t.Name, t.Action, t.Path, t.StartedAt, null(t.EndedAt), t.OK, t.Changed, t.Failed, t.Unreachable, t.Skipped, t.Ignored)
	}
	const upTasks = `INSERT INTO run_task (run, n, play, name, action, path, started_at, ended_at, ok, changed, failed, unreachable, skipped, ignored) VALUES %s
		ON CONFLICT (run, n) DO UPDATE SET ended_at = excluded.ended_at, ok = excluded.ok, changed = excluded.changed, failed = excluded.failed,
			unreachable = excluded.unreachable, skipped = excluded.skipped, ignored = excluded.ignored`
	if err := bulk(ctx, tx, upTasks, 14, tasks); err != nil {
		return fmt.Errorf("write tasks: %w", err)
	}
	hosts := make([]any, 0, 11*len(rec.newHosts))
	for _, name := range sortedKeys(rec.newHosts) {
		h := rec.hosts[name]
		hosts = append(hosts, rec.run, h.Name, string(h.State), h.Task, h.OK, h.Changed, h.Failed, h.Unreachable, h.Skipped, h.Ignored, h.UpdatedAt)
	}
	const upHosts = `INSERT INTO run_host (run, host, state, task, ok, changed, failed, unreachable, skipped, ignored, updated_at) VALUES %s
		ON CONFLICT (run, host) DO UPDATE SET state = excluded.state, task = excluded.task, ok = excluded.ok, changed = excluded.changed,
			failed = excluded.failed, unreachable = excluded.unreachable, skipped = excluded.skipped, ignored = excluded.ignored, updated_at = excluded.updated_at`
	if err := bulk(ctx, tx, upHosts, 11, hosts); err != nil {
		return fmt.Errorf("write hosts: %w", err)
	}
	results := make([]any, 0, 9*len(rec.results))
	seen := map[string]bool{}
	for _, r := range slices.Backward(rec.results) { // the last counts where a task ran twice on a host
		key := fmt.Sprint(r.Task, "\x00", r.Host)
		if seen[key] {
			continue
		}
		seen[key] = true
		results = append(results, rec.run, r.Task, r.Host, string(r.Status), r.Changed, r.Took.Milliseconds(), r.Message, r.Diff, r.At)
	}
	const upResults = `INSERT INTO run_result (run, task, host, status, changed, ms, message, diff, at) VALUES %s
		ON CONFLICT (run, task, host) DO UPDATE SET status = excluded.status, changed = excluded.changed, ms = excluded.ms, message = excluded.message,
			diff = excluded.diff, at = excluded.at`
	if err := bulk(ctx, tx, upResults, 9, results); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	if rec.log.Len() > 0 {
		if _, err := tx.NewRaw(`INSERT INTO run_log (run, seq, text) VALUES (?, ?, ?)`, rec.run, rec.logSeq, clean(rec.log.String(), maxLogWrite)).Exec(ctx); err != nil {
			return fmt.Errorf("write the log: %w", err)
		}
	}
	tx.After(func() {
		clear(rec.newTasks)
		clear(rec.newHosts)
		rec.results = rec.results[:0]
		if rec.log.Len() > 0 {
			rec.log.Reset()
			rec.logSeq++
		}
	})
	return nil
}

// maxLogWrite bounds what of the log is written at a time; the sandbox hands
// over less.
const maxLogWrite = 4 << 20

// bulk inserts rows of n values each, some at a time.
func bulk(ctx context.Context, tx *db.Tx, q string, n int, args []any) error {
	one := "(?" + strings.Repeat(", ?", n-1) + ")"
	for some := range slices.Chunk(args, n*chunk) {
		rows := len(some) / n
		values := one + strings.Repeat(", "+one, rows-1)
		if _, err := tx.NewRaw(fmt.Sprintf(q, values), some...).Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

func sortedKeys[K int | string](m map[K]bool) []K {
	out := make([]K, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
