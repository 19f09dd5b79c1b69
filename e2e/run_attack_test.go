package e2e_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/keyring"
)

// traps pushes a commit that would act on whatever looks at it with Ansible or
// with git's own helpers.
func (y *yard) traps(t *testing.T) {
	dir := outerFolder(t)
	if err := os.Chmod(dir, 0o777); err != nil { //nolint:gosec // whoever falls in shall be able to write it
		t.Fatal(err)
	}
	for d := dir; d != "/var/tmp" && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o777); err != nil { //nolint:gosec // so
			t.Fatal(err)
		}
	}
	marker := filepath.Join(dir, "sprung")
	spring := fmt.Sprintf("open(%q, \"a\").write(__file__ + \"\\n\")\n", marker)
	script := fmt.Sprintf("#!/bin/sh\necho \"$0\" >> %s\necho '{}'\n", marker)
	hash := y.push(t, "tomas", map[string]string{
		"playbooks/ansible.cfg": "[defaults]\ncallback_plugins = traps\ncallbacks_enabled = trap\nstdout_callback = trap\ninventory = traps/inventory.sh\n" +
			"vars_plugins = traps\nlookup_plugins = traps\nstrategy_plugins = traps\n",
		"playbooks/filter_plugins/trap.py": spring + "class FilterModule:\n    def filters(self):\n        return {'trap': lambda v: v}\n",
		"playbooks/traps/trap.py":          spring,
		"playbooks/traps/inventory.sh":     script,
		"playbooks/library/trap.py":        spring,
		"playbooks/site.yml":               "- hosts: \"{{ lookup('pipe', 'touch " + marker + "') or 'all' }}\"\n  gather_facts: false\n  tasks:\n    - ansible.builtin.debug: {msg: \"{{ 'x' | trap }}\"}\n",
		".gitattributes":                   "* filter=trap diff=trap merge=trap\n",
		".gitmodules":                      "[submodule \"trap\"]\n\tpath = trap\n\turl = ext::" + script + "\n",
		"hooks/post-checkout":              script,
	})
	page := "/runs/commits/" + hash
	if status, shown, _ := y.nadia.open(page, nil); status != http.StatusOK || !strings.Contains(shown, "filter_plugins/trap.py") {
		t.Errorf("the commit is shown as %d %s", status, tail(shown, 1000))
	}
	if status, shown, _ := y.nadia.open("/runs/new?commit="+hash+"&playbook=site", nil); status != http.StatusOK {
		t.Errorf("the form shows %d %s", status, tail(shown, 1000))
	}
	must(t, "", binary(t), "check", y.operations)
	for _, args := range [][]string{{"--check"}, {"--reason", "a story"}} {
		if _, errs, status := y.asAdmin(t, append([]string{"run", "site", "--commit", hash, "--limit", "db-01"}, args...)...); status != 1 || !strings.Contains(errs, "was not accepted") {
			t.Errorf("asked %v, the hub says %d %s", args, status, errs)
		}
	}
	if b, err := os.ReadFile(marker); err == nil {
		t.Errorf("a trap was sprung: %s", b)
	}

	// The traps are real: accepted, the same commit springs them, as the user of
	// runs and nobody else.
	if status, _, _ := y.nadia.submit(t, page, page+"/accept", url.Values{}); status != http.StatusSeeOther {
		t.Fatalf("nadia accepts: %d", status)
	}
	r, err := y.tryAsk(map[string]any{"playbook": "site", "commit": hash, "limit": "db-01", "check": true})
	if err != nil {
		t.Fatal(err)
	}
	y.until(t, r.ID, "ends", runItem.over)
	if owner := must(t, "", "stat", "-c", "%U", marker); owner != "vigie-run\n" {
		t.Errorf("the trap was sprung by %s", owner)
	}
	// What starts by itself shall not run into it.
	y.push(t, "nadia", map[string]string{"README": "without traps\n"}, y.signature()...)
}

