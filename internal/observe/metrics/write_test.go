package metrics_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/vigie-ops/vigie/internal/observe/metrics"
	"github.com/vigie-ops/vigie/internal/observe/metrics/ingest"
)

// from says that every request comes from this agent.
func from(server string, extra map[string]string) func(*http.Request) (metrics.Sender, bool) {
	return func(*http.Request) (metrics.Sender, bool) {
		return metrics.Sender{Server: server, Labels: extra}, server != ""
	}
}

func values(t testing.TB, room *metrics.Room, expr string, at time.Time) []string {
	t.Helper()
	found, err := room.Query(t.Context(), expr, at)
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, s := range found {
		out = append(out, fmt.Sprintf("%s %v", labels.FromMap(s.Labels), s.V))
	}
	slices.Sort(out)
	return out
}

func TestAnAgentCannotClaimToBeAnother(t *testing.T) {
	reg := prometheus.NewRegistry()
	room := open(t, metrics.Options{Registry: reg})
	now := time.Now()
	h := room.AgentWriter(from("app-07", map[string]string{"ring": "staging"}))
	body := packed2(t, now, 1,
		labels.FromStrings("__name__", "a", "server", "db-03", "instance", "db-03:9100", "mode", "idle"),
		labels.FromStrings("__name__", "b", "server", "app-07", "ring", "production", "client", "rival"),
		labels.FromStrings("__name__", "c"),
	)
	if w := post(t, h, type2, body); w.Code != http.StatusNoContent {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	want := []string{
		`{__name__="a", instance="app-07", mode="idle", ring="staging", server="app-07"} 1`,
		`{__name__="b", instance="app-07", ring="staging", server="app-07"} 1`,
		`{__name__="c", instance="app-07", ring="staging", server="app-07"} 1`,
	}
	if diff := cmp.Diff(want, values(t, room, `{__name__=~"a|b|c"}`, now)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	const counted = `
# HELP vigie_overwritten_labels_total Labels of a series on which an agent claimed something else than its certificate says.
# TYPE vigie_overwritten_labels_total counter
vigie_overwritten_labels_total{label="client",server="app-07"} 1
vigie_overwritten_labels_total{label="instance",server="app-07"} 1
vigie_overwritten_labels_total{label="ring",server="app-07"} 1
vigie_overwritten_labels_total{label="server",server="app-07"} 1
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(counted), "vigie_overwritten_labels_total"); err != nil {
		t.Error(err)
	}
}

func TestOnlyAgentsWriteAsAgents(t *testing.T) {
	room := open(t, metrics.Options{})
	if w := post(t, room.AgentWriter(from("", nil)), type2, packed2(t, time.Now(), 1, labels.FromStrings("__name__", "a"))); w.Code != http.StatusForbidden {
		t.Errorf("%d %s, want 403", w.Code, w.Body)
	}
}

func TestProgramsWriteAsTheyAre(t *testing.T) {
	room := open(t, metrics.Options{})
	now := time.Now()
	if w := post(t, room.WriteHandler(), type2, packed2(t, now, 1, labels.FromStrings("__name__", "a", "server", "x", "client", "y"))); w.Code != http.StatusNoContent {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if diff := cmp.Diff([]string{`{__name__="a", client="y", server="x"} 1`}, values(t, room, "a", now)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhatIsWrongIsRefusedAndTheRestIsStored(t *testing.T) {
	room := open(t, metrics.Options{Write: ingest.Limits{Labels: 4}})
	now := time.Now()
	h := room.AgentWriter(from("app-07", nil))
	good := labels.FromStrings("__name__", "good")
	if w := post(t, h, type2, packed2(t, now, 1, good, labels.FromStrings("__name__", "old"))); w.Code != http.StatusNoContent {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for _, c := range []struct {
		name string
		at   time.Time
		sets []labels.Labels
		want string
	}{
		{"too old", now.Add(-50 * time.Hour), []labels.Labels{labels.FromStrings("__name__", "old")}, "1 too old"},
		{"future", now.Add(time.Hour), []labels.Labels{good}, "1 too far in the future"},
		{"no name", now, []labels.Labels{labels.FromStrings("a", "b")}, "1 without a metric name"},
		{"too many labels", now, []labels.Labels{labels.FromStrings("__name__", "n", "a", "1", "b", "2", "c", "3", "d", "4")}, "1 with more than 4 labels"},
		{"mixed", now.Add(time.Second), []labels.Labels{good, labels.FromStrings("a", "b"), labels.FromStrings("a", "c")}, "1 samples were stored and 2 were refused"},
	} {
		w := post(t, h, type2, packed2(t, c.at, 2, c.sets...))
		if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s: %d %s, want 400 with %q", c.name, w.Code, w.Body, c.want)
		}
	}
	if diff := cmp.Diff([]string{`{__name__="good", instance="app-07", server="app-07"} 2`}, values(t, room, "good", now.Add(time.Second))); diff != "" {
		t.Errorf("the good sample of a mixed request (-want +got):\n%s", diff)
	}
	// The same again is no error: an agent that missed our answer sends twice.
	if w := post(t, h, type2, packed2(t, now, 1, good)); w.Code != http.StatusNoContent {
		t.Errorf("the same sample again: %d %s", w.Code, w.Body)
	}
	if w := post(t, h, type2, packed2(t, now.Add(time.Second), 3, good)); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "another value for the same time") {
		t.Errorf("another value for the same time: %d %s", w.Code, w.Body)
	}
}

func TestRequestsAreBounded(t *testing.T) {
	room := open(t, metrics.Options{Write: ingest.Limits{Body: 200, Decoded: 1000, Series: 2}})
	now := time.Now()
	many := func(n int) []labels.Labels {
		var out []labels.Labels
		for i := range n {
			out = append(out, labels.FromStrings("__name__", "m", "n", fmt.Sprint(i)))
		}
		return out
	}
	for _, c := range []struct {
		name, contentType string
		body              []byte
		code              int
	}{
		{"too many series", type2, packed2(t, now, 1, many(3)...), http.StatusBadRequest},
		{"too large", type2, packed2(t, now, 1, many(100)...), http.StatusRequestEntityTooLarge},
		{"unpacks to too much", type2, append([]byte{0x80, 0x80, 0x80, 0x01}, make([]byte, 20)...), http.StatusRequestEntityTooLarge},
		{"not snappy", type2, []byte("hello"), http.StatusBadRequest},
		{"not a request", type1, []byte{3, 8, 255, 255, 255}, http.StatusBadRequest},
		{"another type", "text/plain", nil, http.StatusUnsupportedMediaType},
	} {
		if w := post(t, room.WriteHandler(), c.contentType, c.body); w.Code != c.code {
			t.Errorf("%s: %d %s, want %d", c.name, w.Code, w.Body, c.code)
		}
	}
	w := httptest.NewRecorder()
	room.WriteHandler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v1/write", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d, want 405", w.Code)
	}
}

func TestASpoolOfTwoDaysArrives(t *testing.T) {
	room := open(t, metrics.Options{})
	now := time.Now()
	h := room.AgentWriter(from("app-07", nil))
	m := labels.FromStrings("__name__", "m")
	if w := post(t, h, type2, packed2(t, now, 100, m)); w.Code != http.StatusNoContent {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for hour := 47; hour > 0; hour-- {
		if w := post(t, h, type2, packed2(t, now.Add(-time.Duration(hour)*time.Hour), float64(hour), m)); w.Code != http.StatusNoContent {
			t.Fatalf("%d hours old: %d %s", hour, w.Code, w.Body)
		}
	}
	if diff := cmp.Diff([]string{`{instance="app-07", server="app-07"} 48`}, values(t, room, "count_over_time(m[49h])", now)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAKilledHubKeepsWhatItAcknowledged(t *testing.T) {
	dir, copied := t.TempDir(), t.TempDir()
	room := open(t, metrics.Options{Dir: dir})
	now := time.Now()
	if w := post(t, room.AgentWriter(from("app-07", nil)), type2, packed2(t, now, 7, labels.FromStrings("__name__", "m"))); w.Code != http.StatusNoContent {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	// The files as kill -9 would leave them.
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"raw", "rollup"} {
		_ = os.Remove(filepath.Join(copied, name, "lock"))
	}
	again := open(t, metrics.Options{Dir: copied})
	if diff := cmp.Diff([]string{`{__name__="m", instance="app-07", server="app-07"} 7`}, values(t, again, "m", now)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestASampleOfARoomNeedsAName(t *testing.T) {
	room := open(t, metrics.Options{})
	if err := room.Write(t.Context(), []metrics.Sample{{Labels: map[string]string{"a": "b"}, T: time.Now()}}); err == nil {
		t.Error("a sample without a name was written")
	}
}
