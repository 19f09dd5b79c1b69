package e2e_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/e2e/testfleet"
)

// TestRunsActOnRealServers tells the stories of runs on three servers that
// boot and sign people in as servers do, by a hub that nobody helps. Stories
// that use servers of their own go at the same time.
func TestRunsActOnRealServers(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	t.Run("nothing runs before a person accepts what the hub begins with", y.beginning)
	lapsing := y.askToLapse(t)
	t.Run("a run changes what differs, and a second one nothing", y.site)
	t.Run("what somebody changes by hand is found, and mended by a run", y.drifts)
	t.Run("a run of a commit", func(t *testing.T) {
		t.Run("that nobody accepted is refused, with the way to have it accepted", y.unaccepted)
		t.Run("that an allowed key signed goes at once", y.signed)
		t.Run("that nobody accepted runs by break-glass, and who leads is told", y.brokenGlass)
		t.Run("that holds traps springs none of them before it is accepted", y.traps)
	})
	t.Run("in a browser", y.inABrowser)
	t.Run("side by side", func(t *testing.T) {
		t.Run("a server that loses its power is told apart, and retried alone", y.powerCut)
		t.Run("a cut cable is noticed by the keep-alive of ssh", y.cableCut)
	})
	t.Run("and", func(t *testing.T) {
		t.Run("an approval is asked by mail and given by who is signed in", y.approval)
		t.Run("a canceled run ends in seconds and says where it was cut off", y.canceled)
		t.Run("an accepted playbook gets nothing of the hub", y.thief)
		t.Run("a public playbook that nobody here wrote runs unchanged", y.public)
	})
	t.Run("a server with another host key stops the run before anything is done there", y.impostor)
	t.Run("a server is reached through another", y.behindAnother)
	t.Run("a hub that is killed leaves no process, and runs again", func(t *testing.T) { y.hubEnds(t, "killed", y.hub.kill) })
	t.Run("a hub that is stopped leaves no process, and runs again", func(t *testing.T) { y.hubEnds(t, "stopped", y.hub.stop) })
	t.Run("what nobody approves lapses", func(t *testing.T) { y.lapsed(t, lapsing) })
	t.Run("the record is one that programs read, and that nobody changes unseen", y.record)
}

// yard is three real servers, a hub that may sign in to them, and people.
type yard struct {
	*hub
	servers      []*testfleet.Server // app-01, app-02, db-01
	sink         *sink
	token        string // file of the admin's token
	signing      string // file of the key whose signature accepts commits
	secret       string // in the hub's environment
	nadia, tomas *browser
	base         string // an accepted commit, which the stories begin with
	first        string // number of the first run that did something

	mu sync.Mutex // one writes to the repository at a time
}

const yardPeople = `people:
  - {slug: nadia, name: Nadia Benali, email: nadia@halyard.example, role: admin, lead: true}
  - {slug: tomas, name: Tomás Ferreira, email: tomas@halyard.example, role: operator}
`

const yardPassword = "correct horse battery staple"

