package notify

import (
	"context"
	"fmt"
	"strconv"

	"github.com/vigie-ops/vigie/internal/respond/alert"
	"github.com/vigie-ops/vigie/internal/signal"
)

// RouteReachesNobody is the name of the alert about a target of a route by
// which nobody can be told.
const RouteReachesNobody = "RouteReachesNobody"

// The labels that tell one such alert from another.
const (
	labelRoute  = "route"  // its number in the policy, from one
	labelTarget = "target" // whom it names
)

// SetRoutes has the courier watch whether these routes reach somebody.
func (c *Courier) SetRoutes(routes []alert.Route) {
	c.routes.Store(&routes)
	c.routesStale.Store(true)
	c.wake()
}

// unreached returns a signal for each target of the routes that reaches nobody.
func unreached(routes []alert.Route, channels map[string]Config, people Directory) []signal.Signal {
	var all []signal.Signal
	for i, route := range routes {
		for _, t := range route.To {
			why := ""
			for _, a := range reach(t, channels, people) {
				if why = a.problem; why == "" {
					break
				}
			}
			if why != "" {
				all = append(all, nobody(i+1, t, why))
			}
		}
	}
	return all
}

func nobody(route int, t alert.Target, why string) signal.Signal {
	whom := "nobody"
	switch {
	case t.Person != "":
		whom = "person " + t.Person
	case t.Team != "":
		whom = "team " + t.Team
	}
	return signal.Signal{
		Detector: detector, Subject: signal.Subject{Kind: signal.Hub}, State: signal.Firing,
		Labels: map[string]string{
			signal.LabelName: RouteReachesNobody, signal.LabelSeverity: string(signal.Warning),
			labelRoute: strconv.Itoa(route), labelTarget: whom, LabelChannel: t.Channel,
		},
		Annotations: map[string]string{
			signal.Summary:     fmt.Sprintf("Route %d of the notification policy reaches nobody by channel %s", route, t.Channel),
			signal.Description: fmt.Sprintf("It names %s, and %s. Alerts that take this route are not told there.", whom, why),
			signal.FirstStep:   "Name a person or a team in the route, and see that an e-mail address of them is in the operations repository.",
		},
	}
}

// watchRoutes reports the targets that reach nobody, and the end of those that
// reach somebody again. What was reported before stands on the board, so that a
// start in between forgets nothing.
func (c *Courier) watchRoutes(ctx context.Context, sink signal.Sink) error {
	routes, now := c.routes.Load(), c.now()
	if routes == nil || c.o.Board == nil || !c.routesStale.Swap(false) && now.Sub(c.routesAt) < watchEvery && !now.Before(c.routesAt) {
		return nil
	}
	reports := unreached(*routes, *c.channels.Load(), c.o.People)
	wrong := map[string]bool{}
	for i := range reports {
		reports[i].StartsAt, reports[i].At = now, now
		wrong[reports[i].Fingerprint()] = true
	}
	open, err := c.o.Board.List(ctx, alert.Filter{Name: RouteReachesNobody, Detector: detector, State: "open", Limit: 1000})
	if err == nil {
		for _, a := range open.Items {
			if !wrong[a.Fingerprint] {
				reports = append(reports, signal.Signal{
					Detector: detector, Subject: a.Subject, State: signal.Resolved, Labels: a.Labels, Annotations: a.Annotations, StartsAt: a.StartedAt, At: now,
				})
			}
		}
		if len(reports) > 0 {
			err = sink.Report(ctx, reports...)
		}
	}
	if err != nil {
		c.routesStale.Store(true)
		return fmt.Errorf("report the routes that reach nobody: %w", err)
	}
	c.routesAt = now
	return nil
}
