package run_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/db/dbtest"
	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/lib/secret"
	"github.com/vigie-ops/vigie/internal/operate/playbook"
	"github.com/vigie-ops/vigie/internal/operate/run"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/signal"
)

const company = `vigie: 1
company: {name: Halyard, domain: halyard.example, timezone: Europe/Paris}
people:
  - {slug: ada, name: Ada, email: ada@halyard.example, role: admin, lead: true}
  - {slug: ben, name: Ben, email: ben@halyard.example, role: operator}
  - {slug: cal, name: Cal, email: cal@halyard.example, role: operator}
clients:
  - {slug: borealis, name: Borealis, account_manager: ada}
servers:
  - {slug: app-01, address: 127.0.0.1, roles: [app], ssh: {host_keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE"]}}
  - {slug: app-02, address: 127.0.0.2, roles: [app], ssh: {host_keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE"]}}
  - {slug: bare, address: 127.0.0.3, roles: [spare]}
instances:
  - {slug: shop, name: Shop, client: borealis, servers: [app-01, app-02], urls: ["https://shop.borealis.example"]}
`

const catalogue = `playbooks:
  - {slug: hello, file: hello.yml, name: Say hello, variables: [{name: whom, type: text, default: world}]}
  - {slug: fail, file: fail.yml}
  - {slug: wait, file: wait.yml}
  - {slug: short, file: wait.yml, timeout: 10s}
  - {slug: danger, file: hello.yml, role: admin, variables: [{name: whom, type: text, default: world}]}
  - {slug: asked, file: hello.yml, variables: [{name: whom, type: text, default: world}]}
approval_policy:
  - {playbooks: [asked], approvers: [cal], expires: 1h}
`

var books = map[string]string{
	"vigie.yaml":           company,
	"playbooks/vigie.yaml": catalogue,
	"playbooks/hello.yml": `- hosts: all
  connection: local
  gather_facts: false
  tasks:
    - name: Say hello
      ansible.builtin.debug: {msg: "hello {{ whom }} from {{ inventory_hostname }}"}
    - name: Write it down
      ansible.builtin.copy: {content: "hello {{ whom }}\n", dest: "{{ lookup('env', 'HOME') }}/{{ inventory_hostname }}", mode: "0600"}
`,
	"playbooks/fail.yml": `- hosts: all
  connection: local
  gather_facts: false
  tasks:
    - name: Break on one
      ansible.builtin.fail: {msg: "the disk is <b>full</b>"}
      when: inventory_hostname == 'app-02'
    - name: Go on
      ansible.builtin.debug: {msg: on}
`,
	"playbooks/wait.yml": `- hosts: all
  connection: local
  gather_facts: false
  tasks:
    - name: Wait for ever
      ansible.builtin.command: sleep 1000
`,
}

// station is an office with a repository of its own, and what it told.
type station struct {
	*run.Office
	t    testing.TB
	db   *db.DB
	dir  string
	mu   sync.Mutex
	gen  *opsrepo.Generation
	now  func() time.Time
	told []run.Notice
	sent []signal.Signal
	acts []string
	keys map[string][]string
	o    run.Options
}

type staff struct{ d *people.Directory }

func (s staff) Name(person string) string {
	if p, ok := s.d.Person(person); ok {
		return p.Name
	}
	return person
}

func (s staff) Mail(person string) string { p, _ := s.d.Person(person); return p.Email }
func (s staff) In(person string, whom []string) bool {
	return slices.Contains(s.Expand(whom), person)
}

