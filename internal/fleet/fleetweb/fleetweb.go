// Package fleetweb shows what the company runs: its clients, their instances
// and the servers beneath, each with the state it is in now.
//
// A list answers which one needs somebody; a page of one thing answers what is
// unusual about it, then shows what other rooms know of it, as panels.
package fleetweb

import (
	"context"
	"time"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/fleet/enrol"
	"github.com/vigie-ops/vigie/internal/people"
)

// Fleet is what the company runs; *fleet.Fleet is one.
type Fleet interface{ Current() *fleet.Snapshot }

// Hearing is when each server was last heard; *fleet.Hearing is one.
type Hearing interface{ All() map[string]fleet.Heard }

// Facts are what agents found out about their servers; *fleet.Facts is one.
type Facts interface {
	Of(ctx context.Context, server string) ([]fleet.Fact, error)
	One(ctx context.Context, server, kind string) (fleet.Fact, error)
	History(ctx context.Context, server, kind string) ([]fleet.Fact, error)
}

// Authority issues what agents sign in with; *enrol.Authority is one.
type Authority interface {
	IssueToken(ctx context.Context, server string, ttl time.Duration, actor people.Actor) (string, error)
	RevokeServer(ctx context.Context, server string, actor people.Actor, reason string) error
	Enrolled(ctx context.Context) (map[string]enrol.Enrolment, error)
}

// Options are what the pages show from. Figures, Response, Uptime, People and
// Agents may be nil: what they would show is left out.
type Options struct {
	Fleet     Fleet
	Hearing   Hearing
	Facts     Facts
	Authority Authority
	Health    Health
	Figures   Figures
	Response  Response
	Uptime    Uptime
	People    func() *people.Directory
	Agents    func() string    // where agents reach this hub: https://HOST:PORT
	Now       func() time.Time // time.Now if nil
}

// face is the handlers with what they show from.
type face struct{ o Options }

// Register adds the pages, the lists of the API and the panels of Now.
func Register(c *console.Console, o Options) {
	if o.Now == nil {
		o.Now = time.Now
	}
	f := &face{o}
	c.Nav(
		console.NavEntry{Group: "Fleet", Text: "Instances", Href: "/instances", Role: people.Viewer, Count: f.countInstances},
		console.NavEntry{Group: "Fleet", Text: "Servers", Href: "/servers", Role: people.Viewer, Count: f.countServers},
		console.NavEntry{Group: "Fleet", Text: "Clients", Href: "/clients", Role: people.Viewer, Count: f.countClients},
	)
	c.Page("GET /servers", people.Viewer, f.serverList(c))
	c.Page("GET /servers/{slug}", people.Viewer, f.server(c))
	c.Page("GET /servers/{slug}/facts/{kind}", people.Viewer, f.fact(c))
	c.Action("POST /servers/{slug}/token", people.Operator, f.issueToken(c))
	c.Action("POST /servers/{slug}/revoke", people.Admin, f.revoke(c))
	c.Page("GET /instances", people.Viewer, f.instanceList(c))
	c.Page("GET /instances/{slug}", people.Viewer, f.instance(c))
	c.Page("GET /clients", people.Viewer, f.clientList(c))
	c.Page("GET /clients/{slug}", people.Viewer, f.client(c))

	f.registerAPI(c)
	c.Finder(people.Viewer, f.find)

	c.Offer(console.NowFigures, console.Panel{Order: 20, Show: f.instancesFigure})
	c.Offer(console.NowFigures, console.Panel{Order: 30, Show: f.serversFigure})
	c.Offer(console.NowMain, console.Panel{Order: 50, Show: f.worstInstances})
}
