package drift_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/db/dbtest"
	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/operate/drift"
	"github.com/vigie-ops/vigie/internal/operate/playbook"
	"github.com/vigie-ops/vigie/internal/operate/run"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/signal"
)

const company = `vigie: 1
company: {name: Halyard, domain: halyard.example, timezone: Europe/Paris}
servers:
  - {slug: app-01, address: 192.0.2.1}
  - {slug: app-02, address: 192.0.2.2}
  - {slug: db-01, address: 192.0.2.3}
`

const catalogue = `playbooks:
  - {slug: site, file: site.yml, drift: true}
  - {slug: users, file: site.yml, drift: true, variables: [{name: level, type: integer, default: 3}]}
  - {slug: restart, file: site.yml}
`

func generation(t *testing.T, commit string, files map[string]string) *opsrepo.Generation {
	t.Helper()
	m := fstest.MapFS{"vigie.yaml": {Data: []byte(company)}, "playbooks/vigie.yaml": {Data: []byte(catalogue)}, "playbooks/site.yml": {Data: []byte("[]")}}
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	g, problems := opsrepo.Load(m, slices.Concat(fleet.Sections(), playbook.Sections(), drift.Sections()))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	g.Commit = commit
	return g
}

// house is a watch over an office that a test makes up.
type house struct {
	*drift.Watch
	t       *testing.T
	mu      sync.Mutex
	now     time.Time
	gen     *opsrepo.Generation
	refuse  error
	asked   []string
	keys    map[string]run.Run
	ended   []run.Run
	tasks   map[string][]run.Task
	hosts   map[string][]run.Host
	results map[string][]run.Result
	sent    map[string]signal.Signal
	reports int
	deaf    error
	acts    []string
	o       drift.Options
}

func (h *house) Ask(ctx context.Context, q run.Request) (run.Run, error) {
	actor, _ := people.From(ctx)
	if h.refuse != nil {
		return run.Run{}, h.refuse
	}
	if r, ok := h.keys[q.Key]; ok {
		return r, nil
	}
	h.asked = append(h.asked, fmt.Sprintf("%s by %s as %s", q.Key, actor.Slug, actor.Role))
	if !q.Check || q.Origin != drift.Origin || q.Commit != "accepted" || q.Limit != "all" {
		h.t.Errorf("asked for %+v", q)
	}
	r := run.Run{ID: fmt.Sprint("asked-", len(h.asked)), Playbook: q.Playbook}
	h.keys[q.Key] = r
	return r, nil
}

func (h *house) Accepted(context.Context) (opsrepo.Commit, error) {
	return opsrepo.Commit{Hash: "accepted"}, h.refuse
}

func (h *house) Catalogue(_ context.Context, commit string) ([]playbook.Playbook, *fleet.Snapshot, error) {
	if commit == "rewritten" {
		return nil, nil, opsrepo.ErrNoCommit
	}
	return playbook.Catalogue.Of(h.gen), fleet.NewSnapshot(h.gen), nil
}

func (h *house) EndedAfter(_ context.Context, seq int64, n int) ([]run.Run, error) {
	return h.ended[min(int(seq), len(h.ended)):min(int(seq)+n, len(h.ended))], nil
}

func (h *house) Tasks(_ context.Context, id string) ([]run.Task, error) { return h.tasks[id], nil }
func (h *house) Hosts(_ context.Context, id string) ([]run.Host, error) { return h.hosts[id], nil }

func (h *house) Results(_ context.Context, id string, f run.ResultFilter) ([]run.Result, bool, error) {
	var out []run.Result
	for _, r := range h.results[id] {
		if r.Changed && (r.Task > f.After.Task || r.Task == f.After.Task && r.Host > f.After.Host) {
			out = append(out, r)
		}
	}
	more := len(out) > f.Limit
	return out[:min(len(out), f.Limit)], more, nil
}

func (h *house) Report(_ context.Context, all ...signal.Signal) error {
	if h.deaf != nil {
		return h.deaf
	}
	h.mu.Lock() // two hubs may report at a time
	defer h.mu.Unlock()
	for _, s := range all {
		h.reports++
		h.sent[s.Name()+" "+s.Labels["server"]+s.Labels["playbook"]] = s
	}
	return nil
}

func (h *house) Record(ctx context.Context, _ *db.Tx, verb, object, reason string, _ map[string]any) error {
	actor, _ := people.From(ctx)
	h.acts = append(h.acts, strings.Join([]string{actor.Slug, verb, object, reason}, " "))
	return nil
}

