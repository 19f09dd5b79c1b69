package amapi_test

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/db/dbtest"
	"github.com/vigie-ops/vigie/internal/respond/alert"
	"github.com/vigie-ops/vigie/internal/respond/alert/alertweb/amapi"
)

// TestAnotherPrometheusPostsItsAlerts runs the real one with a rule that is
// always true.
func TestAnotherPrometheusPostsItsAlerts(t *testing.T) {
	d := dbtest.Open(t, dbtest.SQLite(t), alert.Tables)
	changed := make(chan string, 100)
	b := alert.New(alert.Options{DB: d, Log: slog.New(slog.DiscardHandler), Changed: func(topic string) {
		select {
		case changed <- topic:
		default:
		}
	}})
	s := httptest.NewServer(amapi.New(b, amapi.Options{Log: slog.New(slog.DiscardHandler), Version: "test"}))
	defer s.Close()
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	rules := write("rules.yml", `
groups:
  - name: always
    interval: 1s
    rules:
      - {alert: Always, expr: vector(1), labels: {severity: page, server: db-03}, annotations: {summary: "It is always so"}}
`)
	config := write("prometheus.yml", `
global: {evaluation_interval: 1s}
rule_files: [`+rules+`]
alerting: {alertmanagers: [{static_configs: [{targets: [`+strings.TrimPrefix(s.URL, "http://")+`]}]}]}
`)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "prometheus", "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address=127.0.0.1:0", "--rules.alert.resend-delay=1s")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-changed:
	case <-ctx.Done():
		t.Error("the other Prometheus posted nothing within a minute")
	}
	cancel()
	_ = cmd.Wait() // it was told to stop
	if t.Failed() {
		t.Log(said.String())
	}
	page, err := b.List(context.Background(), alert.Filter{State: "open"})
	if err != nil || len(page.Items) != 1 {
		t.Fatalf("the board has %+v, %v", page.Items, err)
	}
	if a := page.Items[0]; a.Name != "Always" || a.Severity != "critical" || a.Server() != "db-03" || a.Until.IsZero() || a.Summary() != "It is always so" {
		t.Errorf("alert %+v", a)
	}
}
