package drift

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/operate/playbook"
	"github.com/vigie-ops/vigie/internal/operate/run"
)

var site = playbook.Playbook{Slug: "site", Drift: true, Variables: []playbook.Variable{{Name: "level", Type: playbook.Integer, Default: 3}}}

func TestWhatARunSaysOfDrift(t *testing.T) {
	hosts := []run.Host{
		{Name: "a", State: run.HostDone}, {Name: "b", State: run.HostFailed}, {Name: "c", State: run.HostUnreachable},
		{Name: "d", State: run.HostUntouched}, {Name: "localhost", State: run.HostDone}, {Name: "e", State: run.HostCut}, {Name: "f", State: run.HostPending},
	}
	check := run.Run{Kind: run.Check, Playbook: "site", State: run.Succeeded, Servers: []string{"a", "b", "c", "d", "e", "f"}, Variables: map[string]any{"level": 3.0}}
	f := func(what string, change func(r *run.Run, p *playbook.Playbook), set, clear string) {
		t.Helper()
		r, p := check, site
		change(&r, &p)
		l, _ := learn(r, p, hosts, nil)
		if got := strings.Join(l.set, " "); got != set {
			t.Errorf("%s sets the findings of %q, want %q", what, got, set)
		}
		if got := strings.Join(l.clear, " "); got != clear {
			t.Errorf("%s clears the findings of %q, want %q", what, got, clear)
		}
	}
	f("a check", func(*run.Run, *playbook.Playbook) {}, "a", "d")
	f("a check that failed somewhere", func(r *run.Run, _ *playbook.Playbook) { r.State = run.Failed }, "a", "")
	f("a check that was cut off", func(r *run.Run, _ *playbook.Playbook) { r.State = run.Interrupted }, "", "")
	f("a check that was canceled", func(r *run.Run, _ *playbook.Playbook) { r.State = run.Canceled }, "", "")
	f("a check with tags", func(r *run.Run, _ *playbook.Playbook) { r.Tags = []string{"web"} }, "", "")
	f("a check with a variable of its own", func(r *run.Run, _ *playbook.Playbook) { r.Variables = map[string]any{"level": 4.0} }, "", "")
	f("a check of a commit that nobody accepted", func(r *run.Run, _ *playbook.Playbook) { r.BreakGlass = "now" }, "", "")
	f("a check of another playbook", func(_ *run.Run, p *playbook.Playbook) { p.Drift = false }, "", "")
	f("a run", func(r *run.Run, _ *playbook.Playbook) { r.Kind = run.Real }, "", "a")
	f("a run that failed elsewhere", func(r *run.Run, _ *playbook.Playbook) { r.Kind, r.State = run.Real, run.Failed }, "", "a")
	f("a run with tags", func(r *run.Run, _ *playbook.Playbook) { r.Kind, r.Tags = run.Real, []string{"web"} }, "", "")
	f("a run that was canceled", func(r *run.Run, _ *playbook.Playbook) { r.Kind, r.State = run.Real, run.Canceled }, "", "")
}

func TestATaskIsTheSameWhereverItsLineMoves(t *testing.T) {
	at := func(path string) run.Task {
		return run.Task{Name: "base : Harden sshd", Action: "template", Path: path}
	}
	one := identOf(at("/run/vigie-run/content/playbooks/roles/base/tasks/main.yml:12"))
	if two := identOf(at("/run/vigie-run/content/playbooks/roles/base/tasks/main.yml:40")); one != two {
		t.Error("another line is another task")
	}
	if other := identOf(at("/run/vigie-run/content/playbooks/roles/web/tasks/main.yml:12")); one == other {
		t.Error("another file is the same task")
	}
}

func TestWhatWouldChangeIsCollected(t *testing.T) {
	tasks := []run.Task{
		{Name: "Configure", Action: "copy", Path: "/run/vigie-run/content/playbooks/site.yml:5"},
		{Name: "Restart", Action: "service", Path: "/run/vigie-run/content/playbooks/site.yml:9"},
		{Name: "Configure", Action: "copy", Path: "/run/vigie-run/content/playbooks/site.yml:20"},
	}
	got := map[string][]found{}
	collect(got, tasks, []run.Result{
		{Task: 1, Host: "a", Changed: true, Diff: "+one\n"}, {Task: 1, Host: "b", Diff: "+not changed"}, {Task: 2, Host: "a", Changed: true, Message: "would restart"},
	})
	collect(got, tasks, []run.Result{{Task: 3, Host: "a", Changed: true, Diff: "+two\n"}, {Task: 9, Host: "a", Changed: true}, {Task: 3, Host: "c", Changed: true, Diff: strings.Repeat("é", maxDiff)}})
	if len(got["a"]) != 2 || len(got["b"]) != 0 {
		t.Fatalf("collected %+v", got)
	}
	if f := got["a"][0]; f.task != "Configure" || f.path != "playbooks/site.yml:5" || f.diff != "+one\n+two\n" {
		t.Errorf("two tasks that cannot be told apart are %+v", f)
	}
	if f := got["a"][1]; f.diff != "would restart" {
		t.Errorf("a change without a difference is %+v", f)
	}
	if d := got["c"][0].diff; len(d) > maxDiff+4 || !strings.HasSuffix(d, "é…") {
		t.Errorf("a long difference is %d bytes and ends in %q", len(d), d[len(d)-6:])
	}
}