func open(t *testing.T, d *db.DB) *house {
	t.Helper()
	h := &house{
		t: t, now: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC), gen: generation(t, "one", nil), keys: map[string]run.Run{}, tasks: map[string][]run.Task{},
		hosts: map[string][]run.Host{}, results: map[string][]run.Result{}, sent: map[string]signal.Signal{},
	}
	h.o = drift.Options{
		DB: d, Now: func() time.Time { return h.now }, Office: h, Sink: h, Audit: h,
		Current: func() *opsrepo.Generation { return h.gen },
	}
	h.restart()
	return h
}

// restart forgets all that is not in the state.
func (h *house) restart() { h.Watch = drift.New(h.o) }

func (h *house) tick() {
	h.t.Helper()
	if err := drift.Tick(h.t.Context(), h.Watch); err != nil {
		h.t.Fatal(err)
	}
}

// end ends a run with what it would change, as "SERVER TASK DIFF".
func (h *house) end(r run.Run, hosts string, changes ...string) run.Run {
	h.t.Helper()
	r.Seq = int64(len(h.ended) + 1)
	r.Number = r.Seq
	r.ID, r.EndedAt = fmt.Sprint("run-", r.Seq), h.now
	if r.Kind == "" {
		r.Kind = run.Check
	}
	if r.State == "" {
		r.State = run.Succeeded
	}
	if r.Playbook == "" {
		r.Playbook = "site"
	}
	for word := range strings.FieldsSeq(hosts) {
		name, state, _ := strings.Cut(word, "=")
		if state == "" {
			state = string(run.HostDone)
		}
		r.Servers = append(r.Servers, name)
		h.hosts[r.ID] = append(h.hosts[r.ID], run.Host{Name: name, State: run.HostState(state)})
	}
	for _, c := range changes {
		parts := strings.SplitN(c, " ", 3)
		tasks := h.tasks[r.ID]
		n := slices.IndexFunc(tasks, func(t run.Task) bool { return t.Name == parts[1] }) + 1
		if n == 0 {
			tasks = append(tasks, run.Task{Name: parts[1], Action: "copy", Path: "/run/vigie-run/content/playbooks/site.yml:7"})
			h.tasks[r.ID], n = tasks, len(tasks)
		}
		h.results[r.ID] = append(h.results[r.ID], run.Result{Task: n, Host: parts[0], Status: run.OK, Changed: true, Diff: parts[2]})
	}
	slices.SortStableFunc(h.results[r.ID], func(a, b run.Result) int { return a.Task - b.Task })
	h.ended = append(h.ended, r)
	return r
}

// shown are the findings of a state, in few words.
func (h *house) shown(s drift.State) []string {
	h.t.Helper()
	page, err := h.List(h.t.Context(), drift.Filter{State: s})
	if err != nil {
		h.t.Fatal(err)
	}
	out := []string{}
	for _, f := range page.Items {
		out = append(out, fmt.Sprintf("%s %s %s since %d", f.Server, f.Task, f.Diff, f.FirstSeen.Day()))
	}
	return out
}

func (h *house) wants(s drift.State, want ...string) {
	h.t.Helper()
	if want == nil {
		want = []string{}
	}
	if diff := cmp.Diff(want, h.shown(s)); diff != "" {
		h.t.Errorf("%s findings (-want +got)\n%s", s, diff)
	}
}

func (h *house) alert(name, want string) {
	h.t.Helper()
	s, ok := h.sent[name]
	got := string(s.State)
	if ok && s.State == signal.Firing {
		got = s.Annotations[signal.Value]
	}
	if got != want {
		h.t.Errorf("the alert %s is %q, want %q", name, got, want)
	}
}

func as(t *testing.T, slug string) context.Context {
	return people.With(t.Context(), people.Actor{Slug: slug, Role: people.Operator, Via: people.ViaSession})
}

func each(t *testing.T, f func(t *testing.T, h *house)) {
	t.Helper()
	dbtest.Each(t, []db.Schema{drift.Tables}, func(t *testing.T, d *db.DB) { f(t, open(t, d)) })
}

