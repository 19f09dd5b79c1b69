// Package metricsweb shows measurements: the charts on the pages of servers and
// instances, a page for any PromQL question, and Prometheus's own interface for
// programs such as Grafana and promtool.
package metricsweb

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/observe/metrics/query"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/signal"
	"github.com/vigie-ops/vigie/internal/ui/chart"
)

// Engine answers PromQL; *metrics.Room is one.
type Engine interface {
	Query(ctx context.Context, expr string, at time.Time) ([]query.Sample, error)
	QueryRange(ctx context.Context, expr string, from, to time.Time, step time.Duration) ([]query.Series, error)
}

// Marks knows what happened to a subject, such as a release or a patch, for the
// charts to show.
type Marks interface {
	Marks(ctx context.Context, about signal.Subject, from, to time.Time) ([]chart.Mark, error)
}

// Fleet is what the company runs; *fleet.Fleet is one.
type Fleet interface{ Current() *fleet.Snapshot }

// Options are what the face shows from. Marks and API may be nil.
type Options struct {
	Engine Engine
	Fleet  Fleet
	Marks  Marks
	API    http.Handler // Prometheus's interface below /api/v1/
	Log    *slog.Logger
	Now    func() time.Time // time.Now if nil
}

// Face is the pages, and the figures that other pages show.
type Face struct {
	o      Options
	engine *cachedEngine
}

// Register adds the panels, the page and the interface for programs.
func Register(c *console.Console, o Options) *Face {
	if o.Now == nil {
		o.Now = time.Now
	}
	f := &Face{o: o, engine: newCachedEngine(o.Engine, o.Now)}
	c.Nav(console.NavEntry{Group: "Observe", Text: "Metrics", Href: "/metrics", Role: people.Viewer})
	c.Page("GET /metrics", people.Viewer, f.explore(c))
	c.Offer(console.ServerMain, console.Panel{Order: 10, Show: f.serverCharts})
	c.Offer(console.ServerHalf, console.Panel{Order: 60, Show: f.serverContainers})
	c.Offer(console.InstanceMain, console.Panel{Order: 60, Show: f.instanceContainers})
	if o.API != nil {
		mount(c, o.API)
	}
	return f
}

// asked are the questions of Prometheus's interface that programs send with
// POST because they are long. They change nothing.
var asked = []string{"query", "query_range", "query_exemplars", "series", "labels", "format_query", "parse_query"}

// mount lets everybody ask, and operators write.
func mount(c *console.Console, api http.Handler) {
	c.Mount("GET /api/v1/{path...}", people.Viewer, api)
	for _, name := range asked {
		c.Mount("POST /api/v1/"+name, people.Viewer, api)
	}
	c.Mount("POST /api/v1/write", people.Operator, api)
}
