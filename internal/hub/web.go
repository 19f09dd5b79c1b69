package hub

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"

	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/vigie-ops/vigie/internal/audit/auditweb"
	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/fleet/fleetweb"
	"github.com/vigie-ops/vigie/internal/observe/logs"
	"github.com/vigie-ops/vigie/internal/observe/logs/logsweb"
	"github.com/vigie-ops/vigie/internal/observe/metrics/metricsweb"
	"github.com/vigie-ops/vigie/internal/observe/probe/probeweb"
	"github.com/vigie-ops/vigie/internal/operate/drift/driftweb"
	"github.com/vigie-ops/vigie/internal/operate/plan/planweb"
	"github.com/vigie-ops/vigie/internal/operate/run/runweb"
	"github.com/vigie-ops/vigie/internal/opsrepo/opsrepoweb"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/people/peopleweb"
	"github.com/vigie-ops/vigie/internal/respond/alert/alertweb"
	"github.com/vigie-ops/vigie/internal/respond/alert/alertweb/amapi"
	"github.com/vigie-ops/vigie/internal/respond/logbook/logbookweb"
	"github.com/vigie-ops/vigie/internal/respond/notify/notifyweb"
	"github.com/vigie-ops/vigie/internal/ui/kit"
)

// openConsole registers every page and interface. The order is that of the
// navigation.
func (h *Hub) openConsole(context.Context) error {
	c := console.New(console.Options{Auth: h.accounts, Log: h.log, Now: h.o.Now, Secure: h.secure(), Stale: h.stale})
	h.console = c
	c.RegisterNow()
	peopleweb.Register(c, peopleweb.Options{Accounts: h.accounts, Staff: h.staff, Address: h.ConsoleURL})
	logbookweb.Register(c, logbookweb.Options{Desk: h.desk, Acknowledge: h.acknowledgeIssue, Name: h.name, Manager: h.manager, Now: h.o.Now})
	alertweb.Register(c, alertweb.Options{Board: h.board, Name: h.name, Now: h.o.Now})

	charts := metricsweb.Register(c, metricsweb.Options{Engine: h.metrics, Fleet: h.fleet, API: h.metrics.API(), Log: h.log, Now: h.o.Now})
	logsweb.Register(c, logsweb.Options{
		Store: h.logs.Store(), Keeps: h.logs.Keeps, Held: h.logs.Held, Erase: h.logs.Erase, Searches: logs.NewSearches(h.state, auditor{h.audit}, h.o.Now),
		Name: h.name, Audit: h.auditLogs, Log: h.log, Now: h.o.Now,
	})
	probes := probeweb.Register(c, probeweb.Options{
		Probes: h.probes, Measured: charts, Audit: h.act, Address: h.ConsoleURL, Log: h.log, Now: h.o.Now,
	})
	fleetweb.Register(c, fleetweb.Options{
		Fleet: h.fleet, Hearing: h.hearing, Facts: h.facts, Authority: h.agents, Health: health{h.board},
		Figures: figures{charts}, Response: response{charts}, Uptime: uptime{probes}, People: h.staff.Current,
		Agents: h.agentsURL, Now: h.o.Now,
	})
	opsrepoweb.Register(c, opsrepoweb.Options{Repository: h.ops, Refused: h.ops.Refused, Audit: h.act, Now: h.o.Now})
	runweb.Register(c, runweb.Options{Office: h.runs, Name: h.name, Now: h.o.Now, ServersOf: geography{h.fleet}.ServersOf})
	planweb.Register(c, planweb.Options{Planner: h.planner, Runs: h.runs, Name: h.name, Now: h.o.Now})
	driftweb.Register(c, driftweb.Options{Drift: h.drift, Name: h.name, Now: h.o.Now})
	auditweb.Register(c, auditweb.Options{Trail: h.audit, Name: h.name, Now: h.o.Now})
	notifyweb.Register(c, h.courier, h.name, h.o.Now)

	board := amapi.New(h.board, amapi.Options{
		Log: h.log, Now: h.o.Now, Version: h.o.Version,
		Actor: func(r *http.Request) string { return console.Actor(r).Slug },
	})
	c.Mount("GET /api/v2/{path...}", people.Viewer, board)
	c.Mount("POST /api/v2/alerts", people.Responder, board)
	c.Mount("POST /api/v2/silences", people.Responder, board)
	c.Mount("DELETE /api/v2/silence/{id}", people.Responder, board)

	h.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	c.Mount("GET /metrics/hub", people.Viewer, promhttp.HandlerFor(h.registry, promhttp.HandlerOpts{}))
	const probeWhy = "load balancers and service managers ask it; it says nothing but whether the hub works"
	c.Open("GET /healthz", probeWhy, h.healthz)
	c.Open("GET /readyz", probeWhy, h.readyz)
	c.Mount("GET /dev/kit", people.Viewer, kit.Handler())
	c.DescribeAPI(h.o.Version)
	if h.o.Extend != nil {
		h.o.Extend(h, c)
	}
	front := &web{name: "console", hub: h, listener: h.listeners.console, server: h.newServer(behind(h.o.Config.Listen.Proxies, c.Handler()))}
	if t := h.o.Config.Listen.TLS; t != nil {
		cert := &certificate{files: *t}
		if _, err := cert.get(nil); err != nil {
			return err
		}
		front.tls = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: cert.get, NextProtos: []string{"h2", "http/1.1"}}
	}
	h.webs = append(h.webs, front)
	return h.openAgents()
}

// stale says why the pages may be behind.
func (h *Hub) stale(context.Context) string {
	if h.ops.Current() == nil {
		return "No operations repository was read yet, so the hub does not know what the company runs. See Operations."
	}
	return ""
}

// agentsURL is where agents reach this hub, under the first of its names.
func (h *Hub) agentsURL() string {
	_, port, err := net.SplitHostPort(h.listeners.agents.Addr().String())
	if err != nil {
		return "" // a listener's own address can be split
	}
	host := "127.0.0.1"
	if names := h.o.Config.Listen.Names; len(names) > 0 {
		host = names[0]
	}
	return "https://" + net.JoinHostPort(host, port)
}