func TestFindingsAreWhatTheLastCheckSays(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.end(run.Run{}, "app-01 app-02 db-01=unreachable", "app-01 Sshd +a", "app-01 Motd +b", "app-02 Sshd +c", "db-01 Sshd +half")
		h.tick()
		h.wants(drift.Open, "app-01 Sshd +a since 25", "app-01 Motd +b since 25", "app-02 Sshd +c since 25")
		h.now = h.now.AddDate(0, 0, 1)
		h.end(run.Run{}, "app-01 app-02=failed db-01", "app-01 Sshd +a2", "db-01 Cron +d")
		h.tick()
		h.wants(drift.Open, "app-01 Sshd +a2 since 25", "app-02 Sshd +c since 25", "db-01 Cron +d since 26")
		h.wants(drift.Gone, "app-01 Motd +b since 25")
		// What comes back begins anew.
		h.now = h.now.AddDate(0, 0, 1)
		h.end(run.Run{}, "app-01", "app-01 Motd +b")
		h.tick()
		h.wants(drift.Open, "app-01 Motd +b since 27", "app-02 Sshd +c since 25", "db-01 Cron +d since 26")
		h.wants(drift.Gone, "app-01 Sshd +a2 since 25", "app-01 Motd +b since 25")
		n, err := h.Numbers(t.Context())
		if err != nil || n.Open != 3 || n.Servers != 3 || n.Checked != 3 || n.Gone != 2 || n.Oldest.Day() != 25 || n.LookedAt.Day() != 27 {
			t.Errorf("numbers = %+v, %v", n, err)
		}
	})
}

func TestARealRunClearsWhatItsPlaybookFoundThere(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.end(run.Run{}, "app-01 app-02", "app-01 Sshd +a", "app-02 Sshd +a")
		h.end(run.Run{Playbook: "users", Variables: map[string]any{"level": 3.0}}, "app-01", "app-01 User +u")
		h.end(run.Run{Kind: run.Real, Tags: []string{"ssh"}}, "app-02")
		h.end(run.Run{Kind: run.Real}, "app-01")
		h.tick()
		h.wants(drift.Open, "app-01 User +u since 25", "app-02 Sshd +a since 25")
		page, err := h.List(t.Context(), drift.Filter{State: drift.Gone})
		if err != nil || len(page.Items) != 1 || page.Items[0].GoneWhy != drift.Mended || page.Items[0].GoneRun != "run-4" {
			t.Errorf("gone are %+v, %v", page.Items, err)
		}
	})
}

func TestChecksThatShowSomethingElseCountForNothing(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.end(run.Run{Tags: []string{"ssh"}}, "app-01", "app-01 Sshd +a")
		h.end(run.Run{Playbook: "restart"}, "app-01", "app-01 Sshd +a")
		h.end(run.Run{Playbook: "users", Variables: map[string]any{"level": 9.0}}, "app-01", "app-01 Sshd +a")
		h.end(run.Run{Commit: "rewritten"}, "app-01", "app-01 Sshd +a")
		h.end(run.Run{BreakGlass: "now"}, "app-01", "app-01 Sshd +a")
		h.tick()
		h.wants(drift.Open)
		h.end(run.Run{}, "app-01", "app-01 Sshd +a")
		h.tick()
		h.wants(drift.Open, "app-01 Sshd +a since 25")
	})
}

func TestARestartMissesNothingAndCountsNothingTwice(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for i := range 45 {
			h.now = h.now.Add(time.Minute)
			h.end(run.Run{}, "app-01", fmt.Sprintf("app-01 T%d +x", i))
		}
		h.tick()
		h.restart()
		h.wants(drift.Open, "app-01 T44 +x since 25")
		h.now = h.now.AddDate(0, 0, 1)
		h.end(run.Run{}, "app-01", "app-01 T44 +y")
		h.tick()
		h.restart()
		h.tick()
		h.wants(drift.Open, "app-01 T44 +y since 25")
		n, err := h.Numbers(t.Context())
		if err != nil || n.Gone != 44 {
			t.Errorf("%d are gone, %v; want 44", n.Gone, err)
		}
	})
}

func TestTwoHubsWorkEachRunInOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		other := drift.New(h.o)
		for i := range 30 {
			h.end(run.Run{}, "app-01 app-02", fmt.Sprintf("app-01 T%d +x", i), "app-02 Same +x")
		}
		h.tick() // makes the cursor
		for i := range 30 {
			h.end(run.Run{}, "app-01 app-02", fmt.Sprintf("app-01 U%d +x", i), "app-02 Same +x")
		}
		var both sync.WaitGroup
		for _, w := range []*drift.Watch{h.Watch, other} {
			both.Go(func() {
				for range 3 {
					if err := drift.Tick(t.Context(), w); err != nil {
						t.Error(err)
					}
				}
			})
		}
		both.Wait()
		h.tick()
		h.wants(drift.Open, "app-01 U29 +x since 25", "app-02 Same +x since 25")
		if n, err := h.Numbers(t.Context()); err != nil || n.Gone != 59 {
			t.Errorf("%d are gone, %v; want 59", n.Gone, err)
		}
	})
}

