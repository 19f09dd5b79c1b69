// Package probeweb shows what is seen from outside: the probes of a server and
// of an instance, their outages and their uptime. It also takes the heartbeats
// that others send.
package probeweb

import (
	"context"
	"log/slog"
	"time"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/observe/probe"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/signal"
	"github.com/vigie-ops/vigie/internal/ui/chart"
)

// Probes is the probe room; *probe.Service is one.
type Probes interface {
	Status(subject signal.Subject) []probe.Status
	Outages(ctx context.Context, f probe.Filter) ([]probe.Outage, error)
	Uptimes(ctx context.Context, subjects []signal.Subject, days int) (map[signal.Subject]probe.History, error)
	HeartbeatToken(ctx context.Context, slug string) (string, error)
	HasHeartbeatToken(ctx context.Context, slug string) (bool, error)
	Beat(ctx context.Context, slug, token string) error
}

// Measured is what probes measured over time.
type Measured interface {
	// Recent returns, by probe, the share of good answers in n equal parts of
	// the range, oldest first; NaN where nobody looked.
	Recent(ctx context.Context, probes []string, from, to time.Time, n int) (map[string][]float64, error)
	// Phases returns how long each phase of a probe took.
	Phases(ctx context.Context, probe string, from, to time.Time) ([]chart.Series, error)
}

// Options are what the face shows from. Measured, Audit and Address may be nil.
type Options struct {
	Probes   Probes
	Measured Measured
	// Audit keeps that somebody did something, before it is done.
	Audit func(ctx context.Context, actor people.Actor, verb, object string) error
	// Address returns where others reach this hub, without a slash at its end.
	Address func() string
	Log     *slog.Logger
	Now     func() time.Time // time.Now if nil
}

// Face is the pages, and the uptime that other pages show.
type Face struct {
	o      Options
	uptime *uptimes
}

// Register adds the pages, the panels, what changed, and the address for
// heartbeats.
func Register(c *console.Console, o Options) *Face {
	if o.Now == nil {
		o.Now = time.Now
	}
	f := &Face{o: o, uptime: newUptimes(o.Probes, o.Now)}
	c.Nav(console.NavEntry{Group: "Observe", Text: "Probes", Href: "/probes", Role: people.Viewer, Count: f.countDown})
	c.Page("GET /probes", people.Viewer, f.list(c))
	c.Page("GET /probes/{slug}", people.Viewer, f.one(c))
	c.Action("POST /probes/{slug}/address", people.Operator, f.newAddress(c))

	const why = "Programs of others call it to say that they live. The token in the address names the heartbeat and is the only right it gives."
	c.Open("POST /heartbeat/{slug}/{token}", why, f.beat)
	c.Open("GET /heartbeat/{slug}/{token}", why+" Many of them can only GET.", f.beat)

	c.Offer(console.ServerHalf, console.Panel{Order: 10, Show: f.serverProbes})
	c.Offer(console.InstanceMain, console.Panel{Order: 10, Show: f.instanceProbes})
	c.Tell(f.changes)
	return f
}
