package agent

import (
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vigie-ops/vigie/internal/fleet/fleetagent"
	"github.com/vigie-ops/vigie/internal/observe/logs/logsagent"
	"github.com/vigie-ops/vigie/internal/observe/metrics/metricsagent"
)

// ownSources returns the sources every agent has.
func (a *Agent) ownSources() ([]Source, error) {
	c := a.o.Config
	metrics, err := metricsagent.New(metricsagent.Options{
		Interval: time.Duration(c.Collect.Interval), Disable: c.Collect.Disable, Instance: a.instance(),
		Certificates: c.Certificates, Root: a.o.Root, Log: a.log, Extra: []prometheus.Collector{newSelf(a), logsagent.NewKept(a.o.Root, c.Logs.files())},
	})
	if err != nil {
		return nil, err
	}
	facts := fleetagent.New(fleetagent.Options{
		Root: a.o.Root, Certificates: c.Certificates, Disable: c.Collect.Disable, Log: a.log,
	})
	return []Source{metrics, facts}, nil
}

// instance is the name of this server until the hub puts its own in its place.
func (a *Agent) instance() string {
	for _, l := range a.links {
		if l.identity.load() == nil {
			return l.identity.server()
		}
	}
	if name, err := os.Hostname(); err == nil {
		return name
	}
	return "unknown"
}
