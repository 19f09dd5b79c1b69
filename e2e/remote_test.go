package e2e_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"testing"
	"time"
)

// victoria starts a real VictoriaMetrics and returns its address.
func victoria(t testing.TB) string {
	t.Helper()
	program := os.Getenv("VIGIE_TEST_VICTORIA")
	if program == "" {
		t.Fatal("VIGIE_TEST_VICTORIA is not set: run the stories with `make test` or `scripts/test ./e2e/`")
	}
	listen := freeAddress(t)
	p := beside(t, program, "-storageDataPath="+t.TempDir(), "-httpListenAddr="+listen, "-search.latencyOffset=0s", "-loggerLevel=WARN")
	base := "http://" + listen
	within(t, 30*time.Second, "VictoriaMetrics answers", func() error {
		p.alive()
		status, _, err := call("GET", base+"/health", "", nil)
		if err == nil && status != http.StatusOK {
			err = errNotYet
		}
		return err
	})
	return base
}

// chartPattern is a chart with a line in it.
var chartPattern = regexp.MustCompile(`(?s)<svg class="plot".*?<path class="series [^>]* d="M`)

// TestTheSeriesLiveElsewhere runs the hub on a VictoriaMetrics: the agent's
// series go there, and rules, pages and the interface for programs ask there.
func TestTheSeriesLiveElsewhere(t *testing.T) {
	t.Parallel()
	base := victoria(t)
	h := startHub(t, hubOptions{git: true, metrics: "engine: remote\nwrite_url: " + base + "/api/v1/write\nquery_url: " + base})
	startAgent(t, h, "app-01")
	within(t, 60*time.Second, "the agent's series are in VictoriaMetrics, with the server", func() error {
		_, err := instant(base, "", `node_load1{server="app-01"}`)
		return err
	})
	within(t, 30*time.Second, "the hub answers from there", func() error {
		_, err := h.metric(`count(node_cpu_seconds_total{server="app-01"}) > 1`)
		return err
	})
	if status, b := ask(t, h, "GET", "label/server/values", url.Values{"match[]": {"node_load1"}}); status != http.StatusOK || !regexp.MustCompile(`"data":\["app-01"\]`).MatchString(b) {
		t.Errorf("the servers with series are %d %s", status, b)
	}

	h.write("rules/story.yaml", alwaysRule)
	within(t, 60*time.Second, "a rule of the operations repository fires", func() error {
		open, err := h.openAlerts()
		if err != nil {
			return err
		}
		for _, a := range open {
			if a.Labels["alertname"] == "AlwaysThere" && a.Labels["server"] == "app-01" {
				return nil
			}
		}
		return fmt.Errorf("open alerts are %+v", open)
	})
	for what, path := range map[string]string{
		"the server":   "/servers/app-01?",
		"the question": "/metrics?expr=" + urlQuery(`node_load1{server="app-01"}`),
	} {
		within(t, 60*time.Second, what+" shows a chart", func() error {
			// A short stretch, as dragging over a chart asks for, has points soon.
			to := time.Now()
			status, b, err := h.call("GET", fmt.Sprintf("%s&from=%d&to=%d", path, to.Add(-5*time.Minute).UnixMilli(), to.UnixMilli()), nil)
			if err == nil && (status != http.StatusOK || !chartPattern.Match(b)) {
				err = fmt.Errorf("%d, %d bytes, no chart", status, len(b))
			}
			return err
		})
	}
	h.remove("rules/story.yaml")
	within(t, 60*time.Second, "without its rule the alert is over", func() error {
		open, err := h.openAlerts()
		// What else this machine suffers is not what this is about.
		open = slices.DeleteFunc(open, func(a alertItem) bool { return a.Labels["alertname"] != "AlwaysThere" })
		if err == nil && len(open) > 0 {
			err = fmt.Errorf("open alerts are %+v", open)
		}
		return err
	})
	h.stop()
}
