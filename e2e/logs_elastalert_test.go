package e2e_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestElastAlertAlertsOnceAndRemembers runs a real ElastAlert on the hub's
// interface: it finds what its rule is about, alerts, and keeps in an index of
// its own that it did.
func TestElastAlertAlertsOnceAndRemembers(t *testing.T) {
	t.Parallel()
	packages := os.Getenv("VIGIE_TEST_ELASTALERT")
	if packages == "" {
		t.Fatal("VIGIE_TEST_ELASTALERT is not set: run the tests with `make test`")
	}
	d := startDemo(t, t.TempDir(), freeAddress(t))
	dir := t.TempDir()
	fired := filepath.Join(dir, "fired")
	at, err := url.Parse(d.endpoints.Elasticsearch)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "rules"), 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "rules/shop.yaml"), fmt.Sprintf(`name: the shop is broken
type: frequency
index: "shop-*"
num_events: 3
timeframe: {minutes: 10}
realert: {minutes: 30}
filter:
  - query: {query_string: {query: "service.name:checkout AND http.response.status_code:[500 TO 599]"}}
query_key: service.name
alert: [command]
command: ["/bin/sh", "-c", "echo %%(service.name)s %%(num_hits)s >> %s"]
`, fired), 0o600)
	put(t, filepath.Join(dir, "config.yaml"), fmt.Sprintf(`rules_folder: %s/rules
run_every: {seconds: 1}
buffer_time: {minutes: 15}
es_host: %s
es_port: %s
es_bearer: %q
writeback_index: elastalert_status
alert_time_limit: {days: 2}
`, dir, at.Hostname(), at.Port(), d.token), 0o600)
	python := func(module string) *process {
		return startProgramIn(t, []string{"PYTHONPATH=" + packages, "PYTHONDONTWRITEBYTECODE=1"}, "python3", "-m", module, "--config", filepath.Join(dir, "config.yaml"))
	}
	broken := func() {
		for range 5 {
			d.sendLogs("shop-eu", map[string]any{"message": "upstream timed out", "service": "checkout", "http.response.status_code": 502})
		}
		d.sendLogs("shop-eu", map[string]any{"message": "fine", "service": "checkout", "http.response.status_code": 200})
	}
	alerts := func() []string {
		b, err := os.ReadFile(fired)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		return strings.FieldsFunc(string(b), func(r rune) bool { return r == '\n' })
	}
	setup := python("elastalert.create_index")
	within(t, 30*time.Second, "its indices are there", func() error {
		if !strings.Contains(setup.out.String(), "Done!") && !strings.Contains(setup.out.String(), "already exists") {
			return errNotYet
		}
		return nil
	})
	broken()
	p := python("elastalert.elastalert")
	within(t, 60*time.Second, "ElastAlert alerts", func() error {
		if len(alerts()) == 0 {
			return errNotYet
		}
		return nil
	})
	p.kill()

	// Another one knows of it only from the hub: it finds more and stays silent.
	broken()
	began := time.Now().UTC().Format("2006-01-02T15:04:05")
	p = python("elastalert.elastalert")
	type hits struct {
		Hits struct {
			Hits []struct {
				Source struct {
					Rule    string `json:"rule_name"`
					Matches int    `json:"matches"`
					End     string `json:"endtime"`
				} `json:"_source"`
			}
		}
	}
	within(t, 60*time.Second, "the next one has looked, and said so in its index", func() error {
		found, err := elastic[hits](d, http.MethodPost, "/elastalert_status_status/_search", `{"size":1,"sort":[{"@timestamp":"desc"}],"query":{"bool":{"filter":[{"range":{"@timestamp":{"gte":"`+began+`"}}},{"term":{"rule_name":"the shop is broken"}}]}}}`)
		if err != nil || len(found.Hits.Hits) == 0 || found.Hits.Hits[0].Source.Matches == 0 {
			return errOr(err)
		}
		return nil
	})
	p.kill()
	if got := alerts(); len(got) != 1 || !strings.HasPrefix(got[0], "checkout ") {
		t.Errorf("alerts are %q, want one", got)
	}
	type deletion struct{ Deleted int }
	if gone, err := elastic[deletion](d, http.MethodPost, "/elastalert_status*/_delete_by_query", `{"query":{"match_all":{}}}`); err != nil || gone.Deleted < 3 {
		t.Errorf("deleted is %+v, %v", gone, err)
	}
	if left, err := elastic[hits](d, http.MethodPost, "/elastalert_status*/_search", `{}`); err != nil || len(left.Hits.Hits) != 0 {
		t.Errorf("left is %+v, %v", left, err)
	}
	if _, err := elastic[deletion](d, http.MethodPost, "/shop-eu/_delete_by_query", `{"query":{"match_all":{}}}`); err == nil || !strings.Contains(err.Error(), "not deleted one by one") {
		t.Errorf("lines of logs are deleted: %v", err)
	}
}
