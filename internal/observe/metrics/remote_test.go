package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/vigie-ops/vigie/internal/observe/metrics"
	"github.com/vigie-ops/vigie/internal/observe/metrics/metricstest"
	"github.com/vigie-ops/vigie/internal/observe/metrics/remote"
)

// victoria starts a real VictoriaMetrics and returns its address.
func victoria(t *testing.T) string {
	t.Helper()
	bin := os.Getenv("VIGIE_TEST_VICTORIA")
	if bin == "" {
		var err error
		if bin, err = exec.LookPath("victoria-metrics"); err != nil {
			t.Fatal("no victoria-metrics in PATH and VIGIE_TEST_VICTORIA is not set; `make test` installs it, or run `go install github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-metrics@v1.147.0`")
		}
	}
	addr := freeAddress(t)
	cmd := exec.Command(bin, "-storageDataPath="+t.TempDir(), "-httpListenAddr="+addr, "-search.latencyOffset=0s", "-loggerLevel=ERROR")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	url := "http://" + addr
	eventually(t, "VictoriaMetrics answers", func() error {
		res, err := http.Get(url + "/health")
		if err != nil {
			return err
		}
		return res.Body.Close()
	})
	return url
}

func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// eventually tries until f succeeds.
func eventually(t *testing.T, what string, f func() error) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := f()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: %v", what, err)
		}
	}
}

func run(t *testing.T, room *metrics.Room) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, s := range room.Services() {
		wg.Go(func() {
			if err := s.Run(ctx); err != nil {
				t.Errorf("%s: %v", s.Name(), err)
			}
		})
	}
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
}

func TestTheSameRulesAndQueriesOnVictoriaMetrics(t *testing.T) {
	url := victoria(t)
	board := metricstest.NewBoard()
	room := open(t, metrics.Options{
		Sink: board, Alerts: board, RuleInterval: 500 * time.Millisecond,
		Remote: &remote.Options{WriteURL: url + "/api/v1/write", QueryURL: url},
	})
	now := time.Now().Truncate(time.Second)
	h := room.AgentWriter(from("db-03", map[string]string{"ring": "staging"}))
	for i := 30; i >= 0; i-- {
		at := now.Add(-time.Duration(i) * 10 * time.Second)
		body := packed2(t, at, float64(i),
			labels.FromStrings("__name__", "m", "server", "liar"),
			labels.FromStrings("__name__", "container_start_time_seconds", "name", "web"))
		if w := post(t, h, type2, body); w.Code != http.StatusNoContent {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}

	want := []string{`{__name__="m", instance="db-03", ring="staging", server="db-03"} 0`}
	eventually(t, "the samples are found", func() error {
		found, err := room.Query(t.Context(), "m", now)
		if err != nil || len(found) == 0 {
			return fmt.Errorf("%d found, error %w", len(found), errors.Join(errNotYet, err))
		}
		return nil
	})
	if diff := cmp.Diff(want, values(t, room, "m", now)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	series, err := room.QueryRange(t.Context(), "m", now.Add(-2*time.Minute), now, time.Minute)
	if err != nil || len(series) != 1 || len(series[0].Points) != 3 || series[0].Points[0].V != 12 {
		t.Errorf("range: %v, %v", series, err)
	}

	for path, want := range map[string]string{
		"query?query=m": `"server":"db-03"`, "labels": `"ring"`, "label/server/values": `"db-03"`,
		"series?match[]=m": `"ring":"staging"`, "rules": "ContainerRestarting", "status/buildinfo": "version",
	} {
		w := httptest.NewRecorder()
		room.API().ServeHTTP(w, httptest.NewRequest("GET", "/api/v1/"+path, nil))
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s, want it to contain %s", path, w.Code, w.Body, want)
		}
	}

	run(t, room)
	eventually(t, "the shipped rule fires", func() error {
		if got := board.Names(); !cmp.Equal(got, []string{"ContainerRestarting server:db-03"}) {
			return fmt.Errorf("board shows %q", got)
		}
		return nil
	})
	if err := room.Write(t.Context(), []metrics.Sample{{Labels: map[string]string{"__name__": "own", "place": "hub"}, T: now, V: 3}}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "what the hub writes itself is in the engine", func() error {
		if got, err := room.Query(t.Context(), "own", now); err != nil || len(got) != 1 || got[0].V != 3 {
			return fmt.Errorf("%v, error %w", got, errors.Join(errNotYet, err))
		}
		return nil
	})
}

func TestAnEngineThatIsAwayMakesAgentsRetry(t *testing.T) {
	addr := freeAddress(t)
	room := open(t, metrics.Options{Remote: &remote.Options{WriteURL: "http://" + addr + "/api/v1/write", QueryURL: "http://" + addr}})
	w := post(t, room.AgentWriter(from("a", nil)), type2, packed2(t, time.Now(), 1, labels.FromStrings("__name__", "m")))
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %v, want 503 with Retry-After", w.Code, w.Header())
	}
}

func TestAnEngineThatRefusesIsTold(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "out of bounds", http.StatusBadRequest)
	}))
	defer srv.Close()
	room := open(t, metrics.Options{Remote: &remote.Options{WriteURL: srv.URL, QueryURL: srv.URL}})
	w := post(t, room.AgentWriter(from("a", nil)), type2, packed2(t, time.Now(), 1, labels.FromStrings("__name__", "m")))
	if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "out of bounds") {
		t.Errorf("%d %s, want 400 with the engine's words", w.Code, w.Body)
	}
}

func TestEngineAddressesAreChecked(t *testing.T) {
	for _, u := range []string{"", "vm:8428", "ftp://vm/", "http://"} {
		if _, err := metrics.Open(t.Context(), metrics.Options{Remote: &remote.Options{WriteURL: u, QueryURL: "http://vm:8428"}}); err == nil {
			t.Errorf("write_url %q was accepted", u)
		}
	}
}

// A real Prometheus sends to the hub what it scrapes.
func TestPrometheusWritesToTheHub(t *testing.T) {
	bin, err := exec.LookPath("prometheus")
	if err != nil {
		t.Fatal("prometheus is not installed; `make test` installs Debian's package, or run `apt-get install prometheus`")
	}
	room := open(t, metrics.Options{})
	srv := httptest.NewServer(room.API())
	defer srv.Close()
	addr, dir := freeAddress(t), t.TempDir()
	config := fmt.Sprintf(`
global: {scrape_interval: 1s}
scrape_configs:
- job_name: self
  static_configs: [{targets: ['%s']}]
remote_write:
- url: %s/api/v1/write
`, addr, srv.URL)
	if err := os.WriteFile(dir+"/prometheus.yml", []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, "--config.file="+dir+"/prometheus.yml", "--storage.tsdb.path="+dir+"/data", "--web.listen-address="+addr, "--log.level=error")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	eventually(t, "what Prometheus scraped is in the hub", func() error {
		found, err := room.Query(t.Context(), `up{job="self"} == 1`, time.Now())
		if err != nil || len(found) != 1 {
			return fmt.Errorf("%v, %w", found, errors.Join(errNotYet, err))
		}
		return nil
	})
}

// errNotYet says that the engine has not made what was written searchable.
var errNotYet = errors.New("not yet")
