package console

import (
	"context"
	"slices"
	"time"

	"github.com/a-h/templ"

	"github.com/vigie-ops/vigie/internal/signal"
	"github.com/vigie-ops/vigie/internal/ui"
)

// Place is a spot on a page that shows several rooms.
type Place string

// The places.
const (
	NowFigures   Place = "now figures"  // a row of figures at the top
	NowTop       Place = "now top"      // what is wrong, over the whole width
	NowMain      Place = "now main"     // how things are
	NowSide      Place = "now side"     // what changed lately
	ServerTop    Place = "server top"   // beside the heading: words of state
	ServerMain   Place = "server main"  // charts, wide
	ServerHalf   Place = "server half"  // two beside each other
	InstanceTop  Place = "instance top" // as for servers
	InstanceMain Place = "instance main"
	InstanceHalf Place = "instance half"
	ClientMain   Place = "client main"
	IssueSide    Place = "issue side" // beside an issue's timeline
	AlertSide    Place = "alert side" // beside an alert's history
)

// Panel is what one room shows of a subject on a page of several rooms.
type Panel struct {
	Order int // smaller comes first
	Show  func(ctx context.Context, about About) (templ.Component, error)
}

// About says what a panel is to show: a subject, over a range of time.
type About struct {
	Subject signal.Subject
	// Of is what an issue or an alert is about, and At when it began.
	Of    []signal.Subject
	At    time.Time
	Range ui.Range
	Zone  *time.Location
}

// Offer adds a room's panel to a place.
func (c *Console) Offer(at Place, p Panel) {
	c.panels[at] = append(c.panels[at], p)
	slices.SortStableFunc(c.panels[at], func(a, b Panel) int { return a.Order - b.Order })
}

// Panels asks all rooms for their panels of a place. A room that fails shows
// so in its own panel and leaves the rest of the page alone; one that has
// nothing to show returns nil.
func (c *Console) Panels(ctx context.Context, at Place, about About) []templ.Component {
	if about.Zone == nil {
		about.Zone = ui.Zone(ctx)
	}
	var out []templ.Component
	for _, p := range c.panels[at] {
		body, err := p.Show(ctx, about)
		if err != nil {
			if ctx.Err() == nil {
				c.o.Log.Error("panel failed", "place", string(at), "subject", about.Subject.String(), "err", err)
			}
			body = brokenPanel()
		}
		if body != nil {
			out = append(out, body)
		}
	}
	return out
}
