package e2e_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestARunSignsInByTheHostKeysThatTheAgentReported has an agent tell the host
// keys of a real server, which stand nowhere else, and gives the server other
// ones.
func TestARunSignsInByTheHostKeysThatTheAgentReported(t *testing.T) {
	f, s, there := fleetServer(t)
	h := startHub(t, hubOptions{git: true, agents: f.Gateway(), operations: fmt.Sprintf(`
-- vigie.yaml --
vigie: 1
company: {name: Halyard, domain: halyard.example, timezone: Europe/Paris}
people:
  - {slug: nadia, name: Nadia Benali, email: nadia@halyard.example, role: admin, lead: true}
servers:
  - {slug: app-01, address: %s, ports: [], roles: [app], ssh: {user: root}}
-- playbooks/vigie.yaml --
playbooks: [{slug: greet, file: greet.yml}]
-- playbooks/greet.yml --
- name: Greet
  hosts: all
  gather_facts: false
  tasks:
    - name: Write it down
      ansible.builtin.copy: {content: "good day\n", dest: /srv/greeting, mode: "0644"}
`, s.Address)})
	y := &yard{hub: h}
	nadia := y.signUp(t, "nadia")
	status, key, err := h.call("GET", "/api/vigie/v1/ssh-key", nil)
	if err != nil || status != http.StatusOK {
		t.Fatalf("the hub's key: %d %v", status, err)
	}
	there("echo '" + strings.TrimSpace(string(key)) + "' >> /root/.ssh/authorized_keys")
	ask := func() runItem {
		t.Helper()
		r, err := y.tryAsk(map[string]any{"playbook": "greet", "limit": "app-01", "reason": "a story", "break_glass": "it is one"})
		if err != nil {
			t.Fatal(err)
		}
		return y.until(t, r.ID, "is over", runItem.over)
	}
	if r := ask(); r.State != "failed" || !strings.HasPrefix(r.Cause, "no host key is known of app-01") {
		t.Errorf("before the agent runs, it %s: %s", r.State, r.Cause)
	}
	installAgent(t, h, s, there)
	shown := func(words string) {
		t.Helper()
		within(t, 60*time.Second, "the page of the host keys says "+words, func() error {
			if status, page, _ := nadia.open("/runs/hosts/app-01", nil); status != http.StatusOK || !strings.Contains(page, words) {
				return fmt.Errorf("%d %s", status, tail(page, 1500))
			}
			return nil
		})
	}
	fingerprint := func() string {
		t.Helper()
		return strings.Fields(there("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"))[1]
	}
	shown(fingerprint())
	if r := ask(); r.State != "succeeded" {
		t.Fatalf("by the keys of the agent, it %s: %s\n%s", r.State, r.Cause, y.log(t, r.ID))
	}

	before := fingerprint()
	if err := s.NewHostKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := ask(); r.State != "failed" || !strings.HasPrefix(r.Cause, "the host key of app-01 is not the one that is known") {
		t.Errorf("with another key, it %s: %s", r.State, r.Cause)
	}
	there("systemctl restart vigie-agent")
	shown(fingerprint())
	shown(before)
	if r := ask(); r.State != "failed" || !strings.Contains(r.Cause, "/runs/hosts/app-01") {
		t.Errorf("what the agent reports was taken for right: it %s: %s", r.State, r.Cause)
	}
	if status, page, _ := nadia.submit(t, "/runs/hosts/app-01", "/runs/hosts/app-01/accept", url.Values{"reason": {"installed anew"}}); status != http.StatusSeeOther {
		t.Fatalf("nadia accepts: %d %s", status, tail(page, 1500))
	}
	if r := ask(); r.State != "succeeded" {
		t.Errorf("with the accepted key, it %s: %s\n%s", r.State, r.Cause, y.log(t, r.ID))
	}
}
