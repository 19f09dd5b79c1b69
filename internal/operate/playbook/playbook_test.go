package playbook_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/operate/playbook"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/people"
)

const company = `vigie: 1
company: {name: Halyard, domain: halyard.example, timezone: Europe/Paris}
people:
  - {slug: ada, name: Ada, email: ada@halyard.example, role: admin}
  - {slug: ben, name: Ben, email: ben@halyard.example, role: operator}
teams:
  - {slug: ops, name: Operations, members: [ada, ben]}
clients:
  - {slug: borealis, name: Borealis, account_manager: ada}
  - {slug: meridian, name: Meridian, account_manager: ada}
servers:
  - {slug: app-01, address: 192.0.2.1, roles: [app], ring: staging, location: par-1}
  - {slug: app-02, address: 192.0.2.2, roles: [app, web], ssh: {user: deploy, port: 2222, jump: app-01}}
  - {slug: db-01, address: 192.0.2.3, roles: [db]}
  - {slug: spare, address: 192.0.2.4}
  - {slug: fw-01, address: 192.0.2.9, appliance: true, roles: [firewall]}
instances:
  - {slug: borealis-shop, name: Borealis shop, client: borealis, servers: [app-02, db-01], urls: ["https://shop.borealis.example"]}
  - {slug: meridian-shop, name: Meridian shop, client: meridian, servers: [app-01], environment: staging}
`

func sections() []opsrepo.Section {
	return slices.Concat(fleet.Sections(), people.Sections(), playbook.Sections())
}

func load(t *testing.T, files map[string]string) (*opsrepo.Generation, opsrepo.Problems) {
	t.Helper()
	fsys := fstest.MapFS{"vigie.yaml": {Data: []byte(company)}}
	for name, content := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return opsrepo.Load(fsys, sections())
}

func good(t *testing.T, files map[string]string) *opsrepo.Generation {
	t.Helper()
	g, problems := load(t, files)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return g
}

func inventory(t *testing.T) *playbook.Inventory {
	t.Helper()
	return playbook.NewInventory(fleet.NewSnapshot(good(t, nil)))
}

func TestACatalogueIsReadBesideItsPlaybooks(t *testing.T) {
	g := good(t, map[string]string{
		"playbooks/deploy/release.yml": "not: [even, yaml",
		"playbooks/deploy/vigie.yaml":  "playbooks: [{slug: release, file: release.yml, name: Release, drift: true}]\n",
	})
	p, ok := playbook.Find(g, "release")
	if !ok || p.Path() != "playbooks/deploy/release.yml" || p.Title() != "Release" || p.Timeout.Std() != time.Hour || p.Forks != 10 || p.Role != "operator" {
		t.Errorf("playbook = %+v", p)
	}
	if _, ok := playbook.Find(g, "other"); ok {
		t.Error("a playbook that is not there was found")
	}
}

func TestMistakesInACatalogueNameTheirPlace(t *testing.T) {
	for _, tt := range []struct{ name, file, content, want string }{
		{"a missing file", "playbooks/vigie.yaml", "playbooks: [{slug: a, file: gone.yml}]", `1:29: there is no file playbooks/gone.yml; file is relative`},
		{"a way out", "playbooks/vigie.yaml", "playbooks: [{slug: a, file: ../people.yml}]", `"../people.yml" leads out of playbooks/`},
		{"another folder", "books.yaml", "playbooks: [{slug: a, file: site.yml}]", `described outside of playbooks/`},
		{"a variable of Ansible's", "playbooks/vigie.yaml", "playbooks: [{slug: a, file: site.yml, variables: [{name: ansible_user}]}]", `"ansible_user" decides how and where`},
		{"a wrong default", "playbooks/vigie.yaml", "playbooks: [{slug: a, file: site.yml, variables: [{name: n, type: integer, default: many}]}]", `the default of "n" is wrong: "many" is no number`},
		{"a choice of nothing", "playbooks/vigie.yaml", "playbooks: [{slug: a, file: site.yml, variables: [{name: n, type: choice}]}]", `a choice without choices`},
		{"an unknown key", "playbooks/vigie.yaml", "playbooks: [{slug: a, file: site.yml, timeot: 5m}]", `did you mean "timeout"?`},
		{"two of one name", "playbooks/vigie.yaml", "playbooks: [{slug: a, file: site.yml, variables: [{name: n}, {name: n}]}]", `names n twice`},
		{"no key", "policy.yaml", "review_policy: {signed_by: [{person: ada, key: secret}]}", `this is no public ssh key`},
		{"nobody", "policy.yaml", "approval_policy: [{approvers: [opps]}]", `did you mean "ops"?`},
		{"a circle", "more.yaml", "servers: [{slug: x, address: 192.0.2.50, ssh: {jump: y}}, {slug: y, address: 192.0.2.51, ssh: {jump: x}}]", `reached through itself`},
	} {
		_, problems := load(t, map[string]string{"playbooks/site.yml": "", tt.file: tt.content})
		if len(problems) == 0 || !strings.Contains(problems.Error(), tt.want) {
			t.Errorf("%s gives\n%v\nwant %s", tt.name, problems, tt.want)
		}
	}
}