// books are the playbooks of the yard. Those that wait do so until the story
// opens a gate: a file on the server.
const books = `
-- playbooks/vigie.yaml --
playbooks:
  - {slug: site, file: site.yml, name: Bring servers to their state, drift: true, variables: [{name: greeting, type: text, default: good day}]}
  - {slug: wait, file: wait.yml, variables: [{name: gate, type: text, required: true}]}
  - {slug: in-turn, file: in-turn.yml, variables: [{name: gate, type: text, required: true}]}
  - {slug: asked, file: site.yml, variables: [{name: greeting, type: text, default: good day}]}
  - {slug: lapsing, file: site.yml, variables: [{name: greeting, type: text, default: good day}]}
  - {slug: tour, file: tour.yml, name: Tour the servers, description: Shows everything that a run has to show., variables: [{name: words, type: text, required: true, min: 8, description: What the file says.}]}
  - {slug: thief, file: thief.yml, variables: [{name: paths, type: list, required: true}]}
-- approvals.yaml --
approval_policy:
  - {playbooks: [asked], approvers: [nadia, tomas], channel: mail}
  - {playbooks: [lapsing], approvers: [nadia], expires: 1m}
-- playbooks/site.yml --
- name: Base
  hosts: all
  become: true
  tasks:
    - name: A folder
      ansible.builtin.file: {path: /srv/site, state: directory, mode: "0755"}
    - name: A file
      ansible.builtin.template: {src: greeting.j2, dest: /srv/site/greeting, mode: "0644"}
      notify: Count
    - name: A command
      ansible.builtin.command: {cmd: sh -c 'hostname > /srv/site/hostname', creates: /srv/site/hostname}
  handlers:
    - name: Count
      ansible.builtin.shell: echo changed >> /srv/site/changes
-- playbooks/templates/greeting.j2 --
{{ greeting }} from {{ inventory_hostname }}, which calls itself {{ ansible_facts['hostname'] }}
-- playbooks/wait.yml --
- name: Wait
  hosts: all
  gather_facts: false
  tasks:
    - name: Wait for the gate
      ansible.builtin.shell: {cmd: "touch /srv/at-{{ gate }}; until [ -e /srv/gate-{{ gate }} ]; do sleep 0.2; done"}
    - name: Go on
      ansible.builtin.copy: {content: "done\n", dest: "/srv/done-{{ gate }}", mode: "0644"}
-- playbooks/in-turn.yml --
- name: Wait in turn
  hosts: all
  serial: 1
  gather_facts: false
  tasks:
    - name: Wait for the gate
      ansible.builtin.shell: {cmd: "touch /srv/at-{{ gate }}; until [ -e /srv/gate-{{ gate }} ]; do sleep 0.2; done"}
`

