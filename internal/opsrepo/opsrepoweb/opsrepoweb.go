// Package opsrepoweb shows the operations repository: the commit that runs,
// what is wrong with a newer one, and every file with its lines.
package opsrepoweb

import (
	"context"
	"io/fs"
	"net/http"
	"time"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/ui"
)

// Repository is what the hub follows; *opsrepo.Follower is one.
type Repository interface {
	Status() opsrepo.Status
	Kick()
}

// Options are what the pages show from. Refused and Audit may be nil.
type Options struct {
	Repository Repository
	// Refused returns the files of the state that is refused, for the lines that
	// are wrong; (*opsrepo.Follower).Refused does. Nil leaves the lines out.
	Refused func() fs.FS
	// Audit keeps that somebody did something, before it is done.
	Audit func(ctx context.Context, actor people.Actor, verb, object string) error
	Now   func() time.Time // time.Now if nil
}

// home is where the pages are.
const home = "/operations"

type face struct{ o Options }

// Register adds the pages, and tells Now what changed.
func Register(c *console.Console, o Options) {
	if o.Now == nil {
		o.Now = time.Now
	}
	f := &face{o}
	c.Nav(console.NavEntry{Group: "Hub", Text: "Operations", Href: home, Role: people.Viewer, Count: f.count})
	c.Page("GET "+home, people.Viewer, f.overview(c))
	c.Page("GET "+home+"/files/{path...}", people.Viewer, f.file(c))
	c.Action("POST "+home+"/check", people.Operator, f.check)
	c.Tell(f.changes)
}

// check looks at the repository at once. It does not wait for what is found:
// the page shows it when it is there.
func (f *face) check(w http.ResponseWriter, r *http.Request) error {
	if f.o.Audit != nil {
		if err := f.o.Audit(r.Context(), console.Actor(r), "opsrepo.check", "opsrepo"); err != nil {
			return err
		}
	}
	f.o.Repository.Kick()
	return console.SeeOther(w, r, console.Said(home, "checked"))
}

func (f *face) count(context.Context) (string, ui.Kind) {
	s := f.o.Repository.Status()
	switch {
	case len(s.Problems) > 0:
		return "refused", ui.Bad
	case s.Err != nil:
		return "behind", ui.Bad
	}
	return "", ui.Quiet
}