func TestVariablesAreTyped(t *testing.T) {
	g := good(t, map[string]string{
		"playbooks/a.yml": "",
		"playbooks/vigie.yaml": `
playbooks:
  - slug: a
    file: a.yml
    variables:
      - {name: version, type: text, required: true, pattern: 'v\d+(\.\d+)*'}
      - {name: workers, type: integer, default: 4, min: 1, max: 64}
      - {name: share, type: number}
      - {name: restart, type: boolean, default: false}
      - {name: mode, type: choice, choices: [blue, green], default: blue}
      - {name: skip, type: list, choices: [web, db]}
`})
	p, _ := playbook.Find(g, "a")
	got, err := p.Values(map[string]any{"version": "v1.2", "workers": "8", "restart": "yes", "skip": "web, db", "share": ""})
	want := map[string]any{"version": "v1.2", "workers": int64(8), "restart": true, "mode": "blue", "skip": []string{"web", "db"}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("values, %v:\n%s", err, diff)
	}
	_, err = p.Values(map[string]any{"workers": "100", "restart": "maybe", "mode": "gren", "skip": []any{"cache"}, "verson": "v1"})
	for _, want := range []string{
		"version: this variable is required", "workers: 100 is more than 64", `restart: "maybe" is neither true nor false`,
		`mode: "gren" is none of blue, green (did you mean "green"?)`, `skip: "cache" is none of`, `verson: the playbook takes no such variable (did you mean "version"?)`,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("mistakes = %v, want %s", err, want)
		}
	}
	for _, sly := range []string{"v1{{ lookup('pipe','id') }}", "{% for x in y %}"} {
		if _, err := (playbook.Variable{Type: playbook.Text}).Value(sly); err == nil {
			t.Errorf("the template %q was taken", sly)
		}
	}
}

func FuzzValuesNeverHoldATemplate(f *testing.F) {
	f.Add("text", "plain")
	f.Add("list", "a, {{ b }}")
	f.Add("integer", "1e3")
	f.Fuzz(func(t *testing.T, kind, in string) {
		v, err := playbook.Variable{Type: kind, Choices: []string{"a"}}.Value(in)
		if err != nil {
			return
		}
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatalf("%v cannot be written: %v", v, err)
		}
		if s := string(b); strings.Contains(s, "{{") || strings.Contains(s, "{%") {
			t.Errorf("%s %q became %s", kind, in, s)
		}
	})
}

// file writes the inventory for Ansible's own programs.
func file(t *testing.T) string {
	t.Helper()
	b, err := inventory(t).File(map[string]map[string]any{"app-02": {"more": "of it"}})
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "inventory.yaml")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func ansible(t *testing.T, program string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "ANSIBLE_LOCAL_TEMP="+t.TempDir(), "ANSIBLE_NOCOLOR=1", "LC_ALL=C.UTF-8")
	cmd.Dir = t.TempDir() // without an ansible.cfg
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Log(errs.String())
	}
	return string(out), err
}

