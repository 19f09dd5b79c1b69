package fleet_test

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/people"
)

const halyard = `vigie: 1
company: {name: Halyard, domain: halyard.example, timezone: Europe/Paris}
people: [{slug: nadia, name: Nadia, email: nadia@halyard.example}]
clients:
  - {slug: meridian, name: Meridian, account_manager: nadia, language: de}
  - {slug: borealis, name: Borealis, account_manager: nadia}
projects: [{slug: booking, name: Booking, client: borealis}]
instances:
  - {slug: meridian, name: Meridian, client: meridian, servers: [db-01]}
  - {slug: borealis, name: Borealis, client: borealis, project: booking, servers: [db-01, app-01], components: [{slug: api, name: API}]}
servers:
  - {slug: db-01, address: 192.0.2.21, ports: []}
  - {slug: app-01, name: App one, address: 192.0.2.11, ring: staging}
  - {slug: fw-01, address: 192.0.2.1, appliance: true, version: "7.1"}
`

func load(text string) (*opsrepo.Generation, opsrepo.Problems) {
	return opsrepo.Load(fstest.MapFS{"vigie.yaml": {Data: []byte(text)}}, append(fleet.Sections(), people.Sections()...))
}

func mustLoad(t *testing.T, text string) *opsrepo.Generation {
	t.Helper()
	g, problems := load(text)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return g
}

func slugsOf[T any](all []T, slug func(T) string) []string {
	out := []string{}
	for _, v := range all {
		out = append(out, slug(v))
	}
	return out
}

func TestASnapshotAnswersFromEverySide(t *testing.T) {
	s := fleet.NewSnapshot(mustLoad(t, halyard))
	f := func(what string, got []string, want ...string) {
		t.Helper()
		if want == nil {
			want = []string{}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	client := func(c fleet.Client) string { return c.Slug }
	project := func(p fleet.Project) string { return p.Slug }
	instance := func(i fleet.Instance) string { return i.Slug }
	server := func(s fleet.Server) string { return s.Slug }
	f("clients", slugsOf(s.Clients(), client), "borealis", "meridian")
	f("projects", slugsOf(s.Projects(), project), "booking")
	f("instances", slugsOf(s.Instances(), instance), "borealis", "meridian")
	f("servers", slugsOf(s.Servers(), server), "app-01", "db-01", "fw-01")
	f("instances on db-01", slugsOf(s.InstancesOn("db-01"), instance), "borealis", "meridian")
	f("instances on fw-01", slugsOf(s.InstancesOn("fw-01"), instance))
	f("instances of borealis", slugsOf(s.InstancesOf("borealis"), instance), "borealis")
	f("projects of borealis", slugsOf(s.ProjectsOf("borealis"), project), "booking")
	f("servers of borealis", slugsOf(s.ServersOf("borealis"), server), "db-01", "app-01")
	f("servers of nothing", slugsOf(s.ServersOf("nothing"), server))
	if got := s.Company().Domain; got != "halyard.example" {
		t.Errorf("domain = %q", got)
	}
	if c, ok := s.Client("borealis"); !ok || c.Language != "en" {
		t.Errorf("borealis = %+v, %v", c, ok)
	}
	if _, ok := s.Client("nobody"); ok {
		t.Error("a client that does not exist was found")
	}
	if p, ok := s.Project("booking"); !ok || p.Client != "borealis" {
		t.Errorf("booking = %+v, %v", p, ok)
	}
	if i, ok := s.Instance("borealis"); !ok || i.Environment != "production" || i.Components[0].Name != "API" {
		t.Errorf("borealis = %+v, %v", i, ok)
	}
	app, _ := s.Server("app-01")
	if diff := cmp.Diff([]int{22, 80, 443}, app.Ports); diff != "" {
		t.Errorf("ports (-want +got):\n%s", diff)
	}
	if db, _ := s.Server("db-01"); db.Name != "db-01" || len(db.Ports) != 0 || db.Ring != fleet.Production {
		t.Errorf("db-01 = %+v", db)
	}
}

func TestAnEmptySnapshotAnswersToo(t *testing.T) {
	s := fleet.NewSnapshot(nil)
	if _, ok := s.Server("x"); ok || len(s.Clients()) != 0 || len(s.InstancesOn("x")) != 0 {
		t.Error("an empty snapshot has content")
	}
}

func TestLabels(t *testing.T) {
	s := fleet.NewSnapshot(mustLoad(t, halyard))
	server, _ := s.Server("app-01")
	if diff := cmp.Diff(map[string]string{"server": "app-01", "ring": "staging"}, fleet.LabelsOf(server)); diff != "" {
		t.Errorf("labels of a server (-want +got):\n%s", diff)
	}
	borealis, _ := s.Instance("borealis")
	want := map[string]string{"app_instance": "borealis", "client": "borealis", "project": "booking"}
	if diff := cmp.Diff(want, fleet.LabelsOfInstance(borealis)); diff != "" {
		t.Errorf("labels of an instance (-want +got):\n%s", diff)
	}
	meridian, _ := s.Instance("meridian")
	if _, has := fleet.LabelsOfInstance(meridian)["project"]; has {
		t.Error("an instance without a project has the label")
	}
}
