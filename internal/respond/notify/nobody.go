package notify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/vigie-ops/vigie/internal/respond/alert"
	"github.com/vigie-ops/vigie/internal/signal"
)

// RouteReachesNobody is the name of the alert about a target of a route by
// which nobody can be told.
const RouteReachesNobody = "RouteReachesNobody"

// NoticeReachesNobody is the name of the alert about a person whom a notice did
// not reach: they have no address, or there is no such channel.
const NoticeReachesNobody = "NoticeReachesNobody"

// missedFor is how long a notice that reached nobody is worth an alert.
const missedFor = 24 * time.Hour

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

// missed returns a signal for each person whom a notice of the last day did not
// reach, and whom the next would not reach either.
func (c *Courier) missed(ctx context.Context) ([]signal.Signal, error) {
	var rows []struct {
		Channel string `bun:"channel"`
		Person  string `bun:"person"`
	}
	const q = `
		SELECT DISTINCT channel, person FROM notify_delivery
		WHERE state = 'failed' AND kind = 'notice' AND attempts = 0 AND created_at > ?
		ORDER BY channel, person
		LIMIT 100`
	if err := c.o.DB.Read().NewRaw(q, c.now().Add(-missedFor)).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("read the notices that reached nobody: %w", err)
	}
	var all []signal.Signal
	for _, r := range rows {
		if a := c.reader(r.Person, cmp.Or(r.Channel, *c.mailChannel.Load())); a.problem != "" {
			all = append(all, untold(r.Person, r.Channel, a.problem))
		}
	}
	return all, nil
}

func untold(person, channel, why string) signal.Signal {
	s := signal.Signal{
		Detector: detector, Subject: signal.Subject{Kind: signal.Hub}, State: signal.Firing,
		Labels: map[string]string{signal.LabelName: NoticeReachesNobody, signal.LabelSeverity: string(signal.Warning), labelTarget: "nobody"},
		Annotations: map[string]string{
			signal.Summary:     "A notice reached nobody: " + why,
			signal.Description: "Something that somebody must know, such as a run that waits to be approved, was not told. It stands under Notifications.",
			signal.FirstStep:   "See under Notifications what it was and tell them, then mend the channel or the people in the operations repository.",
			signal.Link:        "/notifications",
		},
	}
	if person != "" {
		s.Labels[labelTarget] = "person " + person
	}
	if channel != "" {
		s.Labels[LabelChannel] = channel
	}
	return s
}

// watchRoutes reports the targets that reach nobody, and the end of those that
// reach somebody again, and so for notices. What was reported before stands on
// the board, so that a start in between forgets nothing.
func (c *Courier) watchRoutes(ctx context.Context, sink signal.Sink) error {
	routes, now := c.routes.Load(), c.now()
	if routes == nil || c.o.Board == nil || !c.routesStale.Swap(false) && now.Sub(c.routesAt) < watchEvery && !now.Before(c.routesAt) {
		return nil
	}
	missed, err := c.missed(ctx)
	if err == nil {
		err = c.reportNobody(ctx, sink, NoticeReachesNobody, missed)
	}
	err = errors.Join(err, c.reportNobody(ctx, sink, RouteReachesNobody, unreached(*routes, *c.channels.Load(), c.o.People)))
	if err != nil {
		c.routesStale.Store(true)
		return fmt.Errorf("report who is not reached: %w", err)
	}
	c.routesAt = now
	return nil
}

// reportNobody reports the alerts of one name that are true now, and the end of
// the others.
func (c *Courier) reportNobody(ctx context.Context, sink signal.Sink, name string, reports []signal.Signal) error {
	now := c.now()
	wrong := map[string]bool{}
	for i := range reports {
		reports[i].StartsAt, reports[i].At = now, now
		wrong[reports[i].Fingerprint()] = true
	}
	open, err := c.o.Board.List(ctx, alert.Filter{Name: name, Detector: detector, State: "open", Limit: 1000})
	if err != nil {
		return err
	}
	for _, a := range open.Items {
		if !wrong[a.Fingerprint] {
			reports = append(reports, signal.Signal{
				Detector: detector, Subject: a.Subject, State: signal.Resolved, Labels: a.Labels, Annotations: a.Annotations, StartsAt: a.StartedAt, At: now,
			})
		}
	}
	if len(reports) == 0 {
		return nil
	}
	return sink.Report(ctx, reports...)
}
