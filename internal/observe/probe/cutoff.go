package probe

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/observe/probe/prober"
	"github.com/vigie-ops/vigie/internal/signal"
)

// When the hub's own network dies, everything it looks at seems to be down, and
// no agent can say otherwise. So the hub's word alone counts only while
// something else answers it: otherwise there is one alert, about the hub.

// HubCutOff is the alert that nothing answers the hub.
const HubCutOff = "HubCutOff"

const (
	// witnesses is how many other subjects there must be for their silence to
	// say something about the hub.
	witnesses = 3
	// asked is how many of the others are looked at soon to find out.
	asked = 5
	// cutOffAfter is how long the hub doubts itself before it tells.
	cutOffAfter = 30 * time.Second
)

// reach is how much of the network lies between the hub and a target. What
// answers vouches for the way there, and for nothing beyond.
type reach int

const (
	thisMachine reach = iota
	nearby            // a private network
	outside
	reaches
)

// reachOf says where a target lies. A name may lie anywhere.
func reachOf(t prober.Target) reach {
	host := t.Address
	if t.Kind == prober.HTTP {
		if u, err := url.Parse(t.URL); err == nil {
			host = u.Hostname()
		}
	}
	if t.Kind == prober.DNS {
		host = t.Resolver
	}
	if ap, err := netip.ParseAddrPort(host); err == nil {
		host = ap.Addr().String()
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case host == "localhost" || err == nil && ip.IsLoopback():
		return thisMachine
	case err == nil && (ip.IsPrivate() || ip.IsLinkLocalUnicast()):
		return nearby
	}
	return outside
}

// witness is the last good answer that the hub got from one subject.
type witness struct {
	subject signal.Subject
	at      time.Time
}

// network is what the hub knows of its own connection.
type network struct {
	subjects [reaches]map[signal.Subject]bool // that the hub looks at
	last     [reaches][2]witness              // the last good answers, of two subjects
	waiting  func(server string) bool         // servers that nobody expects to answer yet
	doubted  bool                             // since the last tick
	since    time.Time                        // of the doubt; zero for none
	told     bool
}

// plan takes over what the hub looks at.
func (n *network) plan(runs map[string]*run) {
	for i := range n.subjects {
		n.subjects[i] = map[signal.Subject]bool{}
	}
	for _, r := range runs {
		if r.plan.Kind != KindHeartbeat && r.fromHub() {
			n.subjects[reachOf(r.plan.Target)][r.plan.Subject] = true
		}
	}
}

// answered notes that the hub got a good answer.
func (n *network) answered(p Plan, at time.Time) {
	last := &n.last[reachOf(p.Target)]
	switch {
	case last[0].subject == p.Subject || last[0].at.IsZero():
	default:
		last[1] = last[0]
	}
	last[0] = witness{p.Subject, at}
}

// trusts reports whether what the hub alone sees of a plan since then is
// about the plan's subject, and not about the hub.
func (n *network) trusts(p Plan, since time.Time) bool {
	from := reachOf(p.Target)
	if from == thisMachine {
		return true
	}
	if !n.witnessed(p.Subject, from) {
		return true
	}
	for _, last := range n.last[from:] {
		for _, w := range last {
			if w.subject != p.Subject && w.at.After(since) {
				return true
			}
		}
	}
	n.doubted = true
	return false
}

// witnessed reports whether enough others should answer from as far away.
func (n *network) witnessed(subject signal.Subject, from reach) bool {
	others := 0
	for _, subjects := range n.subjects[from:] {
		for s := range subjects {
			if s == subject || s.Kind == signal.Server && n.waiting(s.Slug) {
				continue
			}
			if others++; others == witnesses {
				return true
			}
		}
	}
	return false
}

// good reports whether anything has answered the hub since its start.
func (n *network) good() bool {
	for _, last := range n.last {
		if !last[0].at.IsZero() {
			return true
		}
	}
	return false
}

// vouch has the machine of a probe ask whether the hub's word counts.
func (s *Service) vouch(r *run) {
	r.machine.Trust = func(place string, since time.Time) bool { return place != Hub || s.network.trusts(r.plan, since) }
}

// checkNetwork tells when nothing answers the hub, and when something does
// again; the caller holds s.mu and has had every machine look.
func (s *Service) checkNetwork(now time.Time) {
	n := &s.network
	switch {
	case !n.doubted:
		n.since = time.Time{}
	case n.since.IsZero():
		n.since = now
	}
	if n.doubted {
		s.askOthers(now)
	}
	n.doubted = false
	switch {
	case n.since.IsZero() && n.told && n.good():
		n.told = false
		s.later(func(ctx context.Context, tx *db.Tx) error { return resolveSignals(ctx, tx, "", HubCutOff, now) })
	case !n.since.IsZero() && !n.told && now.Sub(n.since) >= cutOffAfter:
		n.told = true
		sig := cutOffSignal(len(n.subjects[nearby])+len(n.subjects[outside]), n.since, now)
		s.o.Log.Warn("nothing answers the hub", "since", n.since)
		s.later(func(ctx context.Context, tx *db.Tx) error { return putSignal(ctx, tx, sig) })
	}
}

// askOthers has the hub look at some other things soon.
func (s *Service) askOthers(now time.Time) {
	left := asked
	for slug, r := range s.runs { // in an order that is another each time
		if left == 0 {
			break
		}
		if r.plan.Kind != KindHeartbeat && r.fromHub() && reachOf(r.plan.Target) != thisMachine {
			s.sched.Hasten(slug, now)
			left--
		}
	}
	nudge(s.wake)
}

func cutOffSignal(subjects int, since, now time.Time) signal.Signal {
	return signal.Signal{
		Detector: Detector, Subject: signal.Subject{Kind: signal.Hub}, State: signal.Firing, StartsAt: since.UTC(), At: now.UTC(),
		Labels: map[string]string{signal.LabelName: HubCutOff, signal.LabelSeverity: string(signal.Critical)},
		Annotations: map[string]string{
			signal.Summary: "Nothing that the hub probes answers it",
			signal.Description: fmt.Sprintf("Of %d servers and instances that are probed none has answered since. The hub's own network is the likely reason, so outages that no second place sees are not told one by one.",
				subjects),
			signal.Value:     "no good answer",
			signal.Limit:     fmt.Sprintf("one of any other within %s", prober.Span(cutOffAfter)),
			signal.FirstStep: "Check the hub's own network, name resolution and provider. If the hub is well, everything is down at once: look at what all of it has in common.",
			signal.Link:      "/probes",
		},
	}
}