func TestEveryNightEachPlaybookIsAskedForOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.tick()
		if h.asked != nil {
			t.Fatalf("at noon it asks for %v", h.asked)
		}
		h.now = time.Date(2026, 11, 26, 2, 0, 10, 0, time.UTC) // 03:00 in Paris
		h.tick()
		h.now = h.now.Add(10 * time.Minute)
		h.restart()
		h.tick()
		h.now = h.now.AddDate(0, 0, 1)
		h.tick()
		h.now = h.now.AddDate(0, 0, 1).Add(7 * time.Hour)
		h.restart()
		h.tick() // missed
		want := []string{
			"drift/site/2026-11-26 by drift as operator", "drift/users/2026-11-26 by drift as operator",
			"drift/site/2026-11-27 by drift as operator", "drift/users/2026-11-27 by drift as operator",
		}
		if diff := cmp.Diff(want, h.asked); diff != "" {
			t.Errorf("asked for (-want +got)\n%s", diff)
		}
	})
}

func TestALookThatIsRefusedIsAnAlertAndIsAskedForAgain(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.tick()
		h.refuse = &run.RefusedError{Reason: "nobody accepted a commit yet"}
		h.now = time.Date(2026, 11, 26, 2, 0, 10, 0, time.UTC)
		h.tick()
		h.alert("DriftUnknown site", "nobody accepted a commit yet")
		h.alert("DriftUnknown users", "nobody accepted a commit yet")
		if s := h.sent["DriftUnknown site"]; s.Severity() != signal.Warning || !s.StartsAt.Equal(h.now) {
			t.Errorf("the alert is %+v", s)
		}
		h.refuse = nil
		h.now = h.now.Add(time.Minute)
		h.tick()
		if h.asked != nil {
			t.Errorf("a minute later it asks again: %v", h.asked)
		}
		h.now = h.now.Add(5 * time.Minute)
		h.tick()
		if len(h.asked) != 2 {
			t.Errorf("it asks for %v", h.asked)
		}
		h.alert("DriftUnknown site", "resolved")
		h.end(run.Run{Origin: drift.Origin, State: run.Failed, Cause: "db-01, Facts: no python"}, "app-01 db-01=failed")
		h.tick()
		h.alert("DriftUnknown site", "1 of 2 servers")
		h.now = h.now.AddDate(0, 0, 1)
		h.end(run.Run{Origin: drift.Origin}, "app-01 db-01")
		h.tick()
		h.alert("DriftUnknown site", "resolved")
	})
}

func TestAPolicyMovesTheNightOrEndsIt(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.tick()
		h.gen = generation(t, "two", map[string]string{"drift.yaml": "drift_policy: {at: 05:30}\n"})
		h.now = time.Date(2026, 11, 26, 4, 0, 0, 0, time.UTC)
		h.tick()
		if h.asked != nil {
			t.Errorf("at 05:00 in Paris it asks for %v", h.asked)
		}
		if s := h.Schedule(); s.At != "05:30" || s.Next.Hour() != 4 || len(s.Playbooks) != 2 {
			t.Errorf("schedule = %+v", s)
		}
		h.gen = generation(t, "three", map[string]string{"drift.yaml": "drift_policy: {off: true}\n"})
		h.now = h.now.Add(time.Hour)
		h.tick()
		if h.asked != nil {
			t.Errorf("switched off it asks for %v", h.asked)
		}
		if s := h.Schedule(); !s.Off || !s.Next.IsZero() {
			t.Errorf("schedule = %+v", s)
		}
		h.gen = generation(t, "four", nil)
		h.tick()
		if len(h.asked) != 2 {
			t.Errorf("switched on it asks for %v", h.asked)
		}
	})
}

