package hub

import (
	"context"
	"path/filepath"
	"slices"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/lib/secret"
	"github.com/vigie-ops/vigie/internal/operate/plan"
	"github.com/vigie-ops/vigie/internal/operate/run"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/respond/notify"
)

// openRuns opens the office of runs and the planner, on the commits of the repository that the
// hub follows.
func (h *Hub) openRuns(commits *opsrepo.Commits) {
	c := h.o.Config
	vaults := make(map[string]secret.Ref, len(c.Runs.Vaults))
	for _, v := range c.Runs.Vaults {
		vaults[v.Slug] = v.Password
	}
	h.runs = run.New(run.Options{
		DB: h.state, Log: h.log, Now: h.o.Now,
		Sandbox: run.Sandbox{User: c.Runs.User, Ansible: c.Runs.Ansible, Dir: filepath.Join(c.Data, "runs")},
		Commits: commits, Current: h.ops.Current, Sections: Sections(), HostVars: HostVars,
		Reported: h.facts.HostKeys, Keys: keys{h.keys}, MayRead: c.mayRead, Vaults: vaults,
		People: approvers{h.staff}, Messages: notices{h.courier}, Audit: auditor{h.audit}, Sink: h.board, Changed: h.changed,
		Worker: worker(c.Data), Lint: true, Concurrency: c.Runs.Concurrency,
	})
	h.planner = plan.New(plan.Options{
		DB: h.state, Log: h.log, Now: h.o.Now, Runs: h.runs, Audit: auditor{h.audit}, Sink: h.board, Changed: h.changed,
	})
	h.services = append(h.services, h.runs, h.planner)
}

// approvers tells runs who somebody is.
type approvers struct{ staff *people.Staff }

func (a approvers) Name(person string) string {
	if p, ok := a.staff.Current().Person(person); ok && p.Name != "" {
		return p.Name
	}
	return person
}

func (a approvers) Mail(person string) string {
	p, _ := a.staff.Current().Person(person)
	return p.Email
}

func (a approvers) In(person string, whom []string) bool {
	return slices.Contains(a.Expand(whom), person)
}

func (a approvers) Expand(whom []string) []string {
	d := a.staff.Current()
	var out []string
	for _, slug := range whom {
		if _, ok := d.Person(slug); ok {
			out = append(out, slug)
		}
		for _, p := range d.Members(slug) {
			out = append(out, p.Slug)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (a approvers) Leads() []string {
	var out []string
	for _, p := range a.staff.Current().Leads() {
		out = append(out, p.Slug)
	}
	return out
}

// notices has the courier tell people about runs.
type notices struct{ courier *notify.Courier }

func (n notices) Notice(ctx context.Context, tx *db.Tx, m run.Notice) error {
	return n.courier.Notice(ctx, tx, notify.Notice(m))
}