func (s staff) Expand(whom []string) []string {
	var out []string
	for _, w := range whom {
		if _, ok := s.d.Person(w); ok {
			out = append(out, w)
		}
		for _, m := range s.d.Members(w) {
			out = append(out, m.Slug)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (s staff) Leads() []string {
	var out []string
	for _, p := range s.d.Leads() {
		out = append(out, p.Slug)
	}
	return out
}

func (s *station) Notice(_ context.Context, tx *db.Tx, n run.Notice) error {
	tx.After(func() { s.mu.Lock(); defer s.mu.Unlock(); s.told = append(s.told, n) })
	return nil
}

func (s *station) Record(_ context.Context, tx *db.Tx, verb, _, _ string, _ map[string]any) error {
	tx.After(func() { s.mu.Lock(); defer s.mu.Unlock(); s.acts = append(s.acts, verb) })
	return nil
}

func (s *station) Report(_ context.Context, all ...signal.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, all...)
	return nil
}

func (s *station) Key(context.Context, string) ([]byte, error) {
	return make([]byte, ed25519.SeedSize), nil
}

func sections() []opsrepo.Section {
	return slices.Concat(fleet.Sections(), people.Sections(), playbook.Sections())
}

// open makes a station on a database. start lets it work.
func open(t testing.TB, d *db.DB, change map[string]string) *station {
	t.Helper()
	s := &station{t: t, db: d, dir: t.TempDir(), now: time.Now, keys: map[string][]string{}}
	s.git("init", "-q", "-b", "main")
	files := maps.Clone(books)
	maps.Copy(files, change)
	s.commit("ada", files)
	s.o = run.Options{
		DB: d, Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Now: func() time.Time { return s.now() },
		Sandbox: run.Sandbox{User: run.DefaultUser, Dir: filepath.Join(t.TempDir(), "runs")},
		Commits: opsrepo.NewDir(s.dir).Commits(), Sections: sections(), Keys: s, MayRead: func(secret.Ref) error { return nil },
		Current: func() *opsrepo.Generation { s.mu.Lock(); defer s.mu.Unlock(); return s.gen },
		Reported: func(_ context.Context, server string) ([]string, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.keys[server], nil
		},
		People: staff{people.NewDirectory(s.gen)}, Messages: s, Audit: s, Sink: s, Worker: "here", Concurrency: 2,
	}
	s.Office = run.New(s.o)
	return s
}

// start has the office work until stop is called or the test ends.
func (s *station) start() (stop func()) {
	ctx, cancel := context.WithCancel(s.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.Run(ctx); err != nil {
			s.t.Error(err)
		}
	}()
	var once sync.Once
	stop = func() { once.Do(func() { cancel(); <-done }) }
	s.t.Cleanup(stop)
	return stop
}

func (s *station) git(args ...string) string {
	s.t.Helper()
	cmd := exec.Command("git", append([]string{"-C", s.dir, "-c", "commit.gpgsign=false"}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("git %v: %v: %s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit writes files as somebody and has the hub follow the commit.
func (s *station) commit(who string, files map[string]string) string {
	s.t.Helper()
	for name, content := range files {
		name = filepath.Join(s.dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			s.t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			s.t.Fatal(err)
		}
	}
	s.git("add", "-A")
	s.git("-c", "user.name="+who, "-c", "user.email="+who+"@halyard.example", "commit", "-q", "--allow-empty", "-m", "by "+who)
	hash := s.git("rev-parse", "HEAD")
	g, err := opsrepo.NewDir(s.dir).Commits().Load(s.t.Context(), hash, sections())
	if err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	s.gen = g
	s.mu.Unlock()
	return hash
}

func as(t testing.TB, slug string, role people.Role) context.Context {
	return people.With(t.Context(), people.Actor{Slug: slug, Role: role, Via: people.ViaSession})
}

// accept has ben accept the newest commit; the first needs an admin.
func (s *station) accept() {
	s.t.Helper()
	if _, err := s.Accept(as(s.t, "ada", people.Admin), "", "looks right"); err != nil {
		s.t.Fatal(err)
	}
}

// ended waits for the end of a run.
func (s *station) ended(id string) run.Run {
	s.t.Helper()
	return s.until(id, func(r run.Run) bool { return r.State.Over() })
}

func (s *station) until(id string, ok func(run.Run) bool) run.Run {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		r, err := s.Get(ctx, id)
		if err != nil {
			s.t.Fatal(err)
		}
		if ok(r) {
			return r
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			log, _ := s.LogTail(context.WithoutCancel(ctx), r.ID, 4000)
			s.t.Fatalf("run #%d is %s (%s) and nothing comes of it; log:\n%s", r.Number, r.State, r.Cause, log)
		}
	}
}

func (s *station) hosts(id string) map[string]run.Host {
	s.t.Helper()
	all, err := s.Hosts(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	out := map[string]run.Host{}
	for _, h := range all {
		out[h.Name] = h
	}
	return out
}

func (s *station) mustAsk(ctx context.Context, q run.Request) run.Run {
	s.t.Helper()
	if q.Reason == "" {
		q.Reason = "to see it"
	}
	r, err := s.Ask(ctx, q)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

func each(t *testing.T, f func(t *testing.T, d *db.DB)) {
	dbtest.Each(t, []db.Schema{run.Tables}, f)
}

func sqlite(t testing.TB) *db.DB { return dbtest.Open(t, dbtest.SQLite(t), run.Tables) }

func TestARunIsRecordedTaskByTask(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		s := open(t, d, nil)
		s.accept()
		s.start()
		r := s.mustAsk(as(t, "ben", people.Operator), run.Request{Playbook: "hello", Limit: "app", Variables: map[string]any{"whom": "Brest"}, Reason: "to greet"})
		if r.State != run.Queued || r.Number != 1 || r.Accepted != "accepted by ada" || !slices.Equal(r.Servers, []string{"app-01", "app-02"}) {
			t.Errorf("asked for %+v", r)
		}
		r = s.ended(r.ID)
		if r.State != run.Succeeded || r.Exit != 0 || r.Ansible == "" || r.Reason != "to greet" || r.By != "ben" {
			t.Fatalf("ended as %+v", r)
		}
		rec, err := s.Office.Record(t.Context(), "#1")
		if err != nil {
			t.Fatal(err)
		}
		if len(rec.Tasks) != 2 || rec.Tasks[0].Name != "Say hello" || rec.Tasks[0].OK != 2 || rec.Tasks[1].Changed != 2 || rec.Tasks[1].EndedAt.IsZero() {
			t.Errorf("tasks = %+v", rec.Tasks)
		}
		if len(rec.Results) != 4 || rec.Results[0].Message != "hello Brest from app-01" || !strings.Contains(rec.Results[2].Diff, "+hello Brest") {
			t.Errorf("results = %+v", rec.Results)
		}
		if h := s.hosts(r.ID)["app-01"]; h.State != run.HostDone || h.OK != 2 || h.Changed != 1 {
			t.Errorf("app-01 = %+v", h)
		}
		log, _, err := s.Log(t.Context(), r.ID, 0, 1000)
		if err != nil || !strings.Contains(log, "TASK [Write it down]") || !strings.Contains(log, "PLAY RECAP") {
			t.Errorf("log = %v\n%s", err, log)
		}
		if v, err := s.Verify(t.Context()); v != (run.Verified{Records: 1}) || err != nil {
			t.Errorf("%+v, %v", v, err)
		}
		if err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.NewRaw(`UPDATE run_result SET message = 'nothing happened' WHERE task = 1 AND host = 'app-02'`).Exec(ctx)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if v, err := s.Verify(t.Context()); v.Broken != 1 || err != nil {
			t.Errorf("a result was changed: %+v, %v", v, err)
		}
		if err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.NewRaw(`DELETE FROM run_run`).Exec(ctx)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if v, err := s.Verify(t.Context()); v.Missing != 1 || err != nil {
			t.Errorf("the last record was taken away: %+v, %v", v, err)
		}
	})
}

func TestAFailureNamesTaskAndServerAndIsAnAlert(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		s := open(t, d, nil)
		s.accept()
		s.start()
		ctx := as(t, "ben", people.Operator)
		r := s.ended(s.mustAsk(ctx, run.Request{Playbook: "fail", Limit: "app"}).ID)
		if want := "app-02, Break on one: the disk is <b>full</b>"; r.State != run.Failed || r.Cause != want {
			t.Errorf("ended as %s because %q, want %q", r.State, r.Cause, want)
		}
		hosts := s.hosts(r.ID)
		if hosts["app-01"].State != run.HostDone || hosts["app-02"].State != run.HostFailed || hosts["app-01"].Skipped != 1 {
			t.Errorf("hosts = %+v", hosts)
		}
		s.eventually("the alert", func() bool { return len(s.sent) == 1 })
		if a := s.sent[0]; a.State != signal.Firing || a.Name() != "RunFailed" || !strings.Contains(a.Annotations[signal.Description], `"Break on one" failed on app-02`) {
			t.Errorf("alert = %+v", a)
		}
		again, err := s.Retry(ctx, r.ID, "")
		if err != nil || !slices.Equal(again.Servers, []string{"app-02"}) || again.Parent != r.ID {
			t.Fatalf("the retry is %+v, %v", again, err)
		}
		s.ended(again.ID)
		// What failed again is the same alert, and names what is left.
		s.eventually("the alert of the retry", func() bool { return len(s.sent) == 2 })
		if a, b := s.sent[0], s.sent[1]; b.Labels["limit"] != "app" || a.Subject != b.Subject || a.Annotations[signal.Summary] != "Run #1 of fail failed on app-02, of 2 servers" ||
			b.Annotations[signal.Summary] != "Run #2 of fail failed on app-02" {
			t.Errorf("alerts are %+v and %+v", a, b)
		}
		var b strings.Builder
		rec, err := s.Office.Record(t.Context(), r.ID)
		if err != nil {
			t.Fatal(err)
		}
		if err := rec.WriteJUnit(&b); err != nil || !strings.Contains(b.String(), `tests="3" failures="1" errors="0" skipped="1"`) {
			t.Errorf("JUnit: %v\n%s", err, b.String())
		}
	})
}

func TestASuccessfulRetryResolvesTheAlert(t *testing.T) {
	s := open(t, sqlite(t), map[string]string{"playbooks/fail.yml": `- hosts: all
  connection: local
  gather_facts: false
  tasks:
    - name: Break once
      ansible.builtin.wait_for: {host: 127.0.0.1, port: "{{ whom }}", timeout: 1}
      when: inventory_hostname == 'app-02'
`, "playbooks/vigie.yaml": strings.Replace(catalogue, "{slug: fail, file: fail.yml}", "{slug: fail, file: fail.yml, variables: [{name: whom, type: text}]}", 1)})
	s.accept()
	s.start()
	ctx := as(t, "ben", people.Operator)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, mended, _ := net.SplitHostPort(l.Addr().String())
	_ = l.Close()
	r := s.ended(s.mustAsk(ctx, run.Request{Playbook: "fail", Limit: "app", Variables: map[string]any{"whom": mended}}).ID)
	again, err := s.Retry(ctx, r.ID, "")
	if err != nil {
		t.Fatal(err)
	}
	if r := s.ended(again.ID); r.State != run.Failed {
		t.Fatalf("the first retry %s: %s", r.State, r.Cause)
	}
	if l, err = net.Listen("tcp", "127.0.0.1:"+mended); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	if again, err = s.Retry(ctx, again.ID, "mended"); err != nil {
		t.Fatal(err)
	}
	if r := s.ended(again.ID); r.State != run.Succeeded {
		t.Fatalf("the second retry %s: %s", r.State, r.Cause)
	}
	s.eventually("three signals", func() bool { return len(s.sent) == 3 })
	if first, last := s.sent[0], s.sent[2]; first.State != signal.Firing || last.State != signal.Resolved || !maps.Equal(first.Labels, last.Labels) || first.Subject != last.Subject {
		t.Errorf("%+v is to be resolved by %+v", first, last)
	}
}

func TestARunOfNoServerIsTold(t *testing.T) {
	s := open(t, sqlite(t), nil)
	s.accept()
	s.start()
	r := s.ended(s.mustAsk(as(t, "ben", people.Operator), run.Request{Playbook: "hello", Limit: "app", Tags: []string{"deploy"}}).ID)
	if r.State != run.Failed || !strings.Contains(r.Cause, "no task for a server of the limit has the tag deploy") {
		t.Errorf("%s: %s", r.State, r.Cause)
	}
}

func TestAnAcceptedCommitIsComparedWithTheOneBefore(t *testing.T) {
	s := open(t, sqlite(t), nil)
	first := s.git("rev-parse", "HEAD")
	s.accept()
	second := s.commit("ben", map[string]string{"playbooks/hello.yml": books["playbooks/wait.yml"]})
	s.accept()
	s.commit("ben", map[string]string{"playbooks/hello.yml": books["playbooks/fail.yml"]})
	s.accept()
	for commit, want := range map[string]string{first: "", second: first} {
		c, err := s.Commit(t.Context(), commit)
		if err != nil {
			t.Fatal(err)
		}
		v, err := s.Judge(t.Context(), c)
		if err == nil {
			v, err = s.Before(t.Context(), v)
		}
		if err != nil || !v.Accepted || v.Base.Hash != want {
			t.Errorf("%.7s is compared with %.7s, want %.7s, %v", commit, v.Base.Hash, want, err)
		}
	}
}

func (s *station) eventually(what string, ok func() bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		s.mu.Lock()
		done := ok()
		s.mu.Unlock()
		if done {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			s.t.Fatalf("%s does not come", what)
		}
	}
}

func TestAServerThatGoesAwayWithinATaskIsUnreachable(t *testing.T) {
	// The server does not answer when Ansible tidies up after the task, either.
	s := open(t, sqlite(t), map[string]string{
		"playbooks/hello.yml": "- hosts: all\n  connection: local\n  gather_facts: false\n  tasks:\n    - vanish:\n      when: inventory_hostname == 'app-02'\n",
		"playbooks/action_plugins/vanish.py": `from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        raise AnsibleConnectionFailure("Failed to connect to the host via ssh: Shared connection to app-02 closed.")
    def cleanup(self, force=False):
        raise AnsibleConnectionFailure("Failed to connect to the host via ssh: No route to host")
`,
	})
	s.accept()
	s.start()
	r := s.ended(s.mustAsk(as(t, "ben", people.Operator), run.Request{Playbook: "hello", Limit: "app", Reason: "to greet"}).ID)
	if got := s.hosts(r.ID)["app-02"]; r.State != run.Failed || got.State != run.HostUnreachable || got.Unreachable != 1 || !strings.HasPrefix(r.Cause, "app-02 could not be reached: ") {
		t.Errorf("%s (%s), app-02 is %+v", r.State, r.Cause, got)
	}
}

func TestARunCanBeCanceledAtAnyTime(t *testing.T) {
	s := open(t, sqlite(t), nil)
	s.accept()
	ctx := as(t, "ben", people.Operator)
	queued := s.mustAsk(ctx, run.Request{Playbook: "wait", Limit: "app-01"})
	if r, err := s.Cancel(ctx, queued.ID, "ben", ""); err != nil || r.State != run.Canceled {
		t.Errorf("a queued run became %s, %v", r.State, err)
	}
	s.start()
	r := s.mustAsk(ctx, run.Request{Playbook: "wait", Limit: "app"})
	s.until(r.ID, func(run.Run) bool { return s.hosts(r.ID)["app-01"].State == run.HostWorking })
	if _, err := s.Cancel(ctx, r.ID, "cal", "wrong server"); err != nil {
		t.Fatal(err)
	}
	r = s.ended(r.ID)
	if r.State != run.Canceled || r.Cause != "by Cal: wrong server" || r.CancelReason != "wrong server" || s.hosts(r.ID)["app-01"].State != run.HostCut {
		t.Errorf("ended as %s because %q with %+v", r.State, r.Cause, s.hosts(r.ID))
	}
	if _, err := s.Cancel(ctx, r.ID, "cal", ""); !errors.Is(err, run.ErrOver) {
		t.Errorf("canceling it again gives %v", err)
	}
	s.nothingLeft()
}

// nothingLeft fails the test if a process of a run still lives.
// recorded says that the audit trail has verbs.
func (s *station) recorded(verbs ...string) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range verbs {
		if !slices.Contains(s.acts, v) {
			s.t.Errorf("the audit trail has %v, without %s", s.acts, v)
		}
	}
}

func (s *station) nothingLeft() {
	s.t.Helper()
	out, _ := exec.Command("pgrep", "-u", run.DefaultUser, "-a").CombinedOutput() // a status of 1 says none
	if len(out) > 0 {
		s.t.Errorf("processes of runs are left:\n%s", out)
	}
	if left, _ := filepath.Glob(filepath.Join(s.o.Sandbox.Dir, "*")); len(left) > 0 {
		s.t.Errorf("folders of runs are left: %v", left)
	}
}

func TestARunThatDoesNotStopWhenAskedIsKilled(t *testing.T) {
	run.SetGrace(t, time.Second)
	s := open(t, sqlite(t), map[string]string{
		"playbooks/wait.yml": "- hosts: all\n  connection: local\n  gather_facts: false\n  tasks:\n" +
			"    - name: \"Wait {{ 'for ever' | stubborn }}\"\n      ansible.builtin.command: sleep 1000\n",
		"playbooks/filter_plugins/stubborn.py": "import signal\ntry:\n    signal.signal(signal.SIGTERM, signal.SIG_IGN)\nexcept ValueError:\n    pass\n" +
			"class FilterModule:\n    def filters(self):\n        return {'stubborn': lambda v: v}\n",
	})
	s.accept()
	s.start()
	ctx := as(t, "ben", people.Operator)
	r := s.mustAsk(ctx, run.Request{Playbook: "wait", Limit: "app-01"})
	s.until(r.ID, func(run.Run) bool { return s.hosts(r.ID)["app-01"].State == run.HostWorking })
	if _, err := s.Cancel(ctx, r.ID, "ben", "it hangs"); err != nil {
		t.Fatal(err)
	}
	if r = s.ended(r.ID); r.State != run.Canceled || r.Exit == 0 || s.hosts(r.ID)["app-01"].State != run.HostCut {
		t.Errorf("ended as %s with status %d, the servers are %+v", r.State, r.Exit, s.hosts(r.ID))
	}
	s.nothingLeft()
	s.recorded("run.cancel")
}

func TestARunThatTakesTooLongIsEnded(t *testing.T) {
	s := open(t, sqlite(t), nil)
	s.accept()
	s.start()
	r := s.ended(s.mustAsk(as(t, "ben", people.Operator), run.Request{Playbook: "short", Limit: "app-01"}).ID)
	if r.State != run.TimedOut || r.Cause != "it took longer than 10s" {
		t.Errorf("ended as %s because %q", r.State, r.Cause)
	}
	s.nothingLeft()
}

func TestAStoppedHubInterruptsItsRunsAndLeavesNoProcess(t *testing.T) {
	s := open(t, sqlite(t), nil)
	s.accept()
	stop := s.start()
	r := s.mustAsk(as(t, "ben", people.Operator), run.Request{Playbook: "wait", Limit: "app"})
	s.until(r.ID, func(run.Run) bool { return s.hosts(r.ID)["app-01"].State == run.HostWorking })
	stop()
	r, err := s.Get(t.Context(), r.ID)
	if err != nil || r.State != run.Interrupted || r.Cause != "the hub was stopped" {
		t.Errorf("ended as %s because %q, %v", r.State, r.Cause, err)
	}
	s.nothingLeft()
}

func TestNothingOfACommitRunsBeforeItIsAccepted(t *testing.T) {
	s := open(t, sqlite(t), nil)
	s.accept()
	s.start()
	trap := filepath.Join(t.TempDir(), "trap")
	if err := os.Mkdir(trap, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(trap, 0o777); err != nil {
		t.Fatal(err)
	}
	// Both would be read by any ansible command that as much as looks at it.
	evil := s.commit("ben", map[string]string{
		"playbooks/ansible.cfg":                "[defaults]\nfilter_plugins = filter_plugins\ncallback_plugins = filter_plugins\ncallbacks_enabled = evil\n",
		"playbooks/filter_plugins/evil.py":     "import pathlib\npathlib.Path('" + trap + "/sprung').write_text('x')\n",
		"playbooks/filter_plugins/__init__.py": "",
	})
	ctx := as(t, "ben", people.Operator)
	for _, q := range []run.Request{{Playbook: "hello", Reason: "x"}, {Playbook: "hello", Check: true}, {Playbook: "hello", Commit: evil[:10], Reason: "x"}} {
		if _, err := s.Ask(ctx, q); err == nil || !strings.Contains(err.Error(), "was not accepted") {
			t.Errorf("%+v gives %v", q, err)
		}
	}
	if _, err := s.Accept(ctx, "", ""); err == nil || !strings.Contains(err.Error(), "a second person") {
		t.Errorf("its author accepts it: %v", err)
	}
	token := people.With(t.Context(), people.Actor{Slug: "ci", Role: people.Admin, Via: people.ViaToken})
	if _, err := s.Accept(token, "", ""); err == nil || !strings.Contains(err.Error(), "signed in") {
		t.Errorf("a token accepts it: %v", err)
	}
	v, err := s.Judge(ctx, opsrepo.Commit{Hash: evil})
	if err != nil || v.Accepted {
		t.Fatalf("judged as %+v, %v", v, err)
	}
	if d, err := s.Difference(ctx, v); err != nil || !strings.Contains(d.Text, "+import pathlib") {
		t.Errorf("the difference is %v\n%s", err, d.Text)
	}
	if _, err := os.Stat(trap + "/sprung"); !errors.Is(err, os.ErrNotExist) {
		t.Error("the trap was sprung before anybody accepted it")
	}
	// What was accepted before still runs.
	if r := s.ended(s.mustAsk(ctx, run.Request{Playbook: "hello", Commit: s.git("rev-parse", "HEAD~1"), Limit: "app-01"}).ID); r.State != run.Succeeded {
		t.Errorf("the accepted commit ended as %s because %q", r.State, r.Cause)
	}
	if _, err := os.Stat(trap + "/sprung"); !errors.Is(err, os.ErrNotExist) {
		t.Error("the trap was sprung by a run of another commit")
	}
}

func TestASignatureOfThePolicyAcceptsACommit(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	policy := "review_policy: {signed_by: [{person: cal, key: \"" + strings.TrimSpace(string(public)) + "\"}]}\n"
	s := open(t, sqlite(t), nil)
	sign := func() opsrepo.Commit {
		s.git("-c", "user.name=x", "-c", "user.email=x@x", "-c", "gpg.format=ssh", "-c", "user.signingkey="+key, "commit", "-q", "--allow-empty", "-S", "-m", "signed")
		return opsrepo.Commit{Hash: s.git("rev-parse", "HEAD")}
	}
	judge := func(c opsrepo.Commit) run.Verdict {
		t.Helper()
		v, err := s.Judge(as(t, "ben", people.Operator), c)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	s.accept()
	// A commit that names its own key as one that counts is judged by the policy
	// before it.
	s.commit("ben", map[string]string{"policy.yaml": policy})
	if v := judge(sign()); v.Accepted {
		t.Error("a commit accepted itself by a key that it names")
	}
	s.git("reset", "-q", "--hard", "HEAD~1")
	s.accept()
	s.commit("ben", map[string]string{"playbooks/more.yml": "[]\n"})
	if v := judge(sign()); !v.Accepted || v.Review.Words() != "signed by cal" {
		t.Errorf("a signed commit is judged as %+v", v)
	}
}

func TestBreakGlassRunsAndTellsTheLeadsForEver(t *testing.T) {
	s := open(t, sqlite(t), nil)
	s.start()
	r := s.mustAsk(as(t, "ben", people.Operator), run.Request{Playbook: "hello", Limit: "app-01", BreakGlass: "the shop is down and everybody sleeps"})
	if r = s.ended(r.ID); r.State != run.Succeeded || r.Accepted != "break-glass" || r.BreakGlass == "" {
		t.Errorf("ended as %+v", r)
	}
	if len(s.told) != 1 || !slices.Equal(s.told[0].To, []string{"ada"}) || !s.told[0].Urgent || !strings.Contains(s.told[0].Text, "everybody sleeps") {
		t.Errorf("told %+v", s.told)
	}
	s.eventually("the alert", func() bool { return len(s.sent) == 2 })
	glass := slices.IndexFunc(s.sent, func(one signal.Signal) bool { return one.Name() == "BreakGlass" })
	if glass < 0 || s.sent[glass].State != signal.Firing || !strings.Contains(s.sent[glass].Annotations[signal.Description], "everybody sleeps") || s.sent[glass].Annotations[signal.Link] != "/runs/"+r.ID {
		t.Errorf("alerts are %+v", s.sent)
	}
	if _, err := s.Ask(as(t, "ben", people.Operator), run.Request{Playbook: "hello", Reason: "again"}); err == nil {
		t.Error("after a break-glass the commit runs as if somebody had accepted it")
	}
	// A commit that takes a lead away does not keep what it does from them.
	s.commit("ada", map[string]string{"vigie.yaml": strings.Replace(company, "name: Cal, ", "name: Cal, lead: true, ", 1)})
	s.accept()
	s.commit("ben", map[string]string{"vigie.yaml": company})
	s.mustAsk(as(t, "ben", people.Operator), run.Request{Playbook: "hello", Limit: "app-01", BreakGlass: "once more"})
	s.recorded("run.request", "commit.accept")
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.told) != 2 || !slices.Equal(s.told[1].To, []string{"ada", "cal"}) {
		t.Errorf("told %+v", s.told)
	}
}

func TestARunIsApprovedBySomebodyElseWhoSawItsCheck(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		s := open(t, d, nil)
		s.accept()
		s.start()
		ben, cal := as(t, "ben", people.Operator), as(t, "cal", people.Operator)
		r := s.mustAsk(ben, run.Request{Playbook: "asked", Limit: "app-01"})
		if r.State != run.Checking {
			t.Fatalf("it is %s", r.State)
		}
		r = s.until(r.ID, func(r run.Run) bool { return r.State == run.Waiting })
		check, err := s.Get(t.Context(), r.Approval.Check)
		if err != nil || check.Kind != run.Check || check.State != run.Succeeded {
			t.Fatalf("the check is %+v, %v", check, err)
		}
		s.eventually("the question", func() bool { return len(s.told) == 1 })
		if n := s.told[0]; !slices.Equal(n.To, []string{"cal"}) || !strings.Contains(n.Text, "1 change on 1 of 1 servers") || n.Link != "/runs/"+r.ID {
			t.Errorf("asked %+v", n)
		}
		link := people.With(t.Context(), people.Actor{Slug: "cal", Role: people.Operator, Via: people.ViaLink})
		for name, ctx := range map[string]context.Context{"who asked": ben, "a link": link, "somebody else": as(t, "ada", people.Admin)} {
			if _, err := s.Approve(ctx, r.ID, ""); err == nil {
				t.Errorf("%s approved it", name)
			}
		}
		if _, err := s.Approve(cal, r.ID, "go on"); err != nil {
			t.Fatal(err)
		}
		if r = s.ended(r.ID); r.State != run.Succeeded || r.Approval.By != "cal" || r.Approval.Note != "go on" {
			t.Errorf("ended as %+v", r)
		}
		no := s.mustAsk(ben, run.Request{Playbook: "asked", Limit: "app-01"})
		s.until(no.ID, func(r run.Run) bool { return r.State == run.Waiting })
		if r, err := s.Reject(cal, no.ID, "not on a Friday"); err != nil || r.State != run.Rejected || r.Approval.Note != "not on a Friday" {
			t.Errorf("rejected as %+v, %v", r, err)
		}
		s.recorded("run.approve", "run.reject")
		late := s.mustAsk(ben, run.Request{Playbook: "asked", Limit: "app-01"})
		s.until(late.ID, func(r run.Run) bool { return r.State == run.Waiting })
		s.mu.Lock()
		now := time.Now().Add(2 * time.Hour)
		s.mu.Unlock()
		s.later(now)
		if r := s.ended(late.ID); r.State != run.Expired {
			t.Errorf("two hours later it is %s", r.State)
		}
	})
}

