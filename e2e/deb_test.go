package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// packagesOf builds the packages of a version.
func packagesOf(t *testing.T, version, to string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "../scripts/deb", to)
	cmd.Env = append(os.Environ(), "VERSION="+version)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the packages: %v\n%s", err, tail(string(out), 2000))
	}
}

// TestThePackagesInstallStartUpgradeAndLeave takes a real server through the life
// of the Debian packages.
func TestThePackagesInstallStartUpgradeAndLeave(t *testing.T) {
	f, s, there := fleetServer(t)
	h := startHub(t, hubOptions{agents: f.Gateway()})
	for _, version := range []string{"1.0.0~story1", "1.0.0~story2"} {
		dir := filepath.Join(t.TempDir(), version)
		packagesOf(t, version, dir)
		for _, name := range []string{"vigie", "vigie-hub", "vigie-agent"} {
			copyTo(t, s, filepath.Join(dir, fmt.Sprintf("%s_%s_amd64.deb", name, version)), "/root/"+version+"/"+name+".deb")
		}
	}
	install := func(version string) {
		t.Helper()
		there("apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends /root/" + version + "/*.deb >/root/install.log 2>&1 || { cat /root/install.log; exit 1; }")
		if got := there("vigie version"); got != "vigie "+version {
			t.Errorf("installed is %q, want %s", got, version)
		}
	}
	ready := func() {
		t.Helper()
		within(t, 60*time.Second, "the hub is ready", func() error {
			out := there("python3 -c 'import urllib.request as u; print(u.urlopen(\"http://127.0.0.1:8080/readyz\").read().decode())' 2>&1 || true")
			if out != "ready" {
				return fmt.Errorf("%s\n%s", out, there("journalctl -u vigie-hub -n 20 -o cat --no-pager"))
			}
			return nil
		})
	}
	install("1.0.0~story1")
	ready()
	if out := there("stat -c '%U %a' /etc/vigie/master.key; systemctl is-enabled vigie-hub vigie-agent; systemctl is-active vigie-agent || true; ss -Hltn 'sport = :8080' | awk '{print $4}'"); out != "root 600\nenabled\nenabled\ninactive\n127.0.0.1:8080" {
		t.Errorf("after the installation the server says\n%s", out)
	}
	if out := there("vigie check --hub /etc/vigie/hub.yaml && vigie check /etc/vigie/operations; ls /var/lib/vigie/setup-link"); !strings.Contains(out, "/var/lib/vigie/setup-link") {
		t.Errorf("what is shipped is not valid: %s", out)
	}

	// The agent starts once it is told which hub it has.
	put(t, s.Path("/etc/vigie/agent.yaml"), fmt.Sprintf("hubs:\n  - {url: %q, token: {file: /etc/vigie/token}}\ncollect: {interval: 5s}\n", h.endpoints.Agents), 0o644)
	put(t, s.Path("/etc/vigie/token"), must(t, "", binary(t), "agent", "token", "app-01", "--config", h.file), 0o600)
	there("systemctl start vigie-agent")
	heard := func(version string) {
		t.Helper()
		within(t, 60*time.Second, "the hub hears the agent "+version, func() error {
			var server struct{ State, Agent string }
			if err := h.get("/api/vigie/v1/servers/app-01", &server); err != nil {
				return err
			}
			if server.Agent != version {
				return fmt.Errorf("%+v\n%s", server, there("journalctl -u vigie-agent -n 20 -o cat --no-pager"))
			}
			return nil
		})
	}
	heard("1.0.0~story1")

	// An upgrade restarts both, and leaves what somebody wrote.
	there("echo '# mine' >>/etc/vigie/hub.yaml; sha256sum /etc/vigie/master.key >/root/key")
	install("1.0.0~story2")
	ready()
	heard("1.0.0~story2")
	if out := there("tail -1 /etc/vigie/hub.yaml; sha256sum --status -c /root/key && echo same; readlink /proc/$(systemctl show -p MainPID --value vigie-hub)/exe"); out != "# mine\nsame\n/usr/bin/vigie" {
		t.Errorf("after the upgrade the server says\n%s", out)
	}

	there("DEBIAN_FRONTEND=noninteractive apt-get remove -y -qq vigie-hub vigie-agent vigie >/dev/null 2>&1")
	if out := there("ls -d /etc/vigie/hub.yaml /var/lib/vigie/state.db; systemctl is-active vigie-hub vigie-agent || true; pgrep -c -x vigie || true; ls /usr/bin/vigie /lib/systemd/system/vigie-*.service 2>/dev/null || true"); out != "/etc/vigie/hub.yaml\n/var/lib/vigie/state.db\ninactive\ninactive\n0" {
		t.Errorf("after the removal the server says\n%s", out)
	}
	out := there("DEBIAN_FRONTEND=noninteractive apt-get purge -y -qq vigie-hub vigie-agent vigie 2>&1 | grep left || true; ls -A /etc/vigie /var/lib/vigie-agent 2>&1 || true; getent passwd vigie-run vigie-agent || true; ls -d /var/lib/vigie/state.db")
	if !strings.Contains(out, "are left: they are all that the hub knows") || !strings.Contains(out, "cannot access '/var/lib/vigie-agent'") || strings.Contains(out, "nologin") || !strings.HasSuffix(out, "/var/lib/vigie/state.db") {
		t.Errorf("after the purge the server says\n%s", out)
	}
}