// thief is a playbook that reads on the hub's machine whatever it can.
const thief = `
-- playbooks/thief.yml --
- name: Steal
  hosts: all
  gather_facts: false
  vars:
    read: |
      for f in "$@"; do
        if content=$(cat -v "$f" 2>&1); then echo "READ $f: $content"; else echo "DENIED $f"; fi
      done
      echo "PROCESSES $(ps -eo user:20,args | cat -v)"
      echo "ROOT $(sudo -n id 2>&1) $(unshare -r cat "$1" 2>&1) $(mount -t tmpfs none /mnt 2>&1) $(nsenter -t 1 -a id 2>&1)"
  tasks:
    - name: By a task that is delegated
      ansible.builtin.shell: {cmd: "set -- {{ paths | map('quote') | join(' ') }}; {{ read }}"}
      delegate_to: localhost
      register: delegated
    - name: By a connection that is local
      ansible.builtin.shell: {cmd: "set -- {{ paths | map('quote') | join(' ') }}; {{ read }}"}
      vars: {ansible_connection: local, ansible_python_interpreter: /usr/bin/python3}
      register: here
    - name: By becoming root
      ansible.builtin.slurp: {src: "{{ item }}"}
      loop: "{{ paths }}"
      delegate_to: localhost
      become: true
      ignore_errors: true
      register: root
    - name: By reading files
      ansible.builtin.debug: {msg: "{{ item }}: {{ lookup('ansible.builtin.file', item, errors='ignore') }}"}
      loop: "{{ paths }}"
      ignore_errors: true
      register: files
    - name: By a pipe
      ansible.builtin.debug: {msg: "{{ lookup('ansible.builtin.pipe', 'cat ' ~ (paths | map('quote') | join(' ')) ~ ' 2>&1; env; true') }}"}
    - name: From the agent
      ansible.builtin.shell: {cmd: "ssh-add -L; ssh-add -D; ssh-add -x </dev/null; ls -ln $SSH_AUTH_SOCK; true"}
      delegate_to: localhost
      register: agent
    - name: Tell
      ansible.builtin.debug: {msg: "{{ [delegated.stdout, here.stdout, agent.stdout, agent.stderr, root, files] }}"}
    - name: The agent signs as before
      ansible.builtin.ping:
`

// thief runs an accepted playbook that tries to read what the hub keeps.
func (y *yard) thief(t *testing.T) {
	t.Parallel()
	tokens := filepath.Join(y.dir, "tokens")
	hub := fmt.Sprintf("/proc/%d/", y.cmd.Process.Pid)
	secret := []string{
		filepath.Join(y.data, "state.db"), filepath.Join(y.data, "state.db-wal"), y.master, tokens, y.token, y.file, y.signing,
		hub + "environ", hub + "mem", hub + "maps", "/proc/1/environ", "/proc/1/root" + y.master, "/etc/shadow",
	}
	open := []string{"/etc/passwd", "/run/vigie-run/in/variables.json"} // what shows that the thief can read
	r := y.ask(t, "thief", "app-02", map[string]any{"paths": append(append([]string{}, secret...), open...)})
	r = y.ended(t, r.ID, "succeeded")
	status, record, err := y.call("GET", "/api/vigie/v1/runs/"+r.ID+"/record.json", nil)
	if err != nil || status != http.StatusOK {
		t.Fatalf("the record: %d %v", status, err)
	}
	log := y.log(t, r.ID)
	for _, path := range secret {
		if n := strings.Count(log, "DENIED "+path+`\n`); n != 2 || strings.Contains(log, "READ "+path) {
			t.Errorf("%s was denied %d times, want 2", path, n)
		}
	}
	for _, path := range open {
		if !strings.Contains(log, "READ "+path) {
			t.Errorf("the thief could not read %s either, so this story proves nothing", path)
		}
	}
	if !strings.Contains(log, "vigie hub, for runs of playbooks") || strings.Contains(log, "All identities removed") {
		t.Error("the agent shows no public key, or forgets its key when it is told to")
	}
	if strings.Contains(log, "vigie hub --config") || strings.Contains(log, "uid=0") {
		t.Error("the thief saw the hub, or was root")
	}
	for _, line := range lines(y.out.String()) {
		if !strings.HasPrefix(line, "{") {
			t.Errorf("what the thief asked of the agent stands in the hub's log as %q", line)
		}
	}
	everything := log + string(record)
	for what, bytes := range y.secrets(t) {
		for _, form := range forms(bytes) {
			if strings.Contains(everything, form) {
				t.Errorf("the thief got the %s", what)
			}
		}
	}
	if t.Failed() {
		t.Logf("the log of the thief:\n%s", tail(log, 20000))
	}
}

// secrets are what nobody may get from the hub.
func (y *yard) secrets(t *testing.T) map[string][]byte {
	t.Helper()
	signing, err := os.ReadFile(y.signing)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{
		"master key": []byte(masterKey), "admin's token": []byte(adminToken), "environment": []byte(y.secret), "key that signs commits": signing, "state": []byte("SQLite format 3"),
	}
	y.state(t, func(d *db.DB) error {
		ring, err := keyring.Open(t.Context(), d, []byte(masterKey))
		if err != nil {
			return err
		}
		ssh, err := ring.Key(t.Context(), "ssh")
		if err != nil {
			return err
		}
		ca, err := ring.Sealed(t.Context(), "enrol/ca", func() ([]byte, error) { return nil, errNotYet })
		if err != nil {
			return err
		}
		out["key that signs in to servers"], out["key of the CA"] = ssh.Bytes(), ca.Bytes()
		return nil
	})
	return out
}

// forms are how a secret may be written.
func forms(b []byte) []string {
	return []string{string(b), hex.EncodeToString(b), base64.RawStdEncoding.EncodeToString(b)}
}
