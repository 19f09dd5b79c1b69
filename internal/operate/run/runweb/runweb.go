// Package runweb is the screen of runs: what runs now and on which servers, what
// waits for somebody, the forms that ask for a run, and the review of commits.
package runweb

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/operate/run"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/ui"
)

// home is where the pages are.
const home = "/runs"

// Options are what the pages show.
type Options struct {
	Office *run.Office
	// Name returns what a person is called; the slug itself for nobody known.
	Name func(person string) string
	Now  func() time.Time // time.Now if nil
	// ServersOf lists the servers of an instance.
	ServersOf func(instance string) []string
}

type face struct {
	c      *console.Console
	office *run.Office
	name   func(person string) string
	now    func() time.Time

	serversOf func(instance string) []string
}

// Register adds the pages, panels and interfaces.
func Register(c *console.Console, o Options) {
	if o.Now == nil {
		o.Now = time.Now
	}
	f := &face{c: c, office: o.Office, name: o.Name, now: o.Now, serversOf: o.ServersOf}
	c.Nav(console.NavEntry{Group: "Operate", Text: "Runs", Href: home, Role: people.Viewer, Count: f.count})
	c.Page("GET /runs", people.Viewer, f.list)
	c.Page("GET /runs/new", people.Operator, f.newRun)
	c.Action("POST /runs", people.Operator, f.ask)
	c.Page("GET /runs/{id}", people.Viewer, f.show)
	c.Action("POST /runs/{id}/cancel", people.Operator, f.cancel)
	c.Action("POST /runs/{id}/retry", people.Operator, f.retry)
	// Whom the policy names may decide, whatever their role.
	c.Action("POST /runs/{id}/approve", people.Viewer, f.approve)
	c.Action("POST /runs/{id}/reject", people.Viewer, f.reject)
	c.Page("GET /runs/commits/{hash}", people.Viewer, f.commit)
	c.Action("POST /runs/commits/{hash}/accept", people.Operator, f.accept)
	c.Page("GET /runs/hosts/{server}", people.Viewer, f.host)
	c.Action("POST /runs/hosts/{server}/accept", people.Operator, f.acceptHost)
	f.registerAPI()
	f.offer()
}

// count is what stands behind "Runs" in the navigation: what waits for a
// person, else what is under way.
func (f *face) count(ctx context.Context) (string, ui.Kind) {
	n, err := f.office.Counts(ctx)
	if err != nil {
		return "", ui.Quiet // the page itself says what is broken
	}
	if w := n[run.Waiting]; w > 0 {
		return strconv.Itoa(w), ui.Warn
	}
	if a := n[run.Running] + n[run.Queued] + n[run.Checking]; a > 0 {
		return strconv.Itoa(a), ui.Info
	}
	return "", ui.Quiet
}

// tell words what a person asked for and cannot have.
func tell(err error) error {
	var refused *run.RefusedError
	switch {
	case errors.Is(err, run.ErrNotFound):
		return console.NotFound("There is no such run.")
	case errors.Is(err, run.ErrOver):
		return console.Invalid("This run is over already.")
	case errors.Is(err, run.ErrNoGit):
		return console.Invalid("The operations repository is no git repository, so there is no commit that a run could be pinned to. Commit it, or name a git URL in hub.yaml.")
	case errors.As(err, &refused):
		return console.Invalid(refused.Reason)
	}
	return err
}

func back(r *http.Request) string { return home + "/" + r.PathValue("id") }

func (f *face) cancel(w http.ResponseWriter, r *http.Request) error {
	if _, err := f.office.Cancel(r.Context(), r.PathValue("id"), console.Actor(r).Slug, r.PostFormValue("reason")); err != nil {
		return tell(err)
	}
	return console.SeeOther(w, r, console.Said(back(r), "canceling"))
}

func (f *face) retry(w http.ResponseWriter, r *http.Request) error {
	again, err := f.office.Retry(r.Context(), r.PathValue("id"), r.PostFormValue("reason"))
	if err != nil {
		return tell(err)
	}
	return console.SeeOther(w, r, home+"/"+again.ID)
}

func (f *face) approve(w http.ResponseWriter, r *http.Request) error {
	if _, err := f.office.Approve(r.Context(), r.PathValue("id"), r.PostFormValue("note")); err != nil {
		return tell(err)
	}
	return console.SeeOther(w, r, console.Said(back(r), "approved"))
}

func (f *face) reject(w http.ResponseWriter, r *http.Request) error {
	if _, err := f.office.Reject(r.Context(), r.PathValue("id"), r.PostFormValue("note")); err != nil {
		return tell(err)
	}
	return console.SeeOther(w, r, console.Said(back(r), "rejected"))
}
