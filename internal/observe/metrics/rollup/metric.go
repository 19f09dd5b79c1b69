// Package rollup condenses what servers send into a few series that are kept for
// a year, learns from them what is usual, and sees what will be full.
package rollup

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/vigie-ops/vigie/internal/observe/metrics/bands"
	"github.com/vigie-ops/vigie/internal/signal"
)

// Metric is one thing that is condensed: an expression with one series a
// server (or mountpoint, or probe). Its recordings are called
// vigie:<name>:<avg|min|max><5m|30m>.
type Metric struct {
	Name string
	Expr string
	Band *bands.Floor // set where a band of the usual is learned
}

// Recording returns the name of a recording, such as vigie:load1:avg5m.
func (m Metric) Recording(stat, window string) string { return "vigie:" + m.Name + ":" + stat + window }

const (
	realDevices = `device!~"lo|veth.*|docker.*|br-.*|cni.*|cali.*|flannel.*|virbr.*"`
	realDisks   = `device!~"loop.*|ram.*|sr.*|fd.*|zram.*"`
	realFiles   = `fstype!~"tmpfs|ramfs|overlay|squashfs|iso9660|udf|devtmpfs|nsfs|fuse.*|9p|virtiofs"`
)

var promParser = parser.NewParser(parser.Options{})

// of returns the expression for the series of some servers alone; without any,
// the expression itself.
func of(expr string, servers []string) (string, error) {
	if len(servers) == 0 {
		return expr, nil
	}
	e, err := promParser.ParseExpr(expr)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", expr, err)
	}
	quoted := make([]string, len(servers))
	for i, s := range servers {
		quoted[i] = regexp.QuoteMeta(s)
	}
	m, err := labels.NewMatcher(labels.MatchRegexp, signal.LabelServer, strings.Join(quoted, "|"))
	if err != nil {
		return "", fmt.Errorf("select servers: %w", err)
	}
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		if v, ok := n.(*parser.VectorSelector); ok {
			v.LabelMatchers = append(v.LabelMatchers, m)
		}
		return nil
	})
	return e.String(), nil
}

// Metrics returns what is condensed.
func Metrics() []Metric {
	return []Metric{
		{Name: "cpu_busy_ratio", Expr: `1 - avg by (server) (sum without (mode) (rate(node_cpu_seconds_total{mode=~"idle|iowait"}[2m])))`, Band: &bands.Floor{Absolute: 0.05, Relative: 0.1}},
		{Name: "memory_used_ratio", Expr: `max by (server) (1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)`, Band: &bands.Floor{Absolute: 0.03, Relative: 0.03}},
		{Name: "swap_used_ratio", Expr: `max by (server) (1 - node_memory_SwapFree_bytes / (node_memory_SwapTotal_bytes > 0))`},
		{Name: "load1", Expr: `max by (server) (node_load1)`, Band: &bands.Floor{Absolute: 0.5, Relative: 0.15}},
		{Name: "disk_used_bytes", Expr: `max by (server, mountpoint) (node_filesystem_size_bytes{` + realFiles + `} - node_filesystem_avail_bytes)`},
		{Name: "disk_size_bytes", Expr: `max by (server, mountpoint) (node_filesystem_size_bytes{` + realFiles + `})`},
		{Name: "disk_io_busy_ratio", Expr: `max by (server) (rate(node_disk_io_time_seconds_total{` + realDisks + `}[2m]))`, Band: &bands.Floor{Absolute: 0.05, Relative: 0.15}},
		{Name: "disk_read_bytes", Expr: `sum by (server) (rate(node_disk_read_bytes_total{` + realDisks + `}[2m]))`},
		{Name: "disk_written_bytes", Expr: `sum by (server) (rate(node_disk_written_bytes_total{` + realDisks + `}[2m]))`},
		{Name: "network_receive_bytes", Expr: `sum by (server) (rate(node_network_receive_bytes_total{` + realDevices + `}[2m]))`, Band: &bands.Floor{Absolute: 100e3, Relative: 0.2}},
		{Name: "network_transmit_bytes", Expr: `sum by (server) (rate(node_network_transmit_bytes_total{` + realDevices + `}[2m]))`, Band: &bands.Floor{Absolute: 100e3, Relative: 0.2}},
		{Name: "probe_duration_seconds", Expr: `max by (probe, server, app_instance) (probe_duration_seconds)`, Band: &bands.Floor{Absolute: 0.1, Relative: 0.3}},
	}
}
