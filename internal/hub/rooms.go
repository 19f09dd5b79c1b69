package hub

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"path/filepath"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/hub/intake"
	"github.com/vigie-ops/vigie/internal/lib/netguard"
	"github.com/vigie-ops/vigie/internal/observe/logs"
	"github.com/vigie-ops/vigie/internal/observe/metrics"
	"github.com/vigie-ops/vigie/internal/observe/metrics/heard"
	"github.com/vigie-ops/vigie/internal/observe/metrics/remote"
	"github.com/vigie-ops/vigie/internal/observe/metrics/rules"
	"github.com/vigie-ops/vigie/internal/observe/probe"
	"github.com/vigie-ops/vigie/internal/observe/probe/prober"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/respond/alert"
	"github.com/vigie-ops/vigie/internal/respond/logbook"
	"github.com/vigie-ops/vigie/internal/respond/notify"
	"github.com/vigie-ops/vigie/internal/respond/notify/slack"
	"github.com/vigie-ops/vigie/internal/respond/notify/smtp"
	"github.com/vigie-ops/vigie/internal/respond/notify/webhook"
	"github.com/vigie-ops/vigie/internal/signal"
)

// late are the stages of the river that are made after those that ask them.
type late struct{ h *Hub }

func (l late) List(ctx context.Context, f alert.Filter) (alert.Page, error) {
	return l.h.board.List(ctx, f)
}

func (l late) Acknowledge(ctx context.Context, actor, reason string, until time.Time, ids ...string) ([]alert.Alert, error) {
	return l.h.board.Acknowledge(ctx, actor, reason, until, ids...)
}

func (l late) Note(ctx context.Context, tx *db.Tx, issue string, e logbook.Entry) error {
	return l.h.desk.Note(ctx, tx, issue, e)
}

// openRespond wires the stages of the river from its end: each is given the
// next.
func (h *Hub) openRespond(ctx context.Context) error {
	trail := auditor{h.audit}
	h.courier = notify.New(notify.Options{
		DB: h.state, Log: h.log, Board: late{h}, Book: late{h}, People: directory{h.staff, h.fleet}, Keys: keys{h.keys}, Audit: trail,
		Kinds:   map[string]notify.Maker{"smtp": smtp.New, "webhook": webhook.New, "slack": slack.New},
		BaseURL: h.ConsoleURL, Company: func() string { return h.fleet.Current().Company().Name },
		MayRead: h.o.Config.mayRead, As: h.as, Now: h.o.Now, Changed: h.changed,
	})
	if err := h.courier.Links().Prepare(ctx); err != nil {
		return err
	}
	h.courier.Handle(h.jobs)
	h.desk = logbook.New(logbook.Options{
		DB: h.state, Log: h.log, Next: h.courier, Audit: trail, Fleet: geography{h.fleet}, Now: h.o.Now, Changed: h.changed,
	})
	h.board = alert.New(alert.Options{DB: h.state, Log: h.log, Next: h.desk, Audit: trail, Now: h.o.Now, Changed: h.changed,
		ServersOf: geography{h.fleet}.ServersOf, Silent: h.silent, Together: func() []string { return h.silence.Verdict().Together }})
	h.courier.ReportTo(h.board)
	h.services = append(h.services, h.jobs, h.board, h.courier, &space{folder: h.o.Config.Data, look: diskOf, sink: h.board, log: h.log, now: h.o.Now})
	return nil
}

func (h *Hub) openObserve(ctx context.Context) error {
	c := h.o.Config.Metrics
	external, err := url.Parse(h.ConsoleURL())
	if err != nil {
		return err
	}
	o := metrics.Options{
		Dir: filepath.Join(h.o.Config.Data, "metrics"), RawRetention: c.RawRetention.Std(), RawMaxBytes: c.RawSize,
		RollupRetention: c.RollupRetention.Std(), RollupMaxBytes: c.RollupSize, RuleInterval: c.RuleInterval.Std(), ExternalURL: external,
		Sink: h.board, Alerts: h.board, Version: h.o.Version, Registry: h.registry, Log: quieter(h.log), Now: h.o.Now,
		Rules: func(g *opsrepo.Generation) []rules.File {
			return []rules.File{{Name: rules.MadePrefix + "log_policy", Content: logs.Rules(g)}}
		},
	}
	if c.Engine == "remote" {
		o.Remote = &remote.Options{WriteURL: c.WriteURL, QueryURL: c.QueryURL}
	}
	if h.metrics, err = metrics.Open(ctx, o); err != nil {
		return err
	}
	h.onClose(h.metrics.Close)
	h.probes = probe.New(probe.Options{
		DB: h.state, Prober: prober.New(prober.Options{UserAgent: "vigie/" + h.o.Version, Guard: netguard.NotLinkLocal}), Sink: h.board,
		Samples: samples{h.metrics}, Agents: h.online, Log: h.log, Waiting: h.awaited, Grace: h.o.probeGrace(),
	})
	for _, s := range h.metrics.Services() {
		h.services = append(h.services, s)
	}
	h.silence = h.metrics.Unresponsive(h.heardServers, heard.Limits{})
	h.services = append(h.services, h.silence, h.probes)
	return nil
}

