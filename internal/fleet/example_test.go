package fleet_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/people"
)

const exampleOps = "../../examples/ops"

// exampleSections are what this floor knows of the example, and placeholders
// for the rooms above it.
func exampleSections() []opsrepo.Section {
	above := []opsrepo.Section{
		opsrepo.NewList("probes", opsrepo.ListOptions[yaml.Node]{}),
		opsrepo.NewList("channels", opsrepo.ListOptions[yaml.Node]{}),
		opsrepo.NewSingle("notification_policy", opsrepo.SingleOptions[yaml.Node]{}),
		opsrepo.NewSingle("drift_policy", opsrepo.SingleOptions[yaml.Node]{}),
		opsrepo.NewList("log_routes", opsrepo.ListOptions[yaml.Node]{}),
		opsrepo.NewSingle("log_policy", opsrepo.SingleOptions[yaml.Node]{}),
		opsrepo.NewList("playbooks", opsrepo.ListOptions[yaml.Node]{}),
		opsrepo.NewSingle("review_policy", opsrepo.SingleOptions[yaml.Node]{}),
		opsrepo.NewList("approval_policy", opsrepo.ListOptions[yaml.Node]{}),
		opsrepo.NewList("schedules", opsrepo.ListOptions[yaml.Node]{}),
		opsrepo.NewList("chains", opsrepo.ListOptions[yaml.Node]{}),
	}
	return slices.Concat(fleet.Sections(), people.Sections(), above)
}

func TestTheExampleIsValidAndComplete(t *testing.T) {
	g, problems := opsrepo.Load(os.DirFS(exampleOps), exampleSections())
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	s, d := fleet.NewSnapshot(g), people.NewDirectory(g)
	managers, appliances, rings := map[string]bool{}, 0, map[fleet.Ring]bool{}
	for _, c := range s.Clients() {
		managers[c.AccountManager] = true
	}
	for _, server := range s.Servers() {
		rings[server.Ring] = true
		if server.Appliance {
			appliances++
		}
	}
	if len(s.Clients()) < 2 || len(managers) < 2 || len(s.Instances()) < 3 || len(s.Servers())-appliances < 3 ||
		appliances < 1 || len(rings) != 2 || len(d.People()) < 3 || len(d.Teams()) < 2 {
		t.Errorf("the example shows too little: %d clients, %d instances, %d servers, %d appliances, %d people",
			len(s.Clients()), len(s.Instances()), len(s.Servers()), appliances, len(d.People()))
	}
	for _, i := range s.Instances() {
		if len(i.Components) == 0 || len(i.URLs) == 0 {
			t.Errorf("the instance %s has no components or no URLs", i.Slug)
		}
	}
}

// The schema that editors get takes the example, and refuses what Load refuses.
func TestTheSchemaTakesTheExample(t *testing.T) {
	var schema map[string]any
	if err := json.Unmarshal(opsrepo.Schema(exampleSections()), &schema); err != nil {
		t.Fatal(err)
	}
	fsys, files := os.DirFS(exampleOps), 0
	err := fs.WalkDir(fsys, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || name == "playbooks" || name == "rules" {
			return cmpSkip(err)
		}
		if e.IsDir() || !strings.HasSuffix(name, ".yaml") {
			return nil
		}
		content, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		for _, msg := range judge(t, schema, content) {
			t.Errorf("%s: %s", name, msg)
		}
		files++
		return nil
	})
	if err != nil || files < 5 {
		t.Fatalf("%d files, %v", files, err)
	}
	for _, bad := range []string{"serverz: []", "servers: [{slug: A}]", "servers: [{}]", "servers: [{slug: a, ports: [0]}]", "servers: [{slug: a, ring: x}]",
		"company: {name: 1, domain: a, timezone: UTC}", "vigie: 2"} {
		if len(judge(t, schema, []byte(bad))) == 0 {
			t.Errorf("the schema takes %s", bad)
		}
	}
}

func cmpSkip(err error) error {
	if err != nil {
		return err
	}
	return fs.SkipDir
}

func judge(t *testing.T, schema map[string]any, content []byte) []string {
	t.Helper()
	var v any
	if err := yaml.Unmarshal(content, &v); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var plain any
	if err := json.Unmarshal(text, &plain); err != nil {
		t.Fatal(err)
	}
	return validator{defs: schema["$defs"].(map[string]any)}.check("", schema, plain)
}
