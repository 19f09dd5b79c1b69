package localops_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/examples"
	"github.com/vigie-ops/vigie/internal/demo/localops"
	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/observe/logs"
	"github.com/vigie-ops/vigie/internal/observe/probe"
	"github.com/vigie-ops/vigie/internal/operate/drift"
	"github.com/vigie-ops/vigie/internal/operate/plan"
	"github.com/vigie-ops/vigie/internal/operate/playbook"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/respond/alert"
	"github.com/vigie-ops/vigie/internal/respond/notify"
)

func TestTheCopyIsValidAndTrueHere(t *testing.T) {
	slugs, err := localops.Instances(examples.Ops)
	if err != nil || len(slugs) != 3 {
		t.Fatalf("instances are %v, %v; want three", slugs, err)
	}
	p := localops.Place{Server: "here", Ports: []int{22}, SMTP: "127.0.0.1:2525", Instances: map[string]string{}}
	for i, s := range slugs {
		p.Instances[s] = []string{"127.0.0.1:9001", "127.0.0.1:9002", "127.0.0.1:9003"}[i]
	}
	dir := filepath.Join(t.TempDir(), "ops")
	if err := localops.Copy(examples.Ops, dir, p); err != nil {
		t.Fatal(err)
	}
	g, problems := opsrepo.Load(os.DirFS(dir), sections())
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	s := fleet.NewSnapshot(g)
	if all := s.Servers(); len(all) != 1 || all[0].Slug != "here" || !slices.Equal(all[0].Ports, []int{22}) {
		t.Errorf("servers are %+v, want this machine alone with port 22", all)
	}
	for _, i := range s.Instances() {
		if !slices.Equal(i.Servers, []string{"here"}) {
			t.Errorf("%s runs on %v, want here", i.Slug, i.Servers)
		}
	}
	watched := map[string]bool{}
	for _, pr := range probe.Probes.Of(g) {
		watched[pr.Instance] = true
		if want := "http://" + p.Instances[pr.Instance] + "/status"; pr.URL != want {
			t.Errorf("probe %s asks %s, want %s", pr.Slug, pr.URL, want)
		}
	}
	if len(watched) != len(slugs) {
		t.Errorf("%d instances are watched, want %d", len(watched), len(slugs))
	}
	// A machine that keeps its logs as Debian does is healthy.
	if kept, ok := logs.ThePolicy.Of(g); !ok || kept.OnServers["web"].Std() > 14*24*time.Hour || kept.OnServers["application"].Std() > 14*24*time.Hour {
		t.Errorf("of files on this machine %v is promised", kept.OnServers)
	}
	policy, ok := alert.PolicySection.Of(g)
	if !ok || policy.GroupWait.Std().Seconds() != 1 {
		t.Errorf("the policy is %+v, want one that waits a second", policy)
	}
	for _, r := range policy.Routes {
		for _, to := range r.To {
			if to.Channel != "mail" {
				t.Errorf("a route sends by %s", to.Channel)
			}
		}
	}
}

func TestAMachinesNameBecomesASlug(t *testing.T) {
	if s := localops.MachineSlug(); !opsrepo.ValidSlug(s) {
		t.Errorf("this machine would be called %q", s)
	}
}

// sections are what a hub reads, as far as it stands below the demo.
func sections() []opsrepo.Section {
	return slices.Concat(fleet.Sections(), people.Sections(), probe.Sections(), alert.Sections(), notify.Sections(), playbook.Sections(), plan.Sections(), logs.Sections(), drift.Sections(),
		[]opsrepo.Section{opsrepo.NewFiles("rules", opsrepo.FilesOptions[string]{
			Glob: "rules/**/*.{yaml,yml}", Decode: func(name string, _ []byte) (string, opsrepo.Problems) { return name, nil },
		})})
}
