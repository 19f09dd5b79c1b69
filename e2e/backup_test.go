package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// TestAHubIsSavedWhileItWorksAndRestored saves a hub while logs, samples and
// comments come in, loses it, and restores it.
func TestAHubIsSavedWhileItWorksAndRestored(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			savedAndRestored(t, engine == "postgres")
		})
	}
}

func savedAndRestored(t *testing.T, postgres bool) {
	listen := freeAddress(t)
	h := &logHub{elastic: listen, token: adminToken}
	h.hub = startHub(t, hubOptions{postgres: postgres, more: fmt.Sprintf("logs:\n  elasticsearch: {listen: %q}\n", listen)})
	h.endpoints.Elasticsearch = "http://" + listen
	if status, b, err := h.call("POST", "/api/v2/alerts", strings.NewReader(`[{"labels": {"alertname": "DiskFull", "severity": "critical", "server": "app-01"}}]`)); err != nil || status != http.StatusOK {
		t.Fatalf("an alert is answered with %d %s %v", status, b, err)
	}
	var issue string
	within(t, 20*time.Second, "an issue is open", func() error {
		issues, err := list[issueItem](h.demo, "/api/vigie/v1/issues")
		if err == nil && len(issues) > 0 {
			issue = issues[0].ID
			return nil
		}
		return errOr(err)
	})

	// What comes in while the backup is made; what was answered before it began
	// has to be in it.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	began := time.Now().Add(-5 * time.Minute)
	var docs, comments, samples atomic.Int64
	var work sync.WaitGroup
	forever := func(step func(n int64) bool, done *atomic.Int64) {
		work.Go(func() {
			for n := done.Load(); ctx.Err() == nil; n++ {
				if !step(n) {
					return
				}
				done.Store(n + 1)
			}
		})
	}
	forever(func(n int64) bool {
		var body strings.Builder
		for i := range int64(100) {
			fmt.Fprintf(&body, "{\"create\":{\"_index\":\"kept\",\"_id\":\"%d\"}}\n{\"message\":\"document %d\",\"n\":%d}\n", n*100+i, n*100+i, n*100+i)
		}
		return bulk(t, h, []byte(body.String()))
	}, &docs)
	forever(func(n int64) bool {
		status, b, err := h.call("POST", "/api/vigie/v1/issues/"+issue+"/comment", strings.NewReader(fmt.Sprintf(`{"text": "note %d"}`, n)))
		if err != nil || status != http.StatusOK {
			t.Errorf("a comment is answered with %d %s %v", status, b, err)
		}
		return err == nil && status == http.StatusOK && n < 900 // a page of a timeline has a thousand entries
	}, &comments)
	forever(func(n int64) bool {
		err := postWrite(http.DefaultClient, h.endpoints.Console+"/api/v1/write", adminToken, remoteWrite(map[string]string{"__name__": "story_counter", "server": "app-01"}, float64(n), began.Add(time.Duration(n)*time.Millisecond)))
		if err != nil {
			t.Errorf("a sample is not taken: %v", err)
		}
		return err == nil
	}, &samples)
	within(t, 60*time.Second, "much has come in", func() error {
		if docs.Load() < 100 || comments.Load() < 30 || samples.Load() < 30 {
			return fmt.Errorf("%d, %d, %d", docs.Load(), comments.Load(), samples.Load())
		}
		return nil
	})
	backup := filepath.Join(t.TempDir(), "backup")
	wantDocs, wantComments, wantSamples := docs.Load()*100, comments.Load(), samples.Load()
	out, errs, status := vigie(t, "backup", "--config", h.file, "--to", backup)
	if status != 0 || !strings.Contains(out, " files, ") {
		t.Fatalf("backup says %d %s%s", status, out, errs)
	}
	if _, errs, status := vigie(t, "backup", "--config", h.file, "--to", backup); status != 1 || !strings.Contains(errs, "is there already") {
		t.Errorf("over the first one: %d %s", status, errs)
	}
	if _, errs, status := vigie(t, "restore", "--config", h.file, "--from", backup); status != 1 || !strings.Contains(errs, "another process uses") {
		t.Errorf("while the hub runs: %d %s", status, errs)
	}
	cancel()
	work.Wait()
	h.kill()
	if _, errs, status := vigie(t, "restore", "--config", h.file, "--from", backup); status != 1 || !strings.Contains(errs, "--replace") {
		t.Errorf("over what is there: %d %s", status, errs)
	}

	// A backup that somebody changed, or that is not whole, is refused.
	damaged := filepath.Join(t.TempDir(), "damaged")
	must(t, "", "cp", "-r", backup, damaged)
	name := filepath.Join(damaged, "state.db")
	if postgres {
		name = filepath.Join(damaged, "state.dump")
	}
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errs, status := vigie(t, "restore", "--config", h.file, "--from", damaged, "--replace"); status != 1 || !strings.Contains(errs, "is damaged") {
		t.Errorf("a damaged one: %d %s", status, errs)
	}
	if _, err := os.Stat(filepath.Join(h.data, "metrics")); err != nil {
		t.Errorf("the refused restore moved things: %v", err)
	}

	if postgres {
		url, err := os.ReadFile(filepath.Join(h.dir, "postgres-url"))
		if err != nil {
			t.Fatal(err)
		}
		if _, errs, status := vigie(t, "restore", "--config", h.file, "--from", backup, "--replace"); status != 1 || !strings.Contains(errs, "tables already") {
			t.Errorf("over a database that holds something: %d %s", status, errs)
		}
		c, err := pgx.Connect(t.Context(), strings.ReplaceAll(strings.TrimSpace(string(url)), "&pool_max_conns=8", ""))
		if err != nil {
			c, err = pgx.Connect(t.Context(), strings.ReplaceAll(strings.TrimSpace(string(url)), "pool_max_conns=8&", ""))
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Exec(t.Context(), `DO $$ BEGIN EXECUTE format('DROP SCHEMA %1$I CASCADE', current_schema()); END $$`); err != nil {
			t.Fatal(err)
		}
		schema := c.Config().RuntimeParams["search_path"]
		if _, err := c.Exec(t.Context(), `CREATE SCHEMA `+pgx.Identifier{schema}.Sanitize()); err != nil {
			t.Fatal(err)
		}
		if err := c.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.RemoveAll(h.data); err != nil {
		t.Fatal(err)
	}
	out, errs, status = vigie(t, "restore", "--config", h.file, "--from", backup)
	if status != 0 || !strings.Contains(out, "is back") {
		t.Fatalf("restore says %d %s%s", status, out, errs)
	}
	h.restart()

	var found struct {
		Hits         struct{ Total struct{ Value int64 } }
		Aggregations map[string]struct{ Value float64 }
	}
	found, err = elastic[struct {
		Hits         struct{ Total struct{ Value int64 } }
		Aggregations map[string]struct{ Value float64 }
	}](h.demo, http.MethodPost, "/kept/_search", `{"size":0,"track_total_hits":true,"aggs":{"most":{"max":{"field":"n"}}}}`)
	if n := found.Hits.Total.Value; err != nil || n < wantDocs || int64(found.Aggregations["most"].Value)+1 != n {
		t.Errorf("%d documents are kept, the highest is %v, %v; want %d at least, each once", n, found.Aggregations["most"].Value, err, wantDocs)
	}
	var whole struct {
		Timeline []struct{ Kind, Text string }
	}
	if err := h.get("/api/vigie/v1/issues/"+issue, &whole); err != nil {
		t.Fatal(err)
	}
	notes := int64(0)
	for _, e := range whole.Timeline {
		if strings.HasPrefix(e.Text, "note ") {
			notes++
		}
	}
	if notes < wantComments {
		t.Errorf("%d comments are kept, want %d", notes, wantComments)
	}
	if got, err := h.metric(`max_over_time(story_counter[10m])`); err != nil || atoi(t, got) < wantSamples-1 {
		t.Errorf("the last sample is %s, %v; want %d", got, err, wantSamples-1)
	}
	if got, err := h.metric(`count_over_time(story_counter[10m])`); err != nil || atoi(t, got) < wantSamples {
		t.Errorf("%s samples are kept, %v; want %d", got, err, wantSamples)
	}
	if out, errs, status := vigie(t, "audit", "verify", "--config", h.file); status != 0 {
		t.Errorf("the audit trail: %d %s%s", status, out, errs)
	}
	if token := must(t, "", binary(t), "agent", "token", "app-02", "--config", h.file); !strings.HasPrefix(token, "vigie1.app-02.") {
		t.Errorf("a token is %q", token)
	}
}

func atoi(t *testing.T, s string) (n int64) {
	t.Helper()
	if _, err := fmt.Sscan(s, &n); err != nil {
		t.Fatalf("%q is no number", s)
	}
	return n
}
