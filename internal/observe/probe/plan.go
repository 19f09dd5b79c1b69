package probe

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/observe/probe/prober"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/signal"
)

// Plan is one probe as it runs: an entry of the operations repository, or the
// port of a server that is watched without one.
type Plan struct {
	Slug      string
	Name      string
	Kind      string
	Subject   signal.Subject // server, instance, or the hub for a probe about neither
	Component string
	Labels    map[string]string // of the subject, for signals and series
	Severity  signal.Severity
	Target    prober.Target
	Rules     Rules
	From      []string // places as written; empty for the hub and one other
	Own       []string // servers that are part of the subject, so no outside place

	CertificateDays int
	Every, Grace    time.Duration // heartbeat
	Implicit        bool          // a port of a server, without an entry
	Pos             opsrepo.Pos
}

// The rules of the ports that are watched without an entry.
const (
	portInterval      = 30 * time.Second
	portTimeout       = 10 * time.Second
	portConfirmations = 2
	portRecoveries    = 2
)

// productionEnvironment is the environment whose pages wake people.
const productionEnvironment = "production"

// PortSlug names the probe of a server's port that has no entry. No entry can
// have this slug: slugs hold no colon.
func PortSlug(server string, port int) string { return fmt.Sprintf("%s:%d", server, port) }

// Plans returns everything that a generation wants watched, sorted by slug.
func Plans(g *opsrepo.Generation) []Plan {
	snap := fleet.NewSnapshot(g)
	var plans []Plan
	watched := map[string]bool{} // ports that an entry watches already
	for _, p := range Probes.Of(g) {
		plan := planOf(p, snap)
		plans = append(plans, plan)
		if p.Kind == string(prober.TCP) && p.Server != "" && p.Address == "" {
			watched[PortSlug(p.Server, p.Port)] = true
		}
	}
	for _, s := range snap.Servers() {
		if s.Address == "" {
			continue
		}
		for _, port := range s.Ports {
			if slug := PortSlug(s.Slug, port); !watched[slug] {
				watched[slug] = true
				plans = append(plans, portPlan(s, port))
			}
		}
	}
	slices.SortFunc(plans, func(a, b Plan) int { return cmp.Compare(a.Slug, b.Slug) })
	return plans
}

func portPlan(s fleet.Server, port int) Plan {
	slug := PortSlug(s.Slug, port)
	return Plan{
		Slug: slug, Name: fmt.Sprintf("Port %d of %s", port, s.Slug), Kind: string(prober.TCP),
		Subject: signal.Subject{Kind: signal.Server, Slug: s.Slug}, Labels: fleet.LabelsOf(s), Own: []string{s.Slug},
		Severity: signal.Warning, Rules: rules(portConfirmations, portRecoveries, portInterval, portTimeout),
		Target: prober.Target{ID: slug, Kind: prober.TCP, Address: s.Address, Port: port,
			Interval: portInterval, Timeout: portTimeout},
		Implicit: true, Pos: s.Pos,
	}
}

func planOf(p Probe, snap *fleet.Snapshot) Plan {
	plan := Plan{
		Slug: p.Slug, Name: cmp.Or(p.Name, p.Slug), Kind: p.Kind, Component: p.Component, Target: p.target(),
		Subject: signal.Subject{Kind: signal.Hub}, Labels: map[string]string{}, Severity: signal.Warning,
		Rules: rules(p.Confirmations, p.Recoveries, p.Interval.Std(), p.Timeout.Std()), From: p.From,
		CertificateDays: p.Expect.CertificateDays, Every: p.Every.Std(), Grace: p.Grace.Std(), Pos: p.Pos,
	}
	if s, ok := snap.Server(p.Server); ok {
		plan.Subject, plan.Labels, plan.Own = signal.Subject{Kind: signal.Server, Slug: s.Slug}, fleet.LabelsOf(s), []string{s.Slug}
		if plan.Target.Address == "" && p.Kind != string(prober.DNS) {
			plan.Target.Address = s.Address
		}
	}
	if i, ok := snap.Instance(p.Instance); ok {
		plan.Subject, plan.Labels, plan.Own = signal.Subject{Kind: signal.Instance, Slug: i.Slug}, fleet.LabelsOfInstance(i), i.Servers
		if p.Kind == string(prober.HTTP) && i.Environment == productionEnvironment {
			plan.Severity = signal.Critical
		}
	}
	if p.Severity != "" {
		plan.Severity = p.Severity
	}
	if p.Kind == KindHeartbeat {
		// One that is late is late: there is nothing to confirm.
		plan.Rules = Rules{Confirmations: 1, Recoveries: 1, Fresh: plan.Every + plan.Grace + time.Hour}
	}
	return plan
}

// leastFresh lets an answer of an agent arrive before it counts as old.
const leastFresh = 15 * time.Second

func rules(confirmations, recoveries int, interval, timeout time.Duration) Rules {
	return Rules{Confirmations: confirmations, Recoveries: recoveries, Fresh: max(leastFresh, 2*interval+timeout)}
}

// interval is how often the scheduler turns to the probe.
func (p Plan) interval() time.Duration {
	if p.Kind == KindHeartbeat {
		return min(max(p.Every/4, time.Second), 10*time.Second)
	}
	return cmp.Or(p.Target.Interval, portInterval)
}

// retry is how soon to look again while something is wrong and not yet sure.
func (p Plan) retry() time.Duration {
	return min(p.interval(), max(time.Second, min(p.interval()/3, 10*time.Second)))
}

// sameQuestion reports whether what was answered to p still says something.
func (p Plan) sameQuestion(q Plan) bool {
	return reflect.DeepEqual(p.Target, q.Target) && p.Kind == q.Kind
}

// labels returns a copy of the subject's labels with more of them.
func (p Plan) labels(more ...string) map[string]string {
	out := maps.Clone(p.Labels)
	if out == nil {
		out = map[string]string{}
	}
	for i := 0; i+1 < len(more); i += 2 {
		out[more[i]] = more[i+1]
	}
	return out
}
