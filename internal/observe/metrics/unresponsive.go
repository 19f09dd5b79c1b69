package metrics

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/metrics/heard"
	"github.com/vigie-ops/vigie/internal/observe/metrics/report"
	"github.com/vigie-ops/vigie/internal/signal"
)

// DetectorHeard is what signals about silent servers name as their observer.
const DetectorHeard = "heard"

// The alerts about silent servers.
const (
	AlertUnresponsive = "ServerUnresponsive"
	AlertAgentSilent  = "AgentSilent"
	AlertMass         = "ManyServersSilent"
)

// lookEvery is how often the servers are looked at. When the hub did not look
// for longer than asleep, by whatever clock, it slept or stood still: its agents
// could not reach it meanwhile, and the grace begins anew.
const (
	lookEvery = 5 * time.Second
	asleep    = 45 * time.Second
)

// Unresponsive is the service that tells which servers fell silent.
type Unresponsive struct {
	room    *Room
	servers func() []heard.Server
	limits  heard.Limits
	ledger  *report.Ledger
	started atomic.Pointer[time.Time]
	state   heard.State
	looked  time.Time // the last time
	loaded  bool
	last    atomic.Pointer[heard.Verdict]
}

// Unresponsive returns the service. Servers is asked every five seconds for what
// is known about all servers: when the hub last received something from each and
// what the outside probe says. The grace after the start counts from now.
func (r *Room) Unresponsive(servers func() []heard.Server, limits heard.Limits) *Unresponsive {
	u := &Unresponsive{room: r, servers: servers, limits: limits, ledger: report.NewLedger(DetectorHeard, r.o.Sink, r.o.Alerts)}
	now := r.o.Now()
	u.started.Store(&now)
	return u
}

// Name returns the service's name.
func (u *Unresponsive) Name() string { return "metrics unresponsive" }

// Verdict returns the outcome of the last look, for pages.
func (u *Unresponsive) Verdict() heard.Verdict {
	if v := u.last.Load(); v != nil {
		return *v
	}
	return heard.Verdict{}
}

// late is how long after its last word an agent is no longer on time: it
// speaks every ten seconds.
const late = 15 * time.Second

// Silent reports whether an agent that was last heard then is late or silent,
// and whether it was time to report its server.
func (u *Unresponsive) Silent(last time.Time) (silent, decided bool) {
	now := u.room.o.Now()
	// A look later the others know of it.
	by := heard.DecidedBy(last, *u.started.Load(), u.limits).Add(2 * lookEvery)
	return now.Sub(last) > late, !now.Before(by)
}