// later has a second office look at the same state at another time: the first
// goes on, and its clock is its own.
func (s *station) later(at time.Time) {
	o := s.o
	o.Now = func() time.Time { return at }
	o.Worker = "later"
	if err := run.Tick(s.t.Context(), run.New(o)); err != nil {
		s.t.Fatal(err)
	}
}

func TestRequestsAreRefusedWithAReason(t *testing.T) {
	s := open(t, sqlite(t), nil)
	s.accept()
	ben := as(t, "ben", people.Operator)
	for _, tt := range []struct {
		field string
		q     run.Request
		want  string
	}{
		{"playbook", run.Request{Playbook: "helo", Reason: "x"}, `did you mean "hello"?`},
		{"playbook", run.Request{Playbook: "danger", Reason: "x"}, `needs the role admin; you are operator`},
		{"reason", run.Request{Playbook: "hello"}, `say why`},
		{"limit", run.Request{Playbook: "hello", Limit: "ap-01", Reason: "x"}, `ap-01`},
		{"limit", run.Request{Playbook: "hello", Limit: "app:!app-01:!app-02", Reason: "x"}, `leaves no server`},
		{"limit", run.Request{Playbook: "hello", Limit: " ", Reason: "x"}, `or all, which is every one of the 3`},
		{"tags", run.Request{Playbook: "hello", Tags: []string{"--vault-password-file=/etc/shadow"}, Reason: "x"}, `is no tag`},
		{"variables", run.Request{Playbook: "hello", Variables: map[string]any{"whom": "{{ lookup('file', '/etc/shadow') }}"}, Reason: "x"}, `no template`},
		{"variables", run.Request{Playbook: "hello", Variables: map[string]any{"ansible_connection": "local"}, Reason: "x"}, `takes no such variable`},
		{"commit", run.Request{Playbook: "hello", Commit: "abcdef0", Reason: "x"}, `no such commit`},
		{"commit", run.Request{Playbook: "hello", Commit: "--upload-pack=x", Reason: "x"}, `no hash of a commit`},
	} {
		_, err := s.Ask(ben, tt.q)
		var r *run.RefusedError
		if !errors.As(err, &r) || r.Field != tt.field || !strings.Contains(r.Reason, tt.want) {
			t.Errorf("%+v gives %v (%+v), want %s: %s", tt.q, err, r, tt.field, tt.want)
		}
	}
	if p, err := s.List(t.Context(), run.Filter{}); err != nil || len(p.Items) != 0 {
		t.Errorf("refused requests left %d runs, %v", len(p.Items), err)
	}
}

