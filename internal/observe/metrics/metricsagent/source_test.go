package metricsagent

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/wire"
)

func newSource(t testing.TB, disable ...string) *Source {
	t.Helper()
	s, err := New(Options{Instance: "app-07", Root: os.DirFS("/"), Log: slog.New(slog.DiscardHandler), Disable: disable, Certificates: []string{"/etc/ssl/certs/*.pem"}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestThisMachineIsObserved(t *testing.T) {
	s := newSource(t)
	b, err := s.Collect(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	all := decoded(t, b)
	names := map[string]bool{}
	for l := range all {
		name, _, _ := strings.Cut(strings.TrimPrefix(l, `{__name__="`), `"`)
		names[name] = true
		if !strings.Contains(l, `job="node"`) || !strings.Contains(l, `instance="app-07"`) {
			t.Errorf("%s lacks job or instance", l)
		}
	}
	for _, want := range []string{"up", "node_cpu_seconds_total", "node_memory_MemAvailable_bytes", "node_load1", "node_filesystem_avail_bytes",
		"node_network_receive_bytes_total", "node_uname_info", "node_time_seconds", "process_resident_memory_bytes", "node_scrape_collector_success"} {
		if !names[want] {
			t.Errorf("%s is missing", want)
		}
	}
	t.Logf("%d series, %d bytes; unavailable: %v", len(all), len(b), s.Unavailable())
}

func TestWhatCannotRunHereIsListedAndNotAlerted(t *testing.T) {
	s := newSource(t)
	s.observers = []*observer{newObserver("systemd", nodeFails), newObserver("cpu", nodeWorks)}
	b, err := s.Collect(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for l := range decoded(t, b) {
		if strings.Contains(l, `collector="systemd"`) {
			t.Errorf("a rule could alert on %s", l)
		}
	}
	want := []wire.Unavailable{{Name: "systemd", Reason: "no bus"}}
	if got := s.Unavailable(); !slices.Equal(got, want) {
		t.Errorf("unavailable %v, want %v", got, want)
	}
}

func TestADisabledCollectorDoesNotRun(t *testing.T) {
	for _, o := range newSource(t, "cpu", "smart").observers {
		if o.name == "cpu" || o.name == "smart" {
			t.Errorf("%s runs", o.name)
		}
	}
}

func TestRunHandsOverAtOnceAndGoesOnWhenTheDiskIsFull(t *testing.T) {
	s := newSource(t)
	s.observers, s.o.Interval = nil, time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	err := s.Run(ctx, func(kind string, payload []byte) error {
		if n++; n == 3 {
			cancel()
		}
		if kind != wire.KindMetrics || len(payload) == 0 {
			t.Errorf("handed over %q, %d bytes", kind, len(payload))
		}
		return errors.New("the disk is full")
	})
	if err != nil || n < 3 {
		t.Errorf("run ended with %v after %d records", err, n)
	}
}

// BenchmarkCollect is one cycle on this machine: every collector, encoded and
// compressed. At ten seconds, one percent of a core is 100 ms a cycle.
func BenchmarkCollect(b *testing.B) {
	s := newSource(b)
	b.ReportAllocs()
	var size int
	for b.Loop() {
		p, err := s.Collect(time.Now())
		if err != nil {
			b.Fatal(err)
		}
		size = len(p)
	}
	b.ReportMetric(float64(s.encoder.Series()), "series")
	b.ReportMetric(float64(size), "wire-bytes")
}

// BenchmarkEncode is the part of a cycle that is ours.
func BenchmarkEncode(b *testing.B) {
	s := newSource(b)
	var all []gathered
	for _, o := range s.observers {
		if g, ok := o.gather(time.Now(), time.Second); ok {
			all = append(all, g)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		s.encoder.Begin(time.Now())
		for _, g := range all {
			s.encoder.Add(g.families)
		}
		if _, err := s.encoder.End(); err != nil {
			b.Fatal(err)
		}
	}
}
