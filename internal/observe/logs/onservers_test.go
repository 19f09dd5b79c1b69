package logs_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/observe/logs"
	"github.com/vigie-ops/vigie/internal/observe/metrics/rules"
	"github.com/vigie-ops/vigie/internal/opsrepo"
)

func onServers(policy string) (*opsrepo.Generation, opsrepo.Problems) {
	return opsrepo.Load(fstest.MapFS{"vigie.yaml": {Data: []byte("vigie: 1\n")}, "fleet.yaml": {Data: []byte(
		"servers:\n  - {slug: app-01, address: 10.0.0.1, roles: [web]}\n  - {slug: db-01, address: 10.0.0.2}\n")},
		"logs.yaml": {Data: []byte(policy)}}, append(fleet.Sections(), logs.Sections()...))
}

func TestPlaybooksGetThePoliciesOfEachServer(t *testing.T) {
	g, problems := onServers(`log_policy:
  on_servers: {web: 100d}
  rotate:
    - {name: nginx, files: ["/var/log/nginx/*.log"], class: web, roles: [web], create: 0640 www-data adm, after: systemctl kill --signal=USR1 nginx}
    - {name: shop, files: [/srv/shop.log], class: application, keep: 400d, servers: [db-01]}
`)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	vars := logs.HostVars(g)
	text := func(server string) (all string) {
		for _, p := range vars[server]["vigie_logrotate"].([]map[string]any) {
			all += p["name"].(string) + "\n" + p["content"].(string)
		}
		return all
	}
	for server, wanted := range map[string][]string{
		"app-01": {"nginx\n", `"/var/log/nginx/*.log" {`, "\trotate 100\n", "\tcreate 0640 www-data adm\n", "\tpostrotate\n\t\tsystemctl kill --signal=USR1 nginx\n\tendscript\n"},
		"db-01":  {"shop\n", "\trotate 400\n", "\tcopytruncate\n"},
	} {
		for _, want := range wanted {
			if !strings.Contains(text(server), want) {
				t.Errorf("%s lacks %q in\n%s", server, want, text(server))
			}
		}
	}
	if strings.Contains(text("db-01"), "nginx") || strings.Contains(text("app-01"), "shop") {
		t.Error("a server has the policy of another")
	}
	made := string(logs.Rules(g))
	if !strings.Contains(made, `class="web"}) < 8640000`) || !strings.Contains(made, `class="application"}) < 31449600`) {
		t.Errorf("the rules are\n%s", made)
	}
	if problems := rules.Check("made:log_policy", []byte(made)); len(problems) > 0 {
		t.Error(problems)
	}
}

func TestAPolicyThatBreaksAPromiseIsRefused(t *testing.T) {
	for policy, want := range map[string]string{
		`{name: a, files: [/a.log], class: web, keep: 10d}`:                            `logs.yaml:3:52: 10d is less than the 14w that on_servers promises for the class "web"`,
		`{name: a, files: [/a.log], class: mine}`:                                      `how long the class "mine" is kept on servers is not said; add it to on_servers, or write keep here`,
		`{name: a, files: [a.log], class: web}`:                                        `files: "a.log" is no pattern of an absolute path`,
		`{name: a, files: [/a.log], class: web, create: "0640 www-data"}`:              "create:",
		`{name: a, files: [/a.log], class: web, servers: [app-02]}`:                    `names the server "app-02", which does not exist (did you mean "app-01"?)`,
		"{name: a, files: [/a], class: web}\n    - {name: a, files: [/b], class: web}": `the slug "a" is already taken`,
	} {
		if _, problems := onServers("log_policy:\n  rotate:\n    - " + policy + "\n"); len(problems) != 1 || !strings.Contains(problems.Error(), want) {
			t.Errorf("%s\n gives %v\n want %s", policy, problems, want)
		}
	}
}
