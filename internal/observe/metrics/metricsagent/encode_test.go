package metricsagent

import (
	"math"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
)

// decoded reads a request the way a hub does: series by their labels.
func decoded(t testing.TB, payload []byte) map[string]writev2.TimeSeries {
	t.Helper()
	plain, err := snappy.Decode(nil, payload)
	if err != nil {
		t.Fatal(err)
	}
	var req writev2.Request
	if err := req.Unmarshal(plain); err != nil {
		t.Fatal(err)
	}
	all := map[string]writev2.TimeSeries{}
	b := labels.NewScratchBuilder(0)
	for _, ts := range req.Timeseries {
		l, err := ts.ToLabels(&b, req.Symbols)
		if err != nil {
			t.Fatal(err)
		}
		if _, twice := all[l.String()]; twice {
			t.Errorf("%s stands there twice", l)
		}
		all[l.String()] = ts
	}
	return all
}

func encode(t testing.TB, e *Encoder, at time.Time, cs ...prometheus.Collector) map[string]writev2.TimeSeries {
	t.Helper()
	r := prometheus.NewRegistry()
	r.MustRegister(cs...)
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	e.Begin(at)
	e.Add(families)
	b, err := e.End()
	if err != nil {
		t.Fatal(err)
	}
	return decoded(t, b)
}

func TestEveryKindOfMetricIsEncodedAsAScrapeWould(t *testing.T) {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "c_total", Help: "Counted."}, []string{"job", "a"})
	c.WithLabelValues("theirs", "x").Add(3)
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: "g"})
	g.Set(-1)
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "h", Buckets: []float64{1, 2}})
	h.Observe(1.5)
	s := prometheus.NewSummary(prometheus.SummaryOpts{Name: "s", Objectives: map[float64]float64{0.5: 0.1}})
	s.Observe(7)
	got := map[string]float64{}
	at := time.UnixMilli(1767225600123)
	for l, ts := range encode(t, NewEncoder("node", "app-07"), at, c, g, h, s) {
		got[l] = ts.Samples[0].Value
		if ts.Samples[0].Timestamp != at.UnixMilli() || len(ts.Samples) != 1 {
			t.Errorf("%s has samples %v", l, ts.Samples)
		}
	}
	want := map[string]float64{
		`{__name__="c_total", a="x", exported_job="theirs", instance="app-07", job="node"}`: 3,
		`{__name__="g", instance="app-07", job="node"}`:                                     -1,
		`{__name__="h_bucket", instance="app-07", job="node", le="1"}`:                      0,
		`{__name__="h_bucket", instance="app-07", job="node", le="2"}`:                      1,
		`{__name__="h_bucket", instance="app-07", job="node", le="+Inf"}`:                   1,
		`{__name__="h_count", instance="app-07", job="node"}`:                               1,
		`{__name__="h_sum", instance="app-07", job="node"}`:                                 1.5,
		`{__name__="s", instance="app-07", job="node", quantile="0.5"}`:                     7,
		`{__name__="s_count", instance="app-07", job="node"}`:                               1,
		`{__name__="s_sum", instance="app-07", job="node"}`:                                 7,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestMetadataTravelsWithTheSeries(t *testing.T) {
	e := NewEncoder("node", "app-07")
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: "c_total", Help: "Counted."})
	for _, ts := range encode(t, e, time.Now(), c) {
		if ts.Metadata.Type != writev2.Metadata_METRIC_TYPE_COUNTER || e.request.Symbols[ts.Metadata.HelpRef] != "Counted." {
			t.Errorf("metadata %+v", ts.Metadata)
		}
	}
}

func TestASeriesThatVanishesEndsWithAStaleMarker(t *testing.T) {
	e := NewEncoder("node", "app-07")
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "g"}, []string{"disk"})
	g.WithLabelValues("sda").Set(1)
	g.WithLabelValues("sdb").Set(1)
	encode(t, e, time.UnixMilli(1000), g)
	g.DeleteLabelValues("sdb")
	isStale := func(all map[string]writev2.TimeSeries, disk string) (there, stale bool) {
		ts, ok := all[`{__name__="g", disk="`+disk+`", instance="app-07", job="node"}`]
		return ok, ok && math.Float64bits(ts.Samples[0].Value) == value.StaleNaN
	}
	second := encode(t, e, time.UnixMilli(2000), g)
	if there, stale := isStale(second, "sdb"); !there || !stale {
		t.Error("the vanished series has no stale marker")
	}
	if _, stale := isStale(second, "sda"); stale {
		t.Error("the series that is still there has one")
	}
	if there, _ := isStale(encode(t, e, time.UnixMilli(3000), g), "sdb"); there {
		t.Error("the vanished series is sent again")
	}
	g.WithLabelValues("sdb").Set(2)
	if there, stale := isStale(encode(t, e, time.UnixMilli(4000), g), "sdb"); !there || stale {
		t.Error("the series did not come back")
	}
}
