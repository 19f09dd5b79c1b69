package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/vigie-ops/vigie/internal/db/dbtest"
)

// The stories about hubs and agents as they are installed use these:
//
//	h := startHub(t, hubOptions{…})   a `vigie hub`, ready, with its operations repository applied
//	h.call, h.get, h.post, list[T](h.demo, path), h.openAlerts   as the admin
//	h.write(name, text), h.remove(name)   change the operations repository (and commit)
//	h.kill(), h.stop(), h.restart()   the last with the same file and data
//	a := startAgent(t, h, server, lines…)   a `vigie agent`, enrolled as server
//	a.kill(), a.stop(), a.restart()
//	vigie(t, args…)   runs a command to its end
//	h.metric(query) (value, error)   the first sample that PromQL finds
type hub struct {
	*demo      // the process, and how to speak with it; what is a demo's alone is empty
	t          testing.TB
	file       string
	data       string
	operations string
	git        bool
	master     string
	env        []string
}

// hubOptions are what differs between the hubs of the stories.
type hubOptions struct {
	operations string   // files of the repository as a txtar archive; smallCompany if empty
	git        bool     // the repository is followed as a git repository
	postgres   bool     // the state lives in PostgreSQL, in a schema of its own
	metrics    string   // more lines under metrics:
	tokens     string   // more lines of the tokens file
	more       string   // more of hub.yaml
	agents     string   // address of this machine on which agents are taken; loopback if empty
	unready    bool     // return as soon as the process runs
	folder     string   // of all of it; a new one if empty
	env        []string // more of its environment
}

// smallCompany is enough of a company: a server for an agent that is this
// machine, one that never had an agent, an appliance, and a rule to turn on.
const smallCompany = `
-- vigie.yaml --
vigie: 1
company: {name: Halyard, domain: halyard.example, timezone: Europe/Paris}
-- fleet.yaml --
clients:
  - {slug: borealis, name: Borealis SA, account_manager: nadia}
instances:
  - {slug: borealis-shop, name: Borealis shop, client: borealis, servers: [app-01], environment: production}
servers:
  - {slug: app-01, name: Application server, address: 127.0.0.1, ports: [], roles: [app]}
  - {slug: app-02, name: Second server, address: 127.0.0.2, ports: [], roles: [app]}
  - {slug: fw-01, name: Firewall, address: 127.0.0.3, ports: [], appliance: true, version: OPNsense 26.1}
-- people.yaml --
people:
  - {slug: nadia, name: Nadia Benali, email: nadia@halyard.example, role: admin}
  - {slug: marc, name: Marc Lefevre, email: marc@halyard.example, role: viewer}
-- policy.yaml --
notification_policy:
  group_by: [alertname]
  group_wait: 200ms
  open_issue_from: warning
`

// masterKey seals the keys of the hubs in the stories.
const masterKey = "8c1ea7a4f6c0de0ff1ce2b5d9d3b7f40915c6a7e8d2f3b4c5a69788796a5b4c3"

// adminToken and viewerToken sign the stories in.
const (
	adminToken  = "story-admin-5f8e2d1c7b6a4930"
	viewerToken = "story-viewer-0a1b2c3d4e5f6978"
)

// startHub starts a hub of its own and returns when it is ready and has
// applied its operations repository.
func startHub(t testing.TB, o hubOptions) *hub {
	t.Helper()
	dir := o.folder
	if dir == "" {
		dir = t.TempDir()
	}
	h := &hub{
		env: o.env, demo: &demo{dir: dir, token: adminToken}, t: t, file: filepath.Join(dir, "hub.yaml"), data: filepath.Join(dir, "data"),
		operations: filepath.Join(dir, "operations"), git: o.git, master: filepath.Join(dir, "master.key"),
	}
	h.listen = freeAddress(t)
	agents := freeAddress(t)
	if o.agents != "" {
		_, port, _ := net.SplitHostPort(agents)
		agents = net.JoinHostPort(o.agents, port)
	}
	h.endpoints.Console, h.endpoints.Agents = "http://"+h.listen, "https://"+agents
	put(t, h.master, masterKey+"\n", 0o600)
	put(t, filepath.Join(dir, "tokens"), "story-admin admin "+adminToken+"\nstory-viewer viewer "+viewerToken+"\n"+o.tokens, 0o600)
	if o.operations == "" {
		o.operations = smallCompany
	}
	for _, f := range txtar.Parse([]byte(o.operations)).Files {
		put(t, filepath.Join(h.operations, f.Name), string(f.Data), 0o644)
	}
	state, place := "engine: sqlite", "directory: "+h.operations
	if o.postgres {
		url := filepath.Join(dir, "postgres-url")
		put(t, url, dbtest.Postgres(t).URL+"\n", 0o600)
		state = "engine: postgres\n  url: {file: " + url + "}"
	}
	if o.git {
		git(t, h.operations, "init", "-q", "-b", "main")
		h.commit("The company")
		place = "git: file://" + h.operations + "\n  branch: main"
	}
	put(t, h.file, fmt.Sprintf(`data: %s
master_key: {file: %s}
tokens: %s
listen:
  console: %s
  agents: %s
state:
  %s
operations:
  %s
  interval: 1s
metrics:
  rule_interval: 1s
%s%s`, h.data, h.master, filepath.Join(dir, "tokens"), h.listen, agents, state, place, indent(o.metrics), o.more), 0o600)
	h.process = startHubProcess(h)
	if o.unready {
		return h
	}
	h.waitReady()
	within(t, 30*time.Second, "the hub applies its operations repository", func() error {
		servers, err := list[map[string]any](h.demo, "/api/vigie/v1/servers")
		if err == nil && len(servers) == 0 {
			open, _ := h.openAlerts() // one of them says what is wrong with it
			err = fmt.Errorf("no servers yet; open alerts are %v", open)
		}
		return err
	})
	return h
}

