package demo

import (
	"github.com/vigie-ops/vigie/internal/hub"
	"github.com/vigie-ops/vigie/internal/lib/secret"
	"github.com/vigie-ops/vigie/internal/operate/run"
	"github.com/vigie-ops/vigie/internal/opsrepo"
)

// config is the demo's hub: everything in its folder and on loopback.
func (d *demo) config() hub.Config {
	interval := func(text string) opsrepo.Duration {
		v, err := opsrepo.ParseDuration(text)
		if err != nil {
			panic(err) // the texts stand below
		}
		return v
	}
	return hub.Config{
		Data:      d.path("hub"),
		MasterKey: secret.Ref{File: d.path("master.key")},
		Tokens:    d.path("tokens"),
		Listen:    hub.Listen{Console: d.Listen, Agents: d.agents},
		State:     hub.State{Engine: "sqlite"},
		Operations: hub.Operations{
			Git: "file://" + d.path("ops"), Branch: "main", Interval: interval("2s"),
		},
		Logs: hub.Logs{
			Documents:     []string{"elastalert_status*"},
			Elasticsearch: hub.LogListen{Listen: d.logs["elasticsearch"]}, OTLP: hub.LogListen{Listen: d.logs["otlp"]}, Loki: hub.LogListen{Listen: d.logs["loki"]},
			Syslog: hub.Syslog{TCP: d.logs["syslog"], UDP: d.logs["syslog"]},
		},
		Runs: hub.Runs{User: run.DefaultUser, Concurrency: 4},
		Metrics: hub.Metrics{
			Engine: "embedded", RawRetention: interval("15d"), RollupRetention: interval("400d"), RuleInterval: interval("5s"),
		},
	}
}