func (h *Hub) openOperations(ctx context.Context) error {
	o := h.o.Config.Operations
	var source opsrepo.Source
	var commitsOf *opsrepo.Commits
	if o.Git != "" {
		git := opsrepo.NewGit(o.Git, o.Branch, filepath.Join(h.o.Config.Data, "operations.git"))
		git.Token = o.Token
		source, commitsOf = git, git.Commits()
	} else {
		dir := opsrepo.NewDir(o.Directory)
		source, commitsOf = dir, dir.Commits()
	}
	h.ops = opsrepo.NewFollower(opsrepo.FollowerOptions{
		Source: source, Sections: Sections(), DB: h.state, Sink: h.board, Interval: o.Interval.Std(), Log: h.log, Now: h.o.Now,
		// The probes look at the fleet, so they come after it.
		Appliers: []opsrepo.Applier{h.staff, h.fleet, h.board, h.courier, h.metrics, h.logs, h.probes, commits{h}, announce{h}},
	})
	h.restoring = true
	err := h.ops.Restore(ctx)
	h.restoring = false
	if err != nil {
		// The hub is worth more without the last good one than not at all; it
		// reads the repository at once.
		h.log.Error("last good generation could not be restored", "err", err)
	}
	h.services = append(h.services, h.ops, h.hearing, h.agents, h.accounts, clocks{h}, setupLink{h})
	h.openRuns(commitsOf)
	h.openDrift()
	return nil
}

// defaultProbeGrace is about what a machine takes to start its services.
const defaultProbeGrace = 30 * time.Second

func (o Options) probeGrace() time.Duration {
	if o.ProbeGrace == 0 {
		return defaultProbeGrace
	}
	return max(0, o.ProbeGrace)
}

// announce tells open pages that a generation was applied.
type announce struct{ h *Hub }

func (a announce) ApplyOps(_ context.Context, tx *db.Tx, _ *opsrepo.Generation) error {
	tx.After(func() {
		for _, topic := range []string{"opsrepo", "fleet", "probes"} {
			a.h.changed(topic)
		}
	})
	return nil
}

// changed tells open pages to look again.
func (h *Hub) changed(topic string) {
	if h.console != nil {
		h.console.Events().Publish(topic)
	}
}

// openAgents serves the agents' listener.
func (h *Hub) openAgents() error {
	names := append([]string{"localhost", "127.0.0.1", "::1"}, h.o.Config.Listen.Names...)
	if host, err := url.Parse(h.ConsoleURL()); err == nil && host.Hostname() != "" {
		names = append(names, host.Hostname())
	}
	tls := h.agents.TLSConfig(names)
	if tls == nil {
		return errors.New("the agents' listener has no certificate")
	}
	handler := intake.New(intake.Options{
		Authority: h.agents, Hearing: h.hearing, Facts: h.facts, Probes: h.probes,
		Write: h.metrics.AgentWriter(h.sender), Logs: h.logs, Changed: h.changed, Log: h.log, Now: h.o.Now,
	})
	h.webs = append(h.webs, &web{name: "agents", hub: h, listener: h.listeners.agents, server: h.newServer(handler), tls: tls})
	return nil
}

// sender says whose samples a request holds, and what else is known of them.
func (h *Hub) sender(r *http.Request) (metrics.Sender, bool) {
	slug, ok := intake.ServerOf(r)
	if !ok {
		return metrics.Sender{}, false
	}
	s, ok := h.fleet.Current().Server(slug)
	if !ok {
		return metrics.Sender{}, false
	}
	labels := fleet.LabelsOf(s)
	delete(labels, signal.LabelServer)
	return metrics.Sender{Server: slug, Labels: labels}, true
}