func indent(s string) string {
	var b strings.Builder
	for _, line := range lines(s) {
		b.WriteString("  " + strings.TrimSpace(line) + "\n")
	}
	return b.String()
}

// waitReady returns when the hub says that it works.
func (h *hub) waitReady() {
	h.t.Helper()
	within(h.t, 60*time.Second, "the hub is ready", func() error {
		h.alive()
		status, b, err := call("GET", h.endpoints.Console+"/readyz", "", nil)
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("%d %s", status, b)
		}
		return err
	})
}

// alive fails when the process is over.
func (p *process) alive() {
	p.t.Helper()
	select {
	case <-p.done:
		p.t.Fatalf("%s ended: %v\n%s", strings.Join(p.cmd.Args[1:], " "), p.err, tail(p.out.String(), 4000))
	default:
	}
}

// restart starts the hub again on the same file, after a kill or a stop.
func (h *hub) restart() {
	h.t.Helper()
	h.process = startHubProcess(h)
	h.waitReady()
}

func startHubProcess(h *hub) *process {
	h.t.Helper()
	return startProgramIn(h.t, h.env, binary(h.t), "hub", "--config", h.file)
}

// write changes a file of the operations repository, and commits it.
func (h *hub) write(name, text string) {
	h.t.Helper()
	put(h.t, filepath.Join(h.operations, name), text, 0o644)
	h.commit("Write " + name)
}

// remove takes a file out of the operations repository.
func (h *hub) remove(name string) {
	h.t.Helper()
	if err := os.Remove(filepath.Join(h.operations, name)); err != nil {
		h.t.Fatal(err)
	}
	h.commit("Remove " + name)
}

func (h *hub) commit(subject string) {
	h.t.Helper()
	if !h.git {
		return
	}
	git(h.t, h.operations, "add", "-A")
	git(h.t, h.operations, "-c", "user.name=Story", "-c", "user.email=story@localhost", "commit", "-q", "-m", subject)
}

func git(t testing.TB, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func put(t testing.TB, file, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// metric returns the first sample of an instant query, errNotYet for none.
func (h *hub) metric(query string) (string, error) {
	return instant(h.endpoints.Console, h.token, query)
}

// instant asks any Prometheus API for the first sample of a query.
func instant(base, token, query string) (string, error) {
	status, b, err := call("POST", base+"/api/v1/query?query="+urlQuery(query), token, nil)
	if err != nil {
		return "", err
	}
	var r struct {
		Data struct{ Result []struct{ Value [2]any } }
	}
	if status != http.StatusOK {
		return "", fmt.Errorf("%s: %d %s", query, status, tail(string(b), 300))
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return "", err
	}
	if len(r.Data.Result) == 0 {
		return "", fmt.Errorf("%s finds nothing: %w", query, errNotYet)
	}
	return fmt.Sprint(r.Data.Result[0].Value[1]), nil
}

// vigie runs a command of the program to its end.
func vigie(t testing.TB, args ...string) (out, errs string, status int) {
	t.Helper()
	return run(t, "", binary(t), args...)
}

// run runs a program with a standard input to its end.
func run(t testing.TB, in, program string, args ...string) (out, errs string, status int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	var o, e bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(in), &o, &e
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s %s: %v", program, strings.Join(args, " "), err)
	}
	return o.String(), e.String(), cmd.ProcessState.ExitCode()
}

// must is run for what has to work.
func must(t testing.TB, in, program string, args ...string) string {
	t.Helper()
	out, errs, status := run(t, in, program, args...)
	if status != 0 {
		t.Fatalf("%s %s: exit status %d\n%s%s", filepath.Base(program), strings.Join(args, " "), status, out, errs)
	}
	return out
}

// agent is a running `vigie agent`.
type agent struct {
	*process
	file string
	data string
}

// startAgent enrols an agent as a server of the hub and starts it. More lines
// go to its configuration.
func startAgent(t testing.TB, h *hub, server string, more ...string) *agent {
	t.Helper()
	dir := t.TempDir()
	a := &agent{file: filepath.Join(dir, "agent.yaml"), data: filepath.Join(dir, "data")}
	put(t, a.file, fmt.Sprintf("data_dir: %s\nhubs:\n  - {name: main, url: %q}\ncollect: {interval: 5s}\n%s\n",
		a.data, h.endpoints.Agents, strings.Join(more, "\n")), 0o600)
	token := must(t, "", binary(t), "agent", "token", server, "--config", h.file)
	said := must(t, token, binary(t), "agent", "enrol", "--config", a.file)
	if !strings.Contains(said, "enrolled as "+server) {
		t.Fatalf("enrolling says %q", said)
	}
	a.process = start(t, "agent", "--config", a.file)
	return a
}

// restart starts the agent again, after a kill or a stop.
func (a *agent) restart() {
	a.t.Helper()
	a.process = start(a.t, "agent", "--config", a.file)
}
