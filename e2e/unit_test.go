package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/vigie-ops/vigie/e2e/testfleet"
)

// fleetServer boots a real server and returns what runs commands there.
func fleetServer(t *testing.T) (f *testfleet.Fleet, s *testfleet.Server, there func(command string) string) {
	t.Helper()
	f, s, there, _ = fleetServerKey(t)
	return f, s, there
}

// fleetServerKey is fleetServer with the file of the key that signs in there.
func fleetServerKey(t *testing.T) (f *testfleet.Fleet, s *testfleet.Server, there func(command string) string, key string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("a test fleet needs root")
	}
	key = filepath.Join(t.TempDir(), "key")
	must(t, "", "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	f, err = testfleet.Up(t.Context(), 1, testfleet.Options{AuthorizedKeys: string(public)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Destroy(); err != nil {
			t.Error(err)
		}
	})
	s = f.Servers()[0]
	there = func(command string) string {
		t.Helper()
		return strings.TrimSpace(must(t, "", "ssh", "-i", key, "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no",
			"-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "root@"+s.Address, command))
	}
	return f, s, there, key
}

// copyTo puts a file on a server.
func copyTo(t *testing.T, s *testfleet.Server, from, to string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(s.Path(to)), 0o755); err != nil {
		t.Fatal(err)
	}
	must(t, "", "cp", from, s.Path(to))
}

// installAgent starts the agent of app-01 on a server, by the unit that ships.
func installAgent(t *testing.T, h *hub, s *testfleet.Server, there func(command string) string) {
	t.Helper()
	copyTo(t, s, binary(t), "/usr/local/bin/vigie")
	copyTo(t, s, "../packaging/systemd/vigie-agent.service", "/etc/systemd/system/vigie-agent.service")
	put(t, s.Path("/etc/vigie/agent.yaml"), fmt.Sprintf("hubs:\n  - {url: %q, token: {file: /etc/vigie/token}}\ncollect: {interval: 5s}\n", h.endpoints.Agents), 0o600)
	put(t, s.Path("/etc/vigie/token"), must(t, "", binary(t), "agent", "token", "app-01", "--config", h.file), 0o600)
	there("useradd --system --home-dir /var/lib/vigie-agent --no-create-home --shell /usr/sbin/nologin vigie-agent && systemctl daemon-reload && systemctl enable -q --now vigie-agent")
}

// TestTheAgentSeesTheWholeServerUnderItsUnit runs the agent by the unit that
// ships, on a real server, and looks for what only somebody who may look
// everywhere sees.
func TestTheAgentSeesTheWholeServerUnderItsUnit(t *testing.T) {
	f, s, there := fleetServer(t)
	h := startHub(t, hubOptions{agents: f.Gateway()})

	// Root's own things: a program that was replaced while it runs, a
	// certificate that nobody else may read, a listener.
	there(`install -m 700 "$(command -v sleep)" /usr/local/bin/oldprogram && systemd-run -q --unit oldprogram /usr/local/bin/oldprogram infinity && rm /usr/local/bin/oldprogram
		openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=secret.example -days 30 -keyout /dev/null -out /etc/ssl/private/site.pem 2>/dev/null && chmod 600 /etc/ssl/private/site.pem`)

	installAgent(t, h, s, there)

	for query, want := range map[string]string{
		`node_systemd_unit_state{server="app-01",name="oldprogram.service",state="active"}`: "1",
		`node_timex_offset_seconds{server="app-01"} * 0`:                                    "0",
		`count(node_scrape_collector_success{server="app-01"} == 0) or vector(0)`:           "0",
	} {
		within(t, 60*time.Second, query, func() error {
			got, err := h.metric(query)
			if err == nil && got != want {
				err = fmt.Errorf("%s, want %s", got, want)
			}
			if err != nil {
				err = fmt.Errorf("%w\n%s", err, there("journalctl -u vigie-agent -n 40 -o cat --no-pager"))
			}
			return err
		})
	}
	for kind, want := range map[string]string{
		"stale": "oldprogram", "certificates": "secret.example", "ports": "sshd", "users": "root", "packages": "systemd", "mounts": "overlay",
	} {
		within(t, 60*time.Second, "the facts about "+kind, func() error {
			status, b, err := h.call("GET", "/servers/app-01/facts/"+kind, nil)
			if err == nil && !strings.Contains(string(b), want) {
				err = fmt.Errorf("%d, without %q", status, want)
			}
			// The folder it may write is no disk of the server.
			if err == nil && strings.Contains(string(b), "/var/lib/vigie-agent</") {
				t.Errorf("the facts about %s name the agent's own mount:\n%s", kind, b)
			}
			return err
		})
	}
	if out := there("stat -c %U /var/lib/vigie-agent/hubs/*/identity.pem; systemctl show -p NRestarts vigie-agent"); out != "vigie-agent\nNRestarts=0" {
		t.Errorf("the server says %q", out)
	}
}

