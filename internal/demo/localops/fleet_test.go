package localops_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vigie-ops/vigie/examples"
	"github.com/vigie-ops/vigie/internal/demo/localops"
	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/operate/playbook"
	"github.com/vigie-ops/vigie/internal/opsrepo"
)

const hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBNUsOIzMAxPm0ZRM8TCSZ9PLqW7KSlNB8pzCtzV4Pmq"

// written writes a file of servers.
func written(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "servers.yaml")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestServersBesideThisMachineKeepTheirClients(t *testing.T) {
	f, err := localops.ReadFleet(written(t, `# Servers in a room of their own.
servers:
  - {slug: staging-01, address: 10.0.0.1, ring: staging, roles: [app], ports: [22], ssh: {user: ops, host_keys: ["`+hostKey+`"]}}
  - {slug: app-01, address: 10.0.0.2, roles: [app], ports: [22], ssh: {host_keys: ["`+hostKey+`"]}}
  - {slug: spare, address: spare.example, ports: [22]}
`), "here")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := f.Networks(), []string{"10.0.0.1/32", "10.0.0.2/32"}; !slices.Equal(got, want) {
		t.Errorf("the networks to probe are %v, want %v", got, want)
	}
	dir := filepath.Join(t.TempDir(), "ops")
	if err := localops.Copy(examples.Ops, dir, localops.Place{Server: "here", Ports: []int{22}, SMTP: "127.0.0.1:2525", Fleet: f}); err != nil {
		t.Fatal(err)
	}
	g, problems := opsrepo.Load(os.DirFS(dir), sections())
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	s := fleet.NewSnapshot(g)
	var slugs []string
	for _, one := range s.Servers() {
		slugs = append(slugs, one.Slug)
	}
	if want := []string{"app-01", "here", "spare", "staging-01"}; !slices.Equal(slugs, want) {
		t.Errorf("the servers are %v, want %v", slugs, want)
	}
	if one, _ := s.Server("staging-01"); one.Ring != fleet.Staging || one.SSH.User != "ops" || !slices.Equal(one.SSH.HostKeys, []string{hostKey}) {
		t.Errorf("staging-01 is %+v, want what the file says", one)
	}
	for slug, want := range map[string][]string{"borealis": {"here", "app-01"}, "borealis-staging": {"here", "staging-01"}, "meridian": {"here"}} {
		if i, _ := s.Instance(slug); !slices.Equal(i.Servers, want) {
			t.Errorf("%s runs on %v, want %v", slug, i.Servers, want)
		}
	}
	for server, want := range map[string]bool{"staging-01": false, "app-01": true} {
		if _, needed := playbook.Needed(playbook.Approvals.Of(g), "site", []string{server}, s, g.LoadedAt); needed != want {
			t.Errorf("a run of site on %s needs approval: %v, want %v", server, needed, want)
		}
	}
}

func TestAFileOfServersIsReadWithCare(t *testing.T) {
	f := func(content, want string) {
		t.Helper()
		file := written(t, content)
		_, err := localops.ReadFleet(file, "here")
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), file) {
			t.Errorf("%q: %v, want %q and the name of the file", content, err, want)
		}
	}
	f("", "names no server")
	f("servers: []\n", "names no server")
	f("servers:\n  - {slug: a}\n", ":2: the server a has no address")
	f("servers:\n  - {slug: here, address: 10.0.0.1}\n", ":2: here is what the demo calls this machine")
	f("servers:\n  - {slug: a, address: 10.0.0.1, hostkeys: [x]}\n", ":2:")
	f("servers:\n  - {slug: a, address: 10.0.0.1}\n  - {slug: b, address: 10.0.0.1}\n", "already belongs to server")
	f("servers:\n  - {slug: a, address: 10.0.0.1, ssh: {host_keys: [nonsense]}}\n", "no public host key")
	f("people: []\n", ":1:")
	f("servers: [\n", "servers.yaml")
	if _, err := localops.ReadFleet(filepath.Join(t.TempDir(), "none.yaml"), "here"); err == nil || !strings.Contains(err.Error(), "none.yaml") {
		t.Errorf("a file that is not there: %v", err)
	}
}