func TestLookNowAsksAsWhoAsks(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for range 2 {
			asked, err := h.LookNow(as(t, "ben"))
			if err != nil || len(asked) != 2 || asked[0].Run.ID == "" {
				t.Fatalf("asked %+v, %v", asked, err)
			}
		}
		want := []string{"drift/site/2026-11-25T12:00Z by ben as operator", "drift/users/2026-11-25T12:00Z by ben as operator"}
		if diff := cmp.Diff(want, h.asked); diff != "" {
			t.Errorf("asked for (-want +got)\n%s", diff)
		}
		h.gen = generation(t, "two", map[string]string{"playbooks/vigie.yaml": "playbooks: [{slug: site, file: site.yml}]\n"})
		if _, err := h.LookNow(as(t, "ben")); !errors.Is(err, drift.ErrNothing) {
			t.Errorf("without playbooks it is %v", err)
		}
	})
}

func TestAnAlertSaysWhatDriftsUntilNothingDoes(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.end(run.Run{}, "app-01 app-02", "app-01 Sshd +a", "app-01 Motd +b")
		h.tick()
		h.alert("Drift app-01", "2 findings")
		h.alert("Drift app-02", "")
		s := h.sent["Drift app-01"]
		if s.Severity() != signal.Info || s.Subject.String() != "server:app-01" || s.Annotations[signal.Link] != "/drift?server=app-01" ||
			!strings.Contains(s.Annotations[signal.Description], `"Sshd" of the playbook site`) {
			t.Errorf("the alert is %+v", s)
		}
		before := h.reports
		h.now = h.now.Add(2 * time.Minute)
		h.restart()
		h.tick()
		if h.reports != before {
			t.Errorf("nothing changed, and %d signals are reported", h.reports-before)
		}
		h.now = h.now.AddDate(0, 0, 3)
		h.tick()
		if got := h.sent["Drift app-01"].Annotations[signal.Summary]; got != "app-01 differs from what its playbooks say: 2 findings, the oldest for 3 days" {
			t.Errorf("days later it says %q", got)
		}
		// What the board did not take is told again.
		h.deaf = errors.New("the board is away")
		h.end(run.Run{}, "app-01")
		if err := drift.Tick(t.Context(), h.Watch); err == nil {
			t.Error("a board that is away is no error")
		}
		h.restart()
		h.deaf = nil
		h.tick()
		h.alert("Drift app-01", "resolved")
	})
}

func TestWhatIsIgnoredDoesNotCount(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.end(run.Run{}, "app-01 app-02", "app-01 Sshd +a", "app-02 Sshd +a")
		h.tick()
		page, err := h.List(t.Context(), drift.Filter{Server: "app-01"})
		if err != nil || len(page.Items) != 1 {
			t.Fatalf("%+v, %v", page, err)
		}
		id := page.Items[0].ID
		invalid := new(drift.InvalidError)
		if _, err := h.Ignore(as(t, "ben"), id, "  ", false, time.Time{}); !errors.As(err, &invalid) {
			t.Errorf("without a reason it is %v", err)
		}
		if _, err := h.Ignore(as(t, "ben"), id, "why", false, h.now); !errors.As(err, &invalid) {
			t.Errorf("until now it is %v", err)
		}
		if _, err := h.Ignore(as(t, "ben"), "nothing", "why", false, time.Time{}); !errors.Is(err, drift.ErrNotFound) {
			t.Errorf("of nothing it is %v", err)
		}
		ig, err := h.Ignore(as(t, "ben"), id, "the vendor does it", false, h.now.AddDate(0, 0, 2))
		if err != nil {
			t.Fatal(err)
		}
		h.tick()
		h.wants(drift.Open, "app-02 Sshd +a since 25")
		h.wants(drift.Ignored, "app-01 Sshd +a since 25")
		h.alert("Drift app-01", "resolved")
		// It stays ignored, whatever the task would change.
		h.end(run.Run{}, "app-01", "app-01 Sshd +quite-another")
		h.tick()
		h.wants(drift.Ignored, "app-01 Sshd +quite-another since 25")
		h.now = h.now.AddDate(0, 0, 2)
		h.tick()
		h.wants(drift.Ignored)
		h.alert("Drift app-01", "1 finding")

		everywhere, err := h.Ignore(as(t, "cal"), id, "on purpose", true, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		h.end(run.Run{}, "db-01", "db-01 Sshd +a", "db-01 Cron +a")
		h.tick()
		h.wants(drift.Open, "db-01 Cron +a since 27")
		if n, err := h.Numbers(t.Context()); err != nil || n.Open != 1 || n.Ignored != 3 || n.Servers != 1 {
			t.Errorf("numbers = %+v, %v", n, err)
		}
		page, err = h.List(t.Context(), drift.Filter{State: drift.Ignored})
		if err != nil || page.Items[0].Ignore == nil || page.Items[0].Ignore.Reason != "on purpose" || page.Items[0].Ignore.Who != "cal" {
			t.Errorf("ignored is %+v, %v", page.Items, err)
		}
		for range 2 {
			if err := h.TakeBack(as(t, "ben"), everywhere.ID); err != nil {
				t.Fatal(err)
			}
		}
		h.wants(drift.Ignored)
		want := []string{
			"ben drift.ignore server:app-01 the vendor does it", "cal drift.ignore playbook:site on purpose", "ben drift.unignore playbook:site ",
		}
		if diff := cmp.Diff(want, h.acts); diff != "" {
			t.Errorf("the audit trail (-want +got)\n%s", diff)
		}
		if err := h.TakeBack(as(t, "ben"), ig.ID+"x"); !errors.Is(err, drift.ErrNotFound) {
			t.Errorf("taking back nothing is %v", err)
		}
	})
}