func TestAFindingKeepsItsAgeWhileItIsFoundAgain(t *testing.T) {
	monday := time.Date(2026, 11, 2, 3, 0, 0, 0, time.UTC)
	n := 0
	newID := func() string { n++; return fmt.Sprint("new", n) }
	always := lesson{why: Unseen, reached: func(string) bool { return true }}
	known := []Finding{{ID: "1", Ident: "x", Task: "X", FirstSeen: monday, LastSeen: monday, Run: "r1"}, {ID: "2", Ident: "y", FirstSeen: monday}}
	r := run.Run{ID: "r2", Playbook: "site", EndedAt: monday.Add(24 * time.Hour)}
	c := compare(known, []found{{ident: "x", task: "X", diff: "+b"}, {ident: "z", task: "Z"}}, always, r, "a", newID)
	var got []string
	for _, f := range c.keep {
		got = append(got, fmt.Sprint("keep ", f.ID, " since ", f.FirstSeen.Day(), " seen ", f.LastSeen.Day(), " in ", f.Run, " ", f.Diff))
	}
	for _, f := range c.gone {
		got = append(got, fmt.Sprint("gone ", f.ID, " on ", f.GoneAt.Day(), " ", f.GoneWhy, " ", f.GoneRun))
	}
	want := []string{"keep 1 since 2 seen 3 in r2 +b", "keep new1 since 3 seen 3 in r2 ", "gone 2 on 3 not found any more r2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestATaskThatACheckDidNotComeToIsNotGone(t *testing.T) {
	first := run.Task{Name: "First", Action: "copy", Path: "site.yml:1"}
	r := run.Run{Kind: run.Check, State: run.Failed, Servers: []string{"a", "b"}, Variables: map[string]any{"level": 3}}
	l, _ := learn(r, site, []run.Host{{Name: "a", State: run.HostDone}, {Name: "b", State: run.HostFailed}}, []run.Task{first})
	known := []Finding{{ID: "1", Ident: identOf(first)}, {ID: "2", Ident: "of a task after the one that failed"}}
	c := compare(known, nil, l, r, "a", nil)
	if len(c.gone) != 1 || c.gone[0].ID != "1" {
		t.Errorf("gone are %+v", c.gone)
	}
}

func TestAnIgnoreForTheServerGoesBeforeOneForAll(t *testing.T) {
	all := []Ignore{
		{ID: "all", Playbook: "site", Ident: "x"}, {ID: "a", Server: "a", Playbook: "site", Ident: "x"}, {ID: "other", Server: "a", Playbook: "other", Ident: "x"},
	}
	f := func(server, ident, want string) {
		t.Helper()
		got := ""
		if ig := match(all, Finding{Server: server, Playbook: "site", Ident: ident}); ig != nil {
			got = ig.ID
		}
		if got != want {
			t.Errorf("%s on %s is ignored by %q, want %q", ident, server, got, want)
		}
	}
	f("a", "x", "a")
	f("b", "x", "all")
	f("a", "y", "")
}

func TestNewsAreWhatChangedAlone(t *testing.T) {
	at := time.Date(2026, 11, 26, 4, 0, 0, 0, time.UTC)
	one := func(server string, n int) told {
		s := driftSignal(Summary{Server: server, Open: n, First: Finding{Task: "T", FirstSeen: at}}, at)
		return told{s, digest(s)}
	}
	before := map[string]string{"server:a": one("a", 1).digest, "server:b": one("b", 1).digest, "server:c": "x", "playbook:site": "x"}
	var got []string
	for _, n := range news(before, map[string]told{"server:a": one("a", 1), "server:b": one("b", 2), "server:d": one("d", 1)}, at) {
		got = append(got, fmt.Sprint(n.signal.Name(), " ", n.signal.Subject, " ", n.signal.State))
	}
	want := []string{"Drift server:b firing", "Drift server:d firing", "DriftUnknown opsrepo resolved", "Drift server:c resolved"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestALookThatShowedNothingIsAnAlert(t *testing.T) {
	at := time.Date(2026, 11, 26, 4, 0, 0, 0, time.UTC)
	f := func(l Look, want string) {
		t.Helper()
		l.Playbook = "site"
		got := ""
		if s, ok := unknownSignal(l, at); ok {
			got = s.Labels["severity"] + ": " + s.Annotations["value"]
		}
		if got != want {
			t.Errorf("%+v is the alert %q, want %q", l, got, want)
		}
	}
	f(Look{}, "")
	f(Look{Ended: "r", State: run.Succeeded, Servers: 3, Seen: 3}, "")
	f(Look{Ended: "r", State: run.Failed, Servers: 3, Seen: 2}, "info: 2 of 3 servers")
	f(Look{Ended: "r", State: run.TimedOut, Servers: 3}, "warning: 0 of 3 servers")
	f(Look{Ended: "r", State: run.Succeeded, Error: "nobody accepted"}, "warning: nobody accepted")
}