// TestTheHubWorksUnderItsUnit starts the hub by the unit that ships, on a real
// server: as root, where it runs a playbook with a vault, and then without it.
func TestTheHubWorksUnderItsUnit(t *testing.T) {
	_, s, there := fleetServer(t)
	there("apt-get update -qq && apt-get install -y -qq --no-install-recommends ansible-core git openssh-client >/dev/null 2>&1")
	there("useradd --system --no-create-home --home-dir /run/vigie-run/home --shell /usr/sbin/nologin vigie-run")
	copyTo(t, s, binary(t), "/usr/local/bin/vigie")
	copyTo(t, s, "../packaging/systemd/vigie-hub.service", "/etc/systemd/system/vigie-hub.service")
	put(t, s.Path("/etc/vigie/master.key"), masterKey+"\n", 0o600)
	put(t, s.Path("/etc/vigie/tokens"), "admin admin "+adminToken+"\n", 0o600)
	put(t, s.Path("/etc/vigie/secrets/vault"), "a password for the vault\n", 0o600)
	key, err := s.HostKey()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range txtar.Parse([]byte(fmt.Sprintf(ownOperations, key))).Files {
		put(t, filepath.Join(s.Path("/srv/ops"), f.Name), string(f.Data), 0o644)
	}
	there(`cd /srv/ops && mkdir -p playbooks/group_vars && echo 'word: sealed' > playbooks/group_vars/all.yml &&
		ansible-vault encrypt --encrypt-vault-id production --vault-id production@/etc/vigie/secrets/vault playbooks/group_vars/all.yml 2>/dev/null &&
		git init -q -b main && git add -A && git -c user.name=ada -c user.email=ada@halyard.example commit -q -m 'The first'`)
	put(t, s.Path("/etc/vigie/hub.yaml"), `data: /var/lib/vigie
master_key: {file: /etc/vigie/master.key}
tokens: /etc/vigie/tokens
listen: {console: "0.0.0.0:8080"}
operations: {git: "file:///srv/ops", interval: 1s}
`, 0o644)
	base := "http://" + s.Address + ":8080"
	ready := func() {
		t.Helper()
		within(t, 60*time.Second, "the hub is ready", func() error {
			status, b, err := call("GET", base+"/readyz", "", nil)
			if err == nil && status != http.StatusOK {
				err = fmt.Errorf("%d %s", status, b)
			}
			if err != nil {
				err = fmt.Errorf("%w\n%s", err, there("journalctl -u vigie-hub -n 40 -o cat --no-pager"))
			}
			return err
		})
	}
	there("systemctl daemon-reload && systemctl start vigie-hub")
	ready()
	if token := there("vigie agent token app-01"); !strings.HasPrefix(token, "vigie1.app-01.") {
		t.Errorf("the token is %q", token)
	}
	status, public, err := call("GET", base+"/api/vigie/v1/ssh-key", adminToken, nil)
	if err != nil || status != http.StatusOK {
		t.Fatalf("the hub's key: %d %v", status, err)
	}
	there("echo '" + strings.TrimSpace(string(public)) + "' >> /root/.ssh/authorized_keys")
	status, b, err := call("POST", base+"/api/vigie/v1/runs", adminToken, strings.NewReader(`{"playbook": "look", "limit": "all", "reason": "a story", "break_glass": "nobody is there to accept it"}`))
	var r runItem
	if err != nil || status != http.StatusCreated || json.Unmarshal(b, &r) != nil {
		t.Fatalf("asked for a run, the hub answers %d %s %v", status, b, err)
	}
	within(t, 90*time.Second, "the run ends", func() error {
		_, b, err := call("GET", base+"/api/vigie/v1/runs/"+r.ID, adminToken, nil)
		if err != nil {
			return err
		}
		if r = (runItem{}); json.Unmarshal(b, &r) != nil || !r.over() {
			return fmt.Errorf("it is %s", b)
		}
		return nil
	})
	_, log, err := call("GET", base+"/api/vigie/v1/runs/"+r.ID+"/log.txt", adminToken, nil)
	if err != nil || r.State != "succeeded" {
		t.Errorf("the run %s: %s %v\n%s", r.State, r.Cause, err, log)
	}
	for what, want := range map[string]string{"the vault is opened": "6 letters", "it is a user of its own": "uid vigie-run", "it has no capability": "CapEff:\t0000000000000000", "it reads nothing of the hub": "denied denied"} {
		if !strings.Contains(strings.ReplaceAll(string(log), `\t`, "\t"), want) {
			t.Errorf("%s: the log is without %q\n%s", what, want, log)
		}
	}

	there("systemctl stop vigie-hub && useradd --system --home-dir /var/lib/vigie --no-create-home vigie && cd /etc/vigie && chown root:vigie master.key tokens && chmod 640 master.key tokens")
	copyTo(t, s, "../packaging/systemd/vigie-hub-unprivileged.conf", "/etc/systemd/system/vigie-hub.service.d/unprivileged.conf")
	there("systemctl daemon-reload && systemctl start vigie-hub")
	ready()
	if out := there("ps -o user= -C vigie"); out != "vigie" {
		t.Errorf("the hub runs as %q", out)
	}
}

