package metricsagent

import (
	"fmt"
	"log/slog"
	"sync"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/node_exporter/collector"
)

// nodeCollectors are the collectors of node_exporter that run, each for what
// the shipped rules, the server page or an incident needs.
func nodeCollectors() []string {
	return []string{
		"conntrack", "cpu", "diskstats", "filefd", "filesystem", "hwmon", "loadavg", "mdadm",
		"meminfo", "netdev", "netstat", "os", "pressure", "processes", "sockstat", "stat", "systemd",
		"thermal_zone", "time", "timex", "uname", "vmstat",
	}
}

// nodeFlags is what their options differ in from node_exporter's own: less of
// what comes and goes by the hundred, more of what tells why a service fails.
func nodeFlags() []string {
	return []string{
		"--collector.processes", "--collector.systemd",
		"--collector.systemd.unit-include=.+\\.(service|timer)",
		"--collector.systemd.enable-restarts-metrics",
		"--collector.netdev.device-exclude=^(veth.*|cali.*|lxc.*|vb-.*|tap.*)$",
		"--collector.diskstats.device-exclude=^(ram|loop|fd|sr|(h|s|v|xv)d[a-z]|nvme\\d+n\\d+p)\\d+$",
	}
}

// kingpinOnce guards the one global thing in here: node_exporter reads its
// options from kingpin's global command line, which has to be parsed once.
var kingpinOnce = sync.OnceValue(func() error {
	_, err := kingpin.CommandLine.Parse(nodeFlags())
	return err
})

// nodeObservers returns an observer for each collector of node_exporter. One
// that cannot even be made is made again later, like one that fails.
func nodeObservers() ([]*observer, error) {
	if err := kingpinOnce(); err != nil {
		return nil, fmt.Errorf("set the options of node_exporter's collectors: %w", err)
	}
	// They log every failure every time; here a failure is logged once, by us.
	quiet := slog.New(slog.DiscardHandler)
	var all []*observer
	for _, name := range nodeCollectors() {
		var made collector.Collector
		all = append(all, newObserver(name, func(ch chan<- prometheus.Metric) error {
			if made == nil {
				n, err := collector.NewNodeCollector(quiet, name)
				if err != nil {
					return err
				}
				made = n.Collectors[name]
			}
			err := made.Update(ch)
			if collector.IsNoDataError(err) {
				return errNothing
			}
			return err
		}))
	}
	return all, nil
}