// TestTheRoleInstallsHubAndAgent has Ansible set up a server with the role that
// ships, twice.
func TestTheRoleInstallsHubAndAgent(t *testing.T) {
	f, s, there, key := fleetServerKey(t)
	h := startHub(t, hubOptions{agents: f.Gateway()})
	dir, packages := t.TempDir(), t.TempDir()
	packagesOf(t, "1.0.0~story1", packages)
	token := strings.TrimSpace(must(t, "", binary(t), "agent", "token", "app-01", "--config", h.file))
	roles, err := filepath.Abs("../packaging/ansible/roles")
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "play.yml"), fmt.Sprintf(`
- hosts: all
  gather_facts: false
  roles:
    - role: vigie
      vars:
        vigie_parts: [hub, agent]
        vigie_packages: %s
        vigie_agent: {hubs: [{url: %q, token: {file: /etc/vigie/token}}], collect: {interval: 5s}}
        vigie_agent_token: %q
        vigie_hub: {data: /var/lib/vigie, master_key: {file: /etc/vigie/master.key}, listen: {console: "127.0.0.1:8081"}, operations: {directory: /etc/vigie/operations}}
`, packages, h.endpoints.Agents, token), 0o600)
	there("apt-get update -qq")
	for _, changed := range []bool{true, false} {
		cmd := exec.CommandContext(t.Context(), "ansible-playbook", "-i", s.Address+",", "--user", "root", "play.yml")
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "ANSIBLE_ROLES_PATH="+roles, "HOME="+dir, "ANSIBLE_NOCOLOR=1", "ANSIBLE_PRIVATE_KEY_FILE="+key,
			"ANSIBLE_SSH_ARGS=-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR")
		out, err := cmd.CombinedOutput()
		if err != nil || strings.Contains(string(out), "changed=0") == changed || strings.Contains(string(out), token) {
			t.Fatalf("the playbook: %v\n%s", err, tail(string(out), 4000))
		}
	}
	within(t, 60*time.Second, "the hub hears the agent", func() error {
		var server struct{ Agent string }
		if err := h.get("/api/vigie/v1/servers/app-01", &server); err != nil {
			return err
		}
		if server.Agent != "1.0.0~story1" {
			return fmt.Errorf("%+v\\n%s", server, there("journalctl -u vigie-agent -n 20 -o cat --no-pager"))
		}
		return nil
	})
	within(t, 60*time.Second, "the hub of the role is ready", func() error {
		if out := there("python3 -c 'import urllib.request as u; print(u.urlopen(\"http://127.0.0.1:8081/readyz\").read().decode())' 2>&1 || true"); out != "ready" {
			return fmt.Errorf("%s\n%s", out, there("journalctl -u vigie-hub -n 20 -o cat --no-pager"))
		}
		return nil
	})
}
