package metrics_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"

	ours "github.com/vigie-ops/vigie/internal/observe/metrics/rules"
	"github.com/vigie-ops/vigie/internal/observe/metrics/tsdbs"
)

// nodeSeries is what a small server sends that the shipped rules read.
func nodeSeries(server string) []labels.Labels {
	var out []labels.Labels
	add := func(name string, pairs ...string) {
		out = append(out, labels.FromStrings(append([]string{"__name__", name, "server", server, "instance", server}, pairs...)...))
	}
	for cpu := range 4 {
		for _, mode := range []string{"idle", "iowait", "user", "system", "irq", "softirq", "steal", "nice"} {
			add("node_cpu_seconds_total", "cpu", fmt.Sprint(cpu), "mode", mode)
		}
	}
	for _, name := range []string{
		"node_memory_MemAvailable_bytes", "node_memory_MemTotal_bytes", "node_memory_SwapFree_bytes", "node_memory_SwapTotal_bytes",
		"node_vmstat_pswpin", "node_vmstat_oom_kill", "node_nf_conntrack_entries", "node_nf_conntrack_entries_limit", "node_filefd_allocated",
		"node_filefd_maximum", "node_timex_offset_seconds", "vigie_agent_clock_offset_seconds", "node_load1",
	} {
		add(name)
	}
	for _, mount := range []string{"/", "/var", "/boot"} {
		for _, name := range []string{"size_bytes", "avail_bytes", "readonly", "files", "files_free"} {
			add("node_filesystem_"+name, "mountpoint", mount, "device", "/dev/vda", "fstype", "ext4")
		}
	}
	for _, name := range []string{"io_time_seconds_total", "io_time_weighted_seconds_total"} {
		add("node_disk_"+name, "device", "vda")
	}
	for _, name := range []string{"receive_errs_total", "transmit_errs_total", "receive_packets_total", "transmit_packets_total"} {
		add("node_network_"+name, "device", "eth0")
	}
	for unit := range 40 {
		for _, state := range []string{"active", "failed"} {
			add("node_systemd_unit_state", "name", fmt.Sprintf("unit-%d.service", unit), "state", state)
		}
	}
	return out
}

// BenchmarkRules evaluates the shipped rules and 300 more on 1,000 servers, and
// tells how much of one core that is when each runs at its interval.
func BenchmarkRules(b *testing.B) {
	store, err := tsdbs.Open(tsdbs.Options{Dir: b.TempDir(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	now := time.Now().Truncate(time.Second)
	for i := range benchServers {
		app := store.Raw().Appender(b.Context())
		for n, ls := range nodeSeries(fmt.Sprintf("srv-%04d", i)) {
			v := 100.0
			for at := now.Add(-6 * time.Minute); !at.After(now); at = at.Add(10 * time.Second) {
				if strings.Contains(ls.Get("__name__"), "total") {
					v += float64(n % 7)
				}
				if _, err := app.Append(0, ls, at.UnixMilli(), v); err != nil {
					b.Fatal(err)
				}
			}
		}
		if err := app.Commit(); err != nil {
			b.Fatal(err)
		}
	}

	files, err := ours.Shipped()
	if err != nil {
		b.Fatal(err)
	}
	var more strings.Builder
	more.WriteString("groups:\n- name: more\n  rules:\n")
	for i := range 300 {
		fmt.Fprintf(&more, "  - alert: More%d\n    expr: avg_over_time(node_load1[5m]) > %d\n", i, 1000+i)
	}
	files = append(files, ours.File{Name: "more", Content: []byte(more.String())})
	p := parser.NewParser(parser.Options{})
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 5e7, Timeout: time.Minute, Parser: p})
	query := rules.EngineQueryFunc(engine, store)
	type timed struct {
		rule     *rules.AlertingRule
		interval time.Duration
	}
	var all []timed
	for _, f := range files {
		groups, errs := rulefmt.Parse(f.Content, false, model.UTF8Validation, p, slog.New(slog.DiscardHandler))
		if len(errs) > 0 {
			b.Fatal(errs)
		}
		for _, g := range groups.Groups {
			for _, r := range g.Rules {
				expr, err := p.ParseExpr(r.Expr)
				if err != nil {
					b.Fatal(err)
				}
				all = append(all, timed{
					rules.NewAlertingRule(r.Alert, expr, time.Duration(r.For), 0, labels.FromMap(r.Labels), labels.EmptyLabels(), labels.EmptyLabels(), "", true, slog.New(slog.DiscardHandler)),
					max(time.Duration(g.Interval), 15*time.Second),
				})
			}
		}
	}
	share := 0.0
	for b.Loop() {
		share = 0
		for _, t := range all {
			start := time.Now()
			if _, err := t.rule.Eval(b.Context(), 0, now, query, nil, 0); err != nil {
				b.Fatal(err)
			}
			share += time.Since(start).Seconds() / t.interval.Seconds()
		}
	}
	b.ReportMetric(share, "cores")
	b.ReportMetric(float64(len(all)), "rules")
}