func TestAnsibleReadsBothFormsOfTheInventoryAlike(t *testing.T) {
	inv := inventory(t)
	list, err := inv.List()
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(t.TempDir(), "inventory.sh")
	if err := os.WriteFile(script, []byte("#!/bin/sh\ncat <<'END'\n"+string(list)+"\nEND\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	read := func(source string) map[string]any {
		out, err := ansible(t, "ansible-inventory", "-i", source, "--list")
		if err != nil {
			t.Fatalf("ansible-inventory -i %s: %v %s", source, err, out)
		}
		var v map[string]any
		if err := json.Unmarshal([]byte(out), &v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	a, b := read(script), read(file(t))
	hosts := a["_meta"].(map[string]any)["hostvars"].(map[string]any)
	app := hosts["app-02"].(map[string]any)
	if app["ansible_host"] != "192.0.2.2" || app["ansible_user"] != "deploy" || app["ansible_port"] != 2222.0 || app["ansible_ssh_common_args"] != "-o ProxyJump=root@192.0.2.1" || app["vigie_instance"].(map[string]any)["client"] != "borealis" {
		t.Errorf("app-02 has the variables %v", app)
	}
	if hosts["fw-01"] != nil {
		t.Error("an appliance is in the inventory")
	}
	delete(b["_meta"].(map[string]any)["hostvars"].(map[string]any)["app-02"].(map[string]any), "more")
	sorted := cmp.Transformer("sorted", func(in []any) []string {
		out := make([]string, len(in))
		for i, v := range in {
			b, _ := json.Marshal(v)
			out[i] = string(b)
		}
		slices.Sort(out)
		return out
	})
	if diff := cmp.Diff(a, b, sorted); diff != "" {
		t.Errorf("the script and the file differ:\n%s", diff)
	}
}

func TestALimitNamesTheHostsThatAnsibleTakes(t *testing.T) {
	inv, source := inventory(t), file(t)
	for _, pattern := range []string{"all", "app", "app:db", "app,!ring_staging", "app:&web", "app-*", "client_borealis", "all:!db-01", "instance_meridian_shop", "ring_*:&app", "!app", "spare", "location_par_1"} {
		got, err := inv.Limit(pattern)
		if err != nil {
			t.Errorf("%s: %v", pattern, err)
			continue
		}
		out, err := ansible(t, "ansible", "-i", source, "--list-hosts", "--limit", pattern, "all")
		if err != nil {
			t.Fatalf("%s: %v", pattern, err)
		}
		want := strings.Fields(out)[2:] // hosts (N):
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-Ansible, +Vigie):\n%s", pattern, diff)
		}
	}
}

func TestALimitThatNamesNothingIsAMistake(t *testing.T) {
	for pattern, want := range map[string]string{
		"ap-01":          `no server or group "ap-01" (did you mean "app-01"?)`,
		"fw-01":          `no server or group "fw-01"`,
		"app:&db":        "leaves no server",
		"~app.*":         "regular expressions",
		"app[0]":         "subscripts",
		"@/etc/passwd":   "files are not",
		"!":              "names nothing",
		",":              "names nothing",
		"web-*":          "called like",
		"app:-e@/tmp/xx": "no limit that can be taken",
	} {
		if got, err := inventory(t).Limit(pattern); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gives %v, %v; want %s", pattern, got, err, want)
		}
	}
}

func TestWhichRunsNeedAnApproval(t *testing.T) {
	g := good(t, map[string]string{"policy.yaml": `
approval_policy:
  - {clients: [borealis], rings: [production], approvers: [ops]}
  - {rings: [staging], hours: outside office, approvers: [ada], expires: 1h}
`})
	f, rules := fleet.NewSnapshot(g), playbook.Approvals.Of(g)
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	noon, night := time.Date(2026, 11, 25, 12, 0, 0, 0, paris), time.Date(2026, 11, 25, 3, 0, 0, 0, paris)
	for _, tt := range []struct {
		servers []string
		at      time.Time
		want    string
	}{
		{[]string{"app-02"}, noon, "ops"},
		{[]string{"app-01"}, noon, ""},
		{[]string{"app-01"}, night, "ada"},
		{[]string{"app-01"}, noon.AddDate(0, 0, 3), "ada"}, // a Saturday
		{[]string{"spare"}, night, ""},
		{[]string{"app-01", "db-01"}, noon, "ops"},
	} {
		r, needed := playbook.Needed(rules, "site", tt.servers, f, tt.at)
		if got := strings.Join(r.Approvers, ","); got != tt.want || needed != (tt.want != "") {
			t.Errorf("%v at %s needs %q, want %q", tt.servers, tt.at, got, tt.want)
		}
	}
}