// Run looks at the servers until ctx is done.
func (u *Unresponsive) Run(ctx context.Context) error {
	t := time.NewTicker(lookEvery)
	defer t.Stop()
	failing := false
	for {
		err := u.Look(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			u.room.o.Log.Error("silent servers were not reported, trying again", "err", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

// Look decides and reports once. It must not be called while Run runs.
func (u *Unresponsive) Look(ctx context.Context) error {
	if !u.loaded {
		open, err := u.ledger.Open(ctx)
		if err != nil {
			return err
		}
		for _, s := range open {
			u.state.Mass = u.state.Mass || s.Name() == AlertMass
		}
		u.loaded = true
	}
	now := u.room.o.Now()
	if !u.looked.IsZero() && (now.Sub(u.looked) > asleep || now.Round(0).Sub(u.looked.Round(0)).Abs() > asleep) {
		u.started.Store(&now)
	}
	u.looked = now
	state, v := heard.Decide(u.state, now, *u.started.Load(), u.servers(), u.limits)
	u.state = state
	u.last.Store(&v)
	u.room.rules.Silent(now, v.Quiet)
	if !v.Judged {
		return nil // what was open before the start stays open
	}
	firing := make([]signal.Signal, len(v.Findings))
	for i, f := range v.Findings {
		firing[i] = toSignal(f, now)
	}
	return u.ledger.Sync(ctx, now, firing, func(s signal.Signal) (time.Time, bool) {
		// While many are silent, none is told by itself; who was told before
		// and still is silent is not well for that.
		return now, !state.Mass || !slices.Contains(v.Quiet, s.Labels[signal.LabelServer])
	})
}

// maxNames bounds how many servers a text names.
const maxNames = 20

func toSignal(f heard.Finding, now time.Time) signal.Signal {
	s := signal.Signal{Detector: DetectorHeard, State: signal.Firing, StartsAt: f.Since.UTC(), At: now.UTC(), Labels: map[string]string{}}
	if f.Kind == heard.Mass {
		names := f.Silent
		more := ""
		if len(names) > maxNames {
			names, more = names[:maxNames], fmt.Sprintf(" and %d more", len(f.Silent)-maxNames)
		}
		s.Subject = signal.Subject{Kind: signal.Hub}
		s.Labels[signal.LabelName], s.Labels[signal.LabelSeverity] = AlertMass, string(signal.Critical)
		s.Annotations = map[string]string{
			signal.Summary:     fmt.Sprintf("%d of %d servers silent", len(f.Silent), f.Of),
			signal.Description: "So many servers at once rarely fail by themselves: a network, a provider, or the hub's own connection is the likely reason. Silent are " + strings.Join(names, ", ") + more + ".",
			signal.Value:       fmt.Sprintf("%d of %d", len(f.Silent), f.Of),
			signal.Limit:       "3 servers and a fifth of all within 5 minutes",
			signal.FirstStep:   "Check whether the hub itself reaches the outside, then what the silent servers have in common: provider, network, ring.",
		}
		return s
	}

	server := f.Server.Slug
	quiet := now.Sub(f.Since).Round(time.Second)
	s.Subject = signal.Subject{Kind: signal.Server, Slug: server}
	maps.Copy(s.Labels, f.Server.Labels)
	s.Labels[signal.LabelServer] = server
	s.Annotations = map[string]string{
		signal.Value: "silent for " + quiet.String(),
		signal.Limit: "2 minutes",
		signal.Expr:  fmt.Sprintf(`max_over_time(up{server=%q}[2m])`, server),
	}
	switch {
	case f.Kind == heard.AgentSilent:
		s.Labels[signal.LabelName], s.Labels[signal.LabelSeverity] = AlertAgentSilent, string(signal.Warning)
		s.Annotations[signal.Summary] = fmt.Sprintf("The agent of %s has been silent for %s", server, quiet)
		s.Annotations[signal.Description] = "The server answers from outside, but its agent sends nothing: what happens inside it is not seen. What the agent keeps in its spool arrives later."
		s.Annotations[signal.FirstStep] = "See on the server's page what was short before it fell silent: memory, disk, processor. See whether other agents behind the same firewall are silent too. Then start the agent again by a playbook."
	case f.Server.Appliance:
		s.Labels[signal.LabelName], s.Labels[signal.LabelSeverity] = AlertUnresponsive, string(signal.Critical)
		s.Annotations[signal.Summary] = fmt.Sprintf("%s does not answer", server)
		s.Annotations[signal.Description] = "The appliance answers on none of the ports that are probed from outside."
		s.Annotations[signal.Value] = "no answer for " + quiet.String()
		s.Annotations[signal.Limit] = "as its probe says"
		s.Annotations[signal.FirstStep] = "Check power and uplink with the provider; see what depends on it."
	case f.Server.Probe == heard.Unknown:
		s.Labels[signal.LabelName], s.Labels[signal.LabelSeverity] = AlertUnresponsive, string(signal.Critical)
		s.Annotations[signal.Summary] = fmt.Sprintf("The agent of %s has been silent for %s", server, quiet)
		s.Annotations[signal.Description] = fmt.Sprintf("No probe says anything sure about it from outside. All that is known is that its agent has been silent since %s; what runs on it may be down.", f.Since.UTC().Format("2 January 15:04:05 UTC"))
		s.Annotations[signal.FirstStep] = "See on the server's page what the probes of its instances say and what its charts showed before the silence; then look at the provider's status page and console. If the machine hangs there, restart it from there."
	default:
		s.Labels[signal.LabelName], s.Labels[signal.LabelSeverity] = AlertUnresponsive, string(signal.Critical)
		s.Annotations[signal.Summary] = fmt.Sprintf("%s has been silent for %s", server, quiet)
		s.Annotations[signal.Description] = "Neither its agent nor a look from outside gets an answer. Everything that runs on it is most likely down."
		s.Annotations[signal.FirstStep] = "See on the server's page which of its ports answer, what its charts showed before the silence and which instances run on it; then look at the provider's status page and console. If the machine hangs there, restart it from there."
	}
	return s
}
