package metrics_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/snappy"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"

	"github.com/vigie-ops/vigie/internal/observe/metrics"
)

// packed2 is a remote write 2.0 body: one series a set of labels, one sample
// each at t.
func packed2(t testing.TB, at time.Time, v float64, sets ...labels.Labels) []byte {
	t.Helper()
	st := writev2.NewSymbolTable()
	var req writev2.Request
	for _, ls := range sets {
		req.Timeseries = append(req.Timeseries, writev2.TimeSeries{
			LabelsRefs: st.SymbolizeLabels(ls, nil),
			Samples:    []writev2.Sample{{Value: v, Timestamp: at.UnixMilli()}},
			Metadata:   writev2.Metadata{Type: writev2.Metadata_METRIC_TYPE_GAUGE, HelpRef: st.Symbolize("How much."), UnitRef: st.Symbolize("")},
		})
	}
	req.Symbols = st.Symbols()
	b, err := req.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return snappy.Encode(nil, b)
}

const (
	type1 = "application/x-protobuf"
	type2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request"
)

func post(t testing.TB, h http.Handler, contentType string, body []byte) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/api/v1/write", strings.NewReader(string(body)))
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Content-Encoding", "snappy")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// Every route is called, because a wrong argument of the API's constructor only
// shows there.
func TestEveryRouteAnswers(t *testing.T) {
	room := open(t, metrics.Options{Version: "test"})
	now := time.Now()
	v1 := prompb.WriteRequest{
		Timeseries: []prompb.TimeSeries{{
			Labels:  []prompb.Label{{Name: "__name__", Value: "one"}, {Name: "server", Value: "a"}},
			Samples: []prompb.Sample{{Value: 1, Timestamp: now.UnixMilli()}},
		}},
		Metadata: []prompb.MetricMetadata{{Type: prompb.MetricMetadata_COUNTER, MetricFamilyName: "one", Help: "The first."}},
	}
	b, err := v1.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if w := post(t, room.API(), type1, snappy.Encode(nil, b)); w.Code != http.StatusNoContent {
		t.Fatalf("write 1.0: %d %s", w.Code, w.Body)
	}
	if w := post(t, room.API(), type2, packed2(t, now, 2, labels.FromStrings("__name__", "two", "server", "b"))); w.Code != http.StatusNoContent || w.Header().Get("X-Prometheus-Remote-Write-Samples-Written") != "1" {
		t.Fatalf("write 2.0: %d %v %s", w.Code, w.Header(), w.Body)
	}

	for _, c := range []struct {
		method, path, want string
		code               int
	}{
		{"GET", "query?query=one", `"one"`, 200},
		{"POST", "query?query=two", `"two"`, 200},
		{"GET", "query?query=(", "parse error", 400},
		{"GET", "query_range?query=one&start=" + url.QueryEscape(now.Add(-time.Hour).Format(time.RFC3339)) + "&end=" + url.QueryEscape(now.Add(time.Minute).Format(time.RFC3339)) + "&step=60", `"matrix"`, 200},
		{"GET", "query_exemplars?query=one&start=0&end=1", "success", 200},
		{"GET", "format_query?query=one", "one", 200},
		{"GET", "parse_query?query=one", "vectorSelector", 200},
		{"GET", "labels", `"server"`, 200},
		{"GET", "label/server/values", `["a","b"]`, 200},
		{"GET", "series?match[]=one", `"server":"a"`, 200},
		{"GET", "metadata", `"help":"The first."`, 200},
		{"GET", "metadata?metric=two", `"type":"gauge"`, 200},
		{"GET", "metadata?limit=x", "bad_data", 400},
		{"GET", "rules", "ServerMemoryLow", 200},
		{"GET", "alerts", `"alerts":[]`, 200},
		{"GET", "status/buildinfo", `"version":"3.`, 200},
		{"GET", "status/runtimeinfo", "GOMAXPROCS", 200},
		{"GET", "status/flags", "success", 200},
		{"GET", "status/config", "yaml", 200},
		{"GET", "status/tsdb", "headStats", 200},
		{"GET", "status/tsdb/blocks", "success", 200},
		{"GET", "status/walreplay", "success", 200},
		{"GET", "status/self_metrics", "", 200},
		{"GET", "features", "success", 200},
		{"GET", "targets", "activeTargets", 200},
		{"GET", "targets/metadata", "success", 200},
		{"GET", "targets/relabel_steps?scrapePool=x&labels={}", "error", 400},
		{"GET", "scrape_pools", "success", 200},
		{"GET", "scrape_pools/config?scrapePool=x", "error", 400},
		{"GET", "alertmanagers", "success", 200},
		{"GET", "notifications", "success", 200},
		{"GET", "notifications/live", "", 204},
		{"POST", "otlp/v1/metrics", "", 404},
		{"POST", "read", "", 400},
		{"POST", "admin/tsdb/snapshot", "admin APIs disabled", 500},
		{"POST", "admin/tsdb/delete_series?match[]=one", "admin APIs disabled", 500},
		{"POST", "admin/tsdb/clean_tombstones", "admin APIs disabled", 500},
		{"GET", "search/metric_names", "search API disabled", 500},
		{"GET", "openapi.yaml", "openapi", 200},
		{"GET", "write", "", 405},
	} {
		w := httptest.NewRecorder()
		room.API().ServeHTTP(w, httptest.NewRequest(c.method, "/api/v1/"+c.path, nil))
		if w.Code != c.code || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s %s: %d %.300s, want %d with %q", c.method, c.path, w.Code, w.Body, c.code, c.want)
		}
	}
}

func TestPromtoolQueriesTheHub(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Fatal("promtool is not installed; `make test` installs Debian's package prometheus, or run `apt-get install prometheus`")
	}
	room := open(t, metrics.Options{})
	now := time.Now()
	if err := room.Write(t.Context(), []metrics.Sample{{Labels: map[string]string{"__name__": "m", "server": "db-03"}, T: now, V: 42}}); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(room.API())
	defer srv.Close()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"query", "instant", srv.URL, "m"}, "42"},
		{[]string{"query", "range", "--start=" + now.Add(-time.Minute).Format(time.RFC3339), "--end=" + now.Add(time.Minute).Format(time.RFC3339), "--step=10s", srv.URL, "m"}, "db-03"},
		{[]string{"query", "series", "--match=m", srv.URL}, "db-03"},
		{[]string{"query", "labels", srv.URL, "server"}, "db-03"},
	} {
		out, err := exec.CommandContext(t.Context(), promtool, c.args...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), c.want) {
			t.Errorf("promtool %v: %v\n%s", c.args, err, out)
		}
	}
}

func TestShippedRulesPassPromtool(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Fatal("promtool is not installed; `make test` installs Debian's package prometheus, or run `apt-get install prometheus`")
	}
	out, err := exec.CommandContext(t.Context(), promtool, "check", "rules", "rules/shipped/server.yaml", "rules/shipped/services.yaml", "rules/shipped/forecast.yaml").CombinedOutput()
	if err != nil {
		t.Errorf("promtool check rules: %v\n%s", err, out)
	}
}