func TestWhatLeavesTheLookIsGone(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.end(run.Run{Origin: drift.Origin, State: run.TimedOut}, "app-01=cut")
		h.end(run.Run{}, "app-01 db-01", "app-01 Sshd +a", "db-01 Sshd +a")
		h.end(run.Run{Playbook: "users", Variables: map[string]any{"level": 3.0}}, "db-01", "db-01 User +u")
		h.tick()
		h.alert("DriftUnknown site", "0 of 1 server")
		h.gen = generation(t, "two", map[string]string{
			"vigie.yaml":           strings.Replace(company, "  - {slug: app-01, address: 192.0.2.1}\n", "", 1),
			"playbooks/vigie.yaml": strings.Replace(catalogue, "{slug: site, file: site.yml, drift: true}", "{slug: site, file: site.yml}", 1),
		})
		h.tick()
		h.wants(drift.Open, "db-01 User +u since 25")
		h.wants(drift.Gone, "app-01 Sshd +a since 25", "db-01 Sshd +a since 25")
		h.alert("Drift app-01", "resolved")
		h.alert("Drift db-01", "1 finding")
		h.alert("DriftUnknown site", "resolved")
		if n, err := h.Numbers(t.Context()); err != nil || n.Checked != 1 {
			t.Errorf("%d servers were looked at, %v", n.Checked, err)
		}
	})
}

func TestHistoryIsForgottenAfterAWhile(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.end(run.Run{}, "app-01", "app-01 Sshd +a", "app-01 Motd +a")
		h.end(run.Run{}, "app-01", "app-01 Sshd +a")
		h.tick()
		h.now = h.now.AddDate(0, 0, 89)
		h.tick()
		h.wants(drift.Gone, "app-01 Motd +a since 25")
		h.now = h.now.AddDate(0, 0, 2)
		h.tick()
		h.wants(drift.Gone)
		h.wants(drift.Open, "app-01 Sshd +a since 25")
	})
}

func TestPagesFollowEachOther(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		var hosts, changes []string
		var servers strings.Builder
		servers.WriteString("servers:\n")
		for i := range 130 {
			s := fmt.Sprintf("app-%03d", i)
			hosts = append(hosts, s)
			fmt.Fprintf(&servers, "  - {slug: %s, address: 198.51.100.%d}\n", s, i)
			changes = append(changes, s+" Sshd +a", s+" Motd <b>&</b>")
		}
		h.gen = generation(t, "many", map[string]string{"vigie.yaml": strings.Replace(company, "servers:\n", servers.String(), 1)})
		h.end(run.Run{}, strings.Join(hosts, " "), changes...)
		h.tick()
		seen, after := map[string]bool{}, ""
		for {
			page, err := h.List(t.Context(), drift.Filter{State: drift.Open, After: after, Limit: 37})
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range page.Items {
				if seen[f.ID] {
					t.Fatalf("%s comes twice", f.ID)
				}
				seen[f.ID] = true
			}
			if after = page.Next; after == "" {
				break
			}
		}
		if len(seen) != 260 {
			t.Errorf("the pages hold %d findings, want 260", len(seen))
		}
		top, err := h.Servers(t.Context(), 5)
		if err != nil || len(top) != 5 || top[0].Open != 2 || top[0].First.Task != "Sshd" {
			t.Errorf("the first servers are %+v, %v", top, err)
		}
	})
}
