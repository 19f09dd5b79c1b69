package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// bulk says whether every document of a bulk is kept, now or before.
func bulk(t testing.TB, h *logHub, body []byte) bool {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+h.elastic+"/_bulk", bytes.NewReader(body))
	if err != nil {
		t.Error(err)
		return false
	}
	req.Header.Set("Authorization", "Bearer "+h.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	var out struct {
		Items []map[string]struct{ Status int }
	}
	if err != nil || resp.StatusCode != http.StatusOK || json.Unmarshal(b, &out) != nil {
		return false
	}
	for _, item := range out.Items {
		for _, one := range item {
			if one.Status != http.StatusCreated && one.Status != http.StatusConflict {
				return false
			}
		}
	}
	return true
}

// TestAHubThatIsKilledWhileLogsComeLosesAndDoublesNothing kills a hub with
// SIGKILL again and again while a shipper sends documents with ids and an agent
// the lines of a file.
func TestAHubThatIsKilledWhileLogsComeLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	kills := max(5, kills(t)/10)
	h := startLogHub(t)
	const batch, between = 200, 30
	n := batch * between * (kills + 1)
	file := filepath.Join(t.TempDir(), "app.log")
	put(t, file, "", 0o644)
	a := startAgent(t, h.hub, "app-01", "logs:\n  files:\n    - {paths: ["+file+"], class: application, service: tailed, format: plain}")
	defer a.stop()
	lines, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer lines.Close() //nolint:errcheck // written unbuffered
	killed, again := 0, 0
	for from := 0; from < n; from += batch {
		var body bytes.Buffer
		for i := from; i < from+batch; i++ {
			fmt.Fprintf(&body, "{\"create\":{\"_index\":\"durable\",\"_id\":\"%d\"}}\n{\"message\":\"document %d\",\"n\":%d}\n", i, i, i)
			fmt.Fprintf(lines, "line %d of the file\n", i)
		}
		kept := false
		if killed < kills && from == batch*between*(killed+1) { // while the batch is on its way
			gone := make(chan struct{})
			go func() { defer close(gone); h.kill() }()
			kept = bulk(t, h, body.Bytes())
			<-gone
			h.restart()
			killed++
		}
		for tries := 0; !kept; tries++ {
			if kept = bulk(t, h, body.Bytes()); tries > 100 {
				t.Fatal("the hub does not take a batch")
			}
			again++
		}
	}
	t.Logf("%d kills, %d documents, %d requests", killed, n, again+killed)

	type amount struct {
		Hits         struct{ Total struct{ Value int } }
		Aggregations map[string]struct{ Value float64 }
	}
	ask := func(index, query, field string) (amount, error) {
		return elastic[amount](h.demo, http.MethodPost, index+"/_search", fmt.Sprintf(`{"size":0,"track_total_hits":true,"query":%s,"aggs":{"different":{"cardinality":{"field":%q}}}}`, query, field))
	}
	got, err := ask("/durable", `{"match_all":{}}`, "n")
	if err != nil || got.Hits.Total.Value != n {
		t.Errorf("%d documents are kept, %v, want %d", got.Hits.Total.Value, err, n)
	}
	of := `{"bool":{"filter":[{"term":{"service.name":"tailed"}},{"match_phrase":{"message":"of the file"}}]}}`
	within(t, 60*time.Second, "the agent has sent all lines of the file", func() error {
		if got, err = ask("", of, "log.offset"); err != nil || got.Hits.Total.Value < n {
			return fmt.Errorf("%d: %w", got.Hits.Total.Value, errOr(err))
		}
		return nil
	})
	if got.Hits.Total.Value != n {
		t.Errorf("%d lines of the file are kept, want %d", got.Hits.Total.Value, n)
	}
	// The first, the last and some between, each once.
	for i := 0; i < n; i += n / 40 {
		if one, err := ask("", fmt.Sprintf(`{"bool":{"filter":[{"term":{"service.name":"tailed"}},{"match_phrase":{"message":"line %d of the file"}}]}}`, i), "n"); err != nil || one.Hits.Total.Value != 1 {
			t.Errorf("line %d is kept %d times, %v", i, one.Hits.Total.Value, err)
		}
	}
}
