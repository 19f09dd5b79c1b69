// Package driftweb is the screen of drift: which servers differ from what their
// playbooks say, since when, and what of it somebody said does not matter.
package driftweb

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/operate/drift"
	"github.com/vigie-ops/vigie/internal/operate/run"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/ui"
)

// home is where the page is.
const home = "/drift"

// Options are what the pages show.
type Options struct {
	Drift *drift.Watch
	// Name returns what a person is called; the slug itself for nobody known.
	Name func(person string) string
	Now  func() time.Time // time.Now if nil
}

type face struct {
	c     *console.Console
	drift *drift.Watch
	name  func(person string) string
	now   func() time.Time
}

// Register adds the pages, panels and interfaces.
func Register(c *console.Console, o Options) {
	if o.Now == nil {
		o.Now = time.Now
	}
	f := &face{c: c, drift: o.Drift, name: o.Name, now: o.Now}
	c.Nav(console.NavEntry{Group: "Operate", Text: "Drift", Href: home, Role: people.Viewer, Count: f.count})
	c.Page("GET /drift", people.Viewer, f.list)
	c.Action("POST /drift/look", people.Operator, f.look)
	c.Action("POST /drift/findings/{id}/ignore", people.Operator, f.ignore)
	c.Action("POST /drift/ignores/{id}/end", people.Operator, f.takeBack)
	f.registerAPI()
	c.Offer(console.NowMain, console.Panel{Order: 70, Show: f.onNow})
	c.Offer(console.ServerHalf, console.Panel{Order: 65, Show: f.ofServer})
}

// count is what stands behind "Drift" in the navigation: the open findings.
func (f *face) count(ctx context.Context) (string, ui.Kind) {
	n, err := f.drift.Numbers(ctx)
	if err != nil || n.Open == 0 {
		return "", ui.Quiet // the page itself says what is broken
	}
	return strconv.Itoa(n.Open), ui.Info
}

// tell words what a person asked for and cannot have.
func tell(err error) error {
	var invalid *drift.InvalidError
	var refused *run.RefusedError
	switch {
	case errors.Is(err, drift.ErrNotFound):
		return console.NotFound("It is not there any more. Somebody may have been faster, or it was gone for so long that it was forgotten.")
	case errors.As(err, &invalid):
		return console.Invalid(invalid.Reason)
	case errors.Is(err, drift.ErrNothing):
		return console.Invalid("No playbook of the catalogue has drift: true, so there is nothing to look with.")
	case errors.Is(err, run.ErrNoGit):
		return console.Invalid("The operations repository is no git repository, so there is no commit that a check could be pinned to.")
	case errors.As(err, &refused):
		return console.Invalid(refused.Reason)
	}
	return err
}

func (f *face) look(w http.ResponseWriter, r *http.Request) error {
	asked, err := f.drift.LookNow(r.Context())
	if err != nil {
		return tell(err)
	}
	for _, a := range asked {
		if a.Refused != "" {
			return console.Invalid("The check of " + a.Playbook + " was not taken: " + a.Refused)
		}
	}
	return console.SeeOther(w, r, console.Said(home, "looking"))
}

func (f *face) ignore(w http.ResponseWriter, r *http.Request) error {
	until, err := untilOf(r.PostFormValue("until"), ui.Zone(r.Context()))
	if err != nil {
		return err
	}
	if _, err := f.drift.Ignore(r.Context(), r.PathValue("id"), r.PostFormValue("reason"), r.PostFormValue("where") == "all", until); err != nil {
		return tell(err)
	}
	return console.SeeOther(w, r, console.Said(backTo(r), "ignored"))
}

func (f *face) takeBack(w http.ResponseWriter, r *http.Request) error {
	if err := f.drift.TakeBack(r.Context(), r.PathValue("id")); err != nil {
		return tell(err)
	}
	return console.SeeOther(w, r, console.Said(backTo(r), "unignored"))
}

// backTo is the list that a form was sent from: with its filters, and no other
// page.
func backTo(r *http.Request) string {
	q, err := url.ParseQuery(r.PostFormValue("from"))
	if err != nil {
		return home
	}
	return with(q)
}

// untilOf reads the last day of an ignore, which counts to its end where the
// reader is.
func untilOf(day string, zone *time.Location) (time.Time, error) {
	if day == "" {
		return time.Time{}, nil
	}
	t, err := time.ParseInLocation(time.DateOnly, day, zone)
	if err != nil {
		return time.Time{}, console.Invalid("Write the day like 2026-12-31, or leave it out.")
	}
	return t.AddDate(0, 0, 1), nil
}
