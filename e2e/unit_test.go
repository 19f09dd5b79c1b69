package e2e_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/e2e/testfleet"
)

// fleetServer boots a real server and returns what runs commands there.
func fleetServer(t *testing.T) (f *testfleet.Fleet, s *testfleet.Server, there func(command string) string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("a test fleet needs root")
	}
	key := filepath.Join(t.TempDir(), "key")
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
	return f, s, there
}

// copyTo puts a file on a server.
func copyTo(t *testing.T, s *testfleet.Server, from, to string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(s.Path(to)), 0o755); err != nil {
		t.Fatal(err)
	}
	must(t, "", "cp", from, s.Path(to))
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

	copyTo(t, s, binary(t), "/usr/local/bin/vigie")
	copyTo(t, s, "../packaging/systemd/vigie-agent.service", "/etc/systemd/system/vigie-agent.service")
	put(t, s.Path("/etc/vigie/agent.yaml"), fmt.Sprintf("hubs:\n  - {url: %q, token: {file: /etc/vigie/token}}\ncollect: {interval: 5s}\n", h.endpoints.Agents), 0o600)
	put(t, s.Path("/etc/vigie/token"), must(t, "", binary(t), "agent", "token", "app-01", "--config", h.file), 0o600)
	there("useradd --system --home-dir /var/lib/vigie-agent --no-create-home --shell /usr/sbin/nologin vigie-agent && systemctl daemon-reload && systemctl enable -q --now vigie-agent")

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

// TestTheHubIsReadyUnderItsUnit starts the hub by the unit that ships, on a real
// server: as root, and then without it.
func TestTheHubIsReadyUnderItsUnit(t *testing.T) {
	_, s, there := fleetServer(t)
	copyTo(t, s, binary(t), "/usr/local/bin/vigie")
	copyTo(t, s, "../packaging/systemd/vigie-hub.service", "/etc/systemd/system/vigie-hub.service")
	must(t, "", "cp", "-r", "../examples/ops", s.Path("/srv/ops"))
	put(t, s.Path("/etc/vigie/master.key"), masterKey+"\n", 0o600)
	put(t, s.Path("/etc/vigie/hub.yaml"), `data: /var/lib/vigie
master_key: {file: /etc/vigie/master.key}
listen: {console: "0.0.0.0:8080"}
operations: {directory: /srv/ops}
`, 0o644)
	ready := func() {
		t.Helper()
		within(t, 60*time.Second, "the hub is ready", func() error {
			status, b, err := call("GET", "http://"+s.Address+":8080/readyz", "", nil)
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

	there("systemctl stop vigie-hub && useradd --system --home-dir /var/lib/vigie --no-create-home vigie && chown root:vigie /etc/vigie/master.key && chmod 640 /etc/vigie/master.key")
	copyTo(t, s, "../packaging/systemd/vigie-hub-unprivileged.conf", "/etc/systemd/system/vigie-hub.service.d/unprivileged.conf")
	there("systemctl daemon-reload && systemctl start vigie-hub")
	ready()
	if out := there("ps -o user= -C vigie"); out != "vigie" {
		t.Errorf("the hub runs as %q", out)
	}
}

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
		})
	}
}