func TestTwoRunsDoNotWorkOnOneInstance(t *testing.T) {
	s := open(t, sqlite(t), nil)
	s.accept()
	s.start()
	ctx := as(t, "ben", people.Operator)
	first := s.mustAsk(ctx, run.Request{Playbook: "wait", Limit: "app-01"})
	s.until(first.ID, func(r run.Run) bool { return r.State == run.Running })
	second := s.mustAsk(ctx, run.Request{Playbook: "hello", Limit: "app-02"})
	s.until(second.ID, func(r run.Run) bool { return r.Cause == "run #1 has shop" })
	// A check changes nothing, so that it waits for nobody.
	if r := s.ended(s.mustAsk(ctx, run.Request{Playbook: "hello", Limit: "app-01", Check: true}).ID); r.State != run.Succeeded {
		t.Errorf("the check ended as %s because %q", r.State, r.Cause)
	}
	if _, err := s.Cancel(ctx, first.ID, "ben", ""); err != nil {
		t.Fatal(err)
	}
	if r := s.ended(second.ID); r.State != run.Succeeded {
		t.Errorf("the second ended as %s because %q", r.State, r.Cause)
	}
}

func TestAServerWithoutAKnownHostKeyIsNotSignedInTo(t *testing.T) {
	s := open(t, sqlite(t), nil)
	s.accept()
	s.start()
	ctx := as(t, "ben", people.Operator)
	ask := func() run.Run { return s.ended(s.mustAsk(ctx, run.Request{Playbook: "hello", Limit: "bare"}).ID) }
	if r := ask(); r.State != run.Failed || !strings.Contains(r.Cause, "no host key is known of bare") {
		t.Errorf("ended as %s because %q", r.State, r.Cause)
	}
	report := func(keys ...string) { s.mu.Lock(); defer s.mu.Unlock(); s.keys["bare"] = keys }
	report("ssh-ed25519 AAAA root@bare")
	if r := ask(); r.State != run.Succeeded {
		t.Errorf("with a reported key it ended as %s because %q", r.State, r.Cause)
	}
	report("ssh-ed25519 AAAA root@bare", "ssh-rsa BBBB")
	if r := ask(); r.State != run.Succeeded {
		t.Errorf("with one key more it ended as %s because %q", r.State, r.Cause)
	}
	report("ssh-ed25519 CCCC root@bare", "ssh-rsa BBBB")
	if r := ask(); r.State != run.Failed || !strings.Contains(r.Cause, "is not the one that is known") {
		t.Errorf("with another key it ended as %s because %q", r.State, r.Cause)
	}
	if err := s.AcceptHostKeys(ctx, "bare", "ben", "installed anew"); err != nil {
		t.Fatal(err)
	}
	if r := ask(); r.State != run.Succeeded {
		t.Errorf("with the accepted key it ended as %s because %q", r.State, r.Cause)
	}
	s.recorded("host_key.accept")
}

// fleet is that of the newest commit.
func (s *station) fleet() *fleet.Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fleet.NewSnapshot(s.gen)
}