// ownOperations is a company whose only server is the hub's own. It is reached
// by ssh, as any other.
const ownOperations = `
-- vigie.yaml --
vigie: 1
company: {name: Halyard, domain: halyard.example, timezone: Europe/Paris}
people:
  - {slug: ada, name: Ada Keller, email: ada@halyard.example, role: admin, lead: true}
servers:
  - {slug: app-01, address: 127.0.0.1, ports: [], roles: [app], ssh: {user: root, host_keys: [%q]}}
vaults: [{slug: production, password: {file: /etc/vigie/secrets/vault}}]
-- playbooks/vigie.yaml --
playbooks: [{slug: look, file: look.yml, vaults: [production]}]
-- playbooks/look.yml --
- name: Look around
  hosts: all
  tasks:
    - name: On the server
      ansible.builtin.debug: {msg: "{{ word | length }} letters"}
    - name: At the hub
      ansible.builtin.shell:
        cmd: echo uid $(id -un); grep CapEff /proc/self/status; for f in /var/lib/vigie/state.db /etc/vigie/master.key; do cat $f >/dev/null 2>&1 && echo read || echo -n "denied "; done
      delegate_to: localhost
      changed_when: false
      register: seen
    - name: Tell
      ansible.builtin.debug: {var: seen.stdout_lines}
`

// TestTheUnitsAreValid asks systemd about what ships.
func TestTheUnitsAreValid(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("systemd-analyze is not installed")
	}
	dropIns := map[string]string{"vigie-hub-unprivileged.conf": "vigie-hub.service", "vigie-agent-smart.conf": "vigie-agent.service"}
	for _, of := range []string{"vigie-agent.service", "vigie-hub.service", "vigie-hub-unprivileged.conf", "vigie-agent-smart.conf"} {
		t.Run(of, func(t *testing.T) {
			dir := t.TempDir()
			unit := of
			if base, is := dropIns[of]; is {
				unit = base
				text, err := os.ReadFile("../packaging/systemd/" + of)
				if err != nil {
					t.Fatal(err)
				}
				put(t, filepath.Join(dir, base+".d", of), string(text), 0o644)
			}
			text, err := os.ReadFile("../packaging/systemd/" + unit)
			if err != nil {
				t.Fatal(err)
			}
			// The program is not installed on the machine that tests.
			put(t, filepath.Join(dir, unit), strings.ReplaceAll(string(text), "/usr/local/bin/vigie ", "/bin/true "), 0o644)
			out, errs, status := run(t, "", analyze, "verify", "--man=no", filepath.Join(dir, unit))
			if status != 0 || out+errs != "" {
				t.Errorf("exit status %d\n%s%s", status, out, errs)
			}
			if unit != of {
				return // what it allows beside is its owner's choice
			}
			out, errs, status = run(t, "", analyze, "security", "--offline=true", "--no-pager", "--threshold=29", filepath.Join(dir, unit))
			if status != 0 {
				t.Errorf("its exposure is 3 or more: %d\n%s%s", status, out, errs)
			}
		})
	}
}