// newYard boots the servers, starts the hub and lets it and the people in.
func newYard(t *testing.T) *yard {
	y := &yard{sink: startSink(t, nil), secret: "story-environment-90c1d2e3f4"}
	fleet, err := testfleet.Up(t.Context(), 3, testfleet.Options{Disk: 256 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := fleet.Destroy(); err != nil {
			t.Error(err)
		}
	})
	y.servers = fleet.Servers()
	// A run sees another /tmp than the hub; its attacks shall have the hub's
	// files within reach.
	place := outerFolder(t)
	keys := t.TempDir()
	y.signing = filepath.Join(keys, "signing")
	must(t, "", "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "nadia", "-f", y.signing)
	public, err := os.ReadFile(y.signing + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	y.hub = startHub(t, hubOptions{git: true, folder: place, env: []string{"TMPDIR=/var/tmp", "VIGIE_STORY_SECRET=" + y.secret}, operations: fmt.Sprintf(`
-- vigie.yaml --
vigie: 1
company: {name: Halyard, domain: halyard.example, timezone: Europe/Paris}
-- people.yaml --
%s-- channels.yaml --
channels:
  - {slug: mail, kind: smtp, host: 127.0.0.1, port: %s, tls: none, from: Vigie <vigie@halyard.example>}
-- review.yaml --
review_policy:
  signed_by:
    - {person: nadia, key: %q}
-- servers.yaml --
%s%s%s%s%s`, yardPeople, y.sink.port(), strings.TrimSpace(string(public)), y.serversFile(t), books, tour, thief, plans(time.Now().Add(90*time.Second)))})
	y.base = strings.TrimSpace(must(t, "", "git", "-C", y.operations, "rev-parse", "HEAD"))
	y.token = filepath.Join(keys, "token")
	put(t, y.token, adminToken+"\n", 0o600)
	y.nadia, y.tomas = y.signUp(t, "nadia"), y.signUp(t, "tomas")
	// The hub's key is public on purpose: people put it on their servers.
	status, key, err := y.call("GET", "/api/vigie/v1/ssh-key", nil)
	if err != nil || status != http.StatusOK {
		t.Fatalf("the hub's key: %d %v", status, err)
	}
	for _, s := range y.servers {
		put(t, s.Path("/root/.ssh/authorized_keys"), string(key), 0o600)
	}
	return y
}

// outerFolder is a new folder that runs see as the hub sees it.
func outerFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/var/tmp", "vigie-story-") //nolint:usetesting // runs have a /tmp of their own
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

var yardNames = []string{"app-01", "app-02", "db-01"}

func (y *yard) serversFile(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("servers:\n")
	for i, s := range y.servers {
		key, err := s.HostKey()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "  - {slug: %s, address: %s, roles: [%s], ports: [], ssh: {user: root, host_keys: [%q]}}\n", yardNames[i], s.Address, yardNames[i][:len(yardNames[i])-3], key)
	}
	return b.String()
}

// signUp has a person follow an invitation and choose a password.
func (y *yard) signUp(t *testing.T, person string) *browser {
	t.Helper()
	b := &browser{t: t, base: y.endpoints.Console}
	link := strings.TrimSpace(must(t, "", binary(t), "people", "invite", person, "--config", y.file, "--address", b.base))
	if status, page, _ := b.open(strings.TrimPrefix(link, b.base), url.Values{"password": {yardPassword}}); status != http.StatusSeeOther || b.cookie == nil {
		t.Fatalf("%s follows %s: %d %s", person, link, status, tail(page, 500))
	}
	return b
}

var forgery = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

// submit sends a form of the page at path.
func (b *browser) submit(t *testing.T, path, action string, form url.Values) (status int, page, to string) {
	t.Helper()
	status, page, _ = b.open(path, nil)
	token := forgery.FindStringSubmatch(page)
	if status != http.StatusOK || token == nil {
		t.Fatalf("%s answers %d %s", path, status, tail(page, 500))
	}
	form.Set("csrf", token[1])
	return b.open(action, form)
}

// runItem is a run as the API tells it.
type runItem struct {
	ID, State, Kind, Cause, Commit, Accepted, Check, Parent, Hash string
	Number                                                        int64
	Servers, Approvers                                            []string
	ApprovedBy                                                    string     `json:"approved_by"`
	StartedAt                                                     *time.Time `json:"started_at"`
	EndedAt                                                       *time.Time `json:"ended_at"`
	Hosts                                                         []struct {
		Host, State              string
		Task, OK                 int
		Changed, Failed, Skipped int
		Unreachable              int
	}
	Results []struct{ Host, Status, Message, Diff string }
}

func (r runItem) over() bool { return r.EndedAt != nil }

// hosts says in which state each server is.
func (r runItem) hosts() map[string]string {
	out := map[string]string{}
	for _, h := range r.Hosts {
		out[h.Host] = h.State
	}
	return out
}

// ask asks for a run of the accepted commit as a program.
func (y *yard) ask(t *testing.T, playbook, limit string, variables map[string]any) runItem {
	t.Helper()
	r, err := y.tryAsk(map[string]any{"playbook": playbook, "limit": limit, "variables": variables, "commit": y.base, "reason": "a story"})
	if err != nil {
		t.Fatalf("run %s on %s: %v", playbook, limit, err)
	}
	return r
}

func (y *yard) tryAsk(request map[string]any) (r runItem, err error) {
	body, err := json.Marshal(request)
	if err != nil {
		return r, err
	}
	_, b, err := once("POST", y.endpoints.Console+"/api/vigie/v1/runs", adminToken, asJSON, body)
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(b, &r)
}

// until waits until a run is as ok says, or over.
func (y *yard) until(t *testing.T, id, what string, ok func(runItem) bool) runItem {
	t.Helper()
	var r runItem
	within(t, 90*time.Second, fmt.Sprintf("run %s %s", id, what), func() error {
		r = runItem{}
		if err := y.get("/api/vigie/v1/runs/"+id, &r); err != nil {
			return err
		}
		if !ok(r) {
			if r.over() {
				t.Fatalf("run #%d %s (%s), %v; wanted is that it %s\n%s", r.Number, r.State, r.Cause, r.hosts(), what, y.log(t, id))
			}
			return fmt.Errorf("it is %s (%s), %v", r.State, r.Cause, r.hosts())
		}
		return nil
	})
	return r
}

// ended waits for the end of a run, which has to be the one that is wanted.
func (y *yard) ended(t *testing.T, id, state string) runItem {
	t.Helper()
	return y.until(t, id, state, func(r runItem) bool { return r.State == state })
}

func (y *yard) log(t *testing.T, id string) string {
	t.Helper()
	status, b, err := y.call("GET", "/api/vigie/v1/runs/"+id+"/log.txt", nil)
	if err != nil || status != http.StatusOK {
		t.Fatalf("the log of run %s: %d %v", id, status, err)
	}
	return string(b)
}

// atTheGate waits until servers are inside the task that waits.
func (y *yard) atTheGate(t *testing.T, r runItem, gate string, servers ...int) {
	t.Helper()
	y.until(t, r.ID, "waits at the gate", func(r runItem) bool {
		hosts := r.hosts()
		return !slices.ContainsFunc(servers, func(i int) bool {
			return hosts[yardNames[i]] != "working" || !y.has(i, "/srv/at-"+gate)
		})
	})
}

// has reports whether a server has a file.
func (y *yard) has(server int, file string) bool {
	_, err := os.Stat(y.servers[server].Path(file))
	return err == nil
}

// openGate lets a server go on.
func (y *yard) openGate(t *testing.T, gate string, server int) {
	t.Helper()
	put(t, y.servers[server].Path("/srv/gate-"+gate), "", 0o644)
}

// holds fails unless a file of a server holds a text.
func (y *yard) holds(t *testing.T, server int, file, want string) {
	t.Helper()
	got, err := os.ReadFile(y.servers[server].Path(file))
	if err != nil || string(got) != want {
		t.Errorf("%s of %s holds %q, %v; want %q", file, yardNames[server], got, err, want)
	}
}

// asAdmin runs a command that asks the hub.
func (y *yard) asAdmin(t *testing.T, args ...string) (out, errs string, status int) {
	t.Helper()
	return vigie(t, append(args, "--hub", y.endpoints.Console, "--token-file", y.token)...)
}

// push commits files on top of the accepted commit, whatever was pushed
// before, and returns its hash once the hub has fetched it.
func (y *yard) push(t *testing.T, author string, files map[string]string, how ...string) string {
	t.Helper()
	y.mu.Lock()
	defer y.mu.Unlock()
	git(t, y.operations, "reset", "-q", "--hard", y.base)
	for name, text := range files {
		put(t, filepath.Join(y.operations, name), text, 0o755)
	}
	git(t, y.operations, "add", "-A")
	git(t, y.operations, slices.Concat([]string{"-c", "user.name=" + author, "-c", "user.email=" + author + "@halyard.example"}, how, []string{"commit", "-q", "-m", "By " + author})...)
	hash := strings.TrimSpace(must(t, "", "git", "-C", y.operations, "rev-parse", "HEAD"))
	within(t, 30*time.Second, "the hub fetches commit "+hash, func() error {
		var page items[map[string]any]
		return y.get("/api/vigie/v1/playbooks?commit="+hash, &page)
	})
	return hash
}

// signature is how git signs a commit with the key that the policy names.
func (y *yard) signature() []string {
	return []string{"-c", "gpg.format=ssh", "-c", "user.signingkey=" + y.signing, "-c", "commit.gpgsign=true"}
}

// beginning has an admin accept the files that the hub was set up with.
func (y *yard) beginning(t *testing.T) {
	if _, errs, status := y.asAdmin(t, "run", "site", "--limit", "all", "--reason", "too early"); status != 1 || !strings.Contains(errs, "was not accepted") {
		t.Errorf("before that, a run is answered with %d %s", status, errs)
	}
	page := "/runs/commits/" + y.base
	if status, _, to := y.nadia.submit(t, page, page+"/accept", url.Values{"note": {"these are ours"}}); status != http.StatusSeeOther {
		t.Fatalf("nadia accepts the commit: %d %s", status, to)
	}
}

func (y *yard) site(t *testing.T) {
	recap := regexp.MustCompile(`(?m)^(\S+)\s+: ok=\d+\s+changed=(\d+)\s+unreachable=0\s+failed=0`)
	number := ""
	for i, want := range []string{"4", "0"} {
		out, errs, status := y.asAdmin(t, "run", "site", "--limit", "all", "--var", "greeting=good evening", "--reason", "a story", "--follow")
		if status != 0 || !strings.Contains(errs, "succeeded.") {
			t.Fatalf("run %d: %d %s%s", i+1, status, out, errs)
		}
		number = regexp.MustCompile(`Run #(\d+)`).FindStringSubmatch(errs)[1]
		if y.first == "" {
			y.first = number
		}
		changed := map[string]string{}
		for _, m := range recap.FindAllStringSubmatch(out, -1) {
			changed[m[1]] = m[2]
		}
		for _, name := range yardNames {
			if changed[name] != want {
				t.Errorf("run %d changed %q on %s, want %s\n%s", i+1, changed[name], name, want, tail(out, 2000))
			}
		}
	}
	for i, s := range y.servers {
		y.holds(t, i, "/srv/site/greeting", "good evening from "+yardNames[i]+", which calls itself "+s.Name+"\n")
		y.holds(t, i, "/srv/site/hostname", s.Name+"\n")
		y.holds(t, i, "/srv/site/changes", "changed\n")
	}
	if out, errs, status := y.asAdmin(t, "runs", "show", number); status != 0 || !strings.Contains(out, "succeeded") || !regexp.MustCompile(`db-01\s+done\s+\d+\s+0\s+0\s+0`).MatchString(out) {
		t.Errorf("the second run is shown as %d %s%s", status, out, errs)
	}
}

// record exports runs, and then changes what one of them says it did.
// startedRun is how a run is that nobody asked for by hand.
type startedRun struct {
	ID, State, Cause string
	EndedAt          *time.Time `json:"ended_at"`
}

func (y *yard) record(t *testing.T) {
	out, errs, status := y.asAdmin(t, "runs", "export", y.first, "--format", "junit")
	var suite struct {
		Tests int `xml:"tests,attr"`
		Cases []struct {
			Host string `xml:"classname,attr"`
			Task string `xml:"name,attr"`
		} `xml:"testcase"`
	}
	if err := xml.Unmarshal([]byte(out), &suite); status != 0 || err != nil {
		t.Fatalf("junit: %d %v\n%s%s", status, err, out, errs)
	}
	if n := 3 * 5; suite.Tests != n || len(suite.Cases) != n || suite.Cases[0].Host != "app-01" || suite.Cases[0].Task != "Gathering Facts" {
		t.Errorf("junit says %+v, want five tasks on three servers", suite)
	}
	out, errs, status = y.asAdmin(t, "runs", "export", y.first)
	var one runItem
	if err := json.Unmarshal([]byte(out), &one); status != 0 || err != nil || len(one.Results) != 3*5 || one.Hash == "" {
		t.Errorf("json: %d %v\n%s%s", status, err, tail(out, 1000), errs)
	}
	if !slices.ContainsFunc(one.Results, func(r struct{ Host, Status, Message, Diff string }) bool {
		return strings.Contains(r.Diff, "+good evening from app-02")
	}) {
		t.Errorf("no result says what changed in the file: %+v", one.Results)
	}

	// By now a schedule has started its run, and no person asked for it.
	within(t, 2*time.Minute, "a schedule has started a run", func() error {
		runs, err := list[startedRun](y.demo, "/api/vigie/v1/runs?requested_by=schedule:once")
		if err != nil || len(runs) == 0 || runs[0].EndedAt == nil {
			return fmt.Errorf("%+v: %w", runs, errOr(err))
		}
		if runs[0].State != "succeeded" {
			t.Logf("it %s: %s\n%s", runs[0].State, runs[0].Cause, tail(y.log(t, runs[0].ID), 3000))
		}
		return nil
	})

	verify := func() (string, string, int) { return vigie(t, "runs", "verify", "--config", y.file) }
	if out, errs, status := verify(); status != 0 || !strings.Contains(out, "are what they were") {
		t.Errorf("untouched, verify says %d %s%s", status, out, errs)
	}
	y.hub.stop()
	y.alter(t, `UPDATE run_result SET message = 'nothing to see' WHERE run = ? AND task = 1 AND host = 'app-01'`, one.ID)
	if out, errs, status := verify(); status != 1 || !strings.Contains(errs, "the record of run #"+y.first+" is not what it was") || strings.Contains(out, "are what they were") {
		t.Errorf("altered, verify says %d %s%s", status, out, errs)
	}
}
