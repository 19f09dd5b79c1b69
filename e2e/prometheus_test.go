package e2e_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// ask sends a question as Grafana does: a token of a viewer, a form in the body
// of a POST and in the address of a GET, and an answer that may be compressed.
func ask(t testing.TB, h *hub, method, path string, form url.Values) (int, string) {
	t.Helper()
	address, body := h.endpoints.Console+"/api/v1/"+path, io.Reader(http.NoBody)
	if method == http.MethodPost {
		body = strings.NewReader(form.Encode())
	} else if len(form) > 0 {
		address += "?" + form.Encode()
	}
	req, err := http.NewRequestWithContext(context.Background(), method, address, body)
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for k, v := range map[string]string{
		"Authorization": "Bearer " + viewerToken, "Accept-Encoding": "gzip", "User-Agent": "Grafana/12.2.0",
		"X-Datasource-Uid": "vigie", "X-Grafana-Org-Id": "1", "X-Query-Group-Id": "1", "FromAlert": "false",
	} {
		req.Header.Set(k, v)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer io.Reader = resp.Body
	if resp.Header.Get("Content-Encoding") == "gzip" {
		if answer, err = gzip.NewReader(resp.Body); err != nil {
			t.Fatal(err)
		}
	}
	b, err := io.ReadAll(answer)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// beside starts a program that is not ours and ends it with the test.
func beside(t testing.TB, program string, args ...string) *process {
	t.Helper()
	p := &process{t: t, out: new(output), done: make(chan struct{})}
	p.cmd = exec.Command(program, args...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s printed:\n%s", program, tail(p.out.String(), 4000))
		}
	})
	return p
}

// TestAnotherPrometheus has the one of Debian send the hub its samples and its
// alerts.
func TestAnotherPrometheus(t *testing.T) {
	t.Parallel()
	h := startHub(t, hubOptions{})
	var broken atomic.Bool
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		value := 0
		if broken.Load() {
			value = 1
		}
		fmt.Fprintf(w, "# HELP shop_broken Whether the shop is broken.\n# TYPE shop_broken gauge\nshop_broken %d\n", value)
	}))
	t.Cleanup(shop.Close)
	dir, listen := t.TempDir(), freeAddress(t)
	put(t, filepath.Join(dir, "token"), adminToken, 0o600)
	put(t, filepath.Join(dir, "rules.yml"), `
groups:
  - name: shop
    interval: 1s
    rules:
      - alert: ShopBroken
        expr: shop_broken == 1
        labels: {severity: critical, app_instance: borealis-shop}
        annotations: {summary: The shop is broken}
`, 0o644)
	put(t, filepath.Join(dir, "prometheus.yml"), strings.NewReplacer(
		"DIR", dir, "SELF", listen, "HUB", h.listen, "SHOP", strings.TrimPrefix(shop.URL, "http://"),
	).Replace(`
global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s, external_labels: {site: paris}}
rule_files: [DIR/rules.yml]
scrape_configs:
  - {job_name: prometheus, static_configs: [{targets: [SELF]}]}
  - {job_name: shop, static_configs: [{targets: [SHOP]}]}
remote_write:
  - url: http://HUB/api/v1/write
    authorization: {credentials_file: DIR/token}
    queue_config: {batch_send_deadline: 1s}
    metadata_config: {send_interval: 1s}
alerting:
  alertmanagers:
    - authorization: {credentials_file: DIR/token}
      static_configs: [{targets: [HUB]}]
`), 0o644)
	p := beside(t, "prometheus", "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+listen, "--rules.alert.resend-delay=1s", "--log.level=warn")

	within(t, 30*time.Second, "its samples can be asked for", func() error {
		p.alive()
		for _, query := range []string{
			`prometheus_build_info{job="prometheus", site="paris"}`,
			`shop_broken{job="shop"} == 0`,
			`rate(prometheus_tsdb_head_samples_appended_total[10s]) > 0`,
			`histogram_quantile(0.9, rate(prometheus_http_request_duration_seconds_bucket{handler="/metrics"}[10s])) > 0`,
		} {
			if _, err := h.metric(query); err != nil {
				return err
			}
		}
		if _, b := ask(t, h, "GET", "metadata", url.Values{"metric": {"shop_broken"}}); !strings.Contains(b, "Whether the shop is broken.") {
			return fmt.Errorf("metadata is %s", b)
		}
		return nil
	})
	if open, err := h.openAlerts(); err != nil || len(open) > 0 {
		t.Fatalf("open alerts before the fault: %+v %v", open, err)
	}

	broken.Store(true)
	var alert alertItem
	within(t, 30*time.Second, "its alert and an issue", func() error {
		open, err := h.openAlerts()
		if err != nil {
			return err
		}
		if len(open) != 1 {
			return fmt.Errorf("open alerts are %+v", open)
		}
		alert = open[0]
		issues, err := list[issueItem](h.demo, "/api/vigie/v1/issues")
		if err == nil && (len(issues) != 1 || issues[0].State != "open" || !slices.Equal(issues[0].Instances, []string{"borealis-shop"})) {
			err = fmt.Errorf("issues are %+v", issues)
		}
		return err
	})
	if l := alert.Labels; l["alertname"] != "ShopBroken" || l["app_instance"] != "borealis-shop" || l["site"] != "paris" {
		t.Errorf("the alert is %+v", alert)
	}
	status, page, err := h.call("GET", "/alerts/"+alert.ID, nil)
	if err != nil || status != http.StatusOK || !strings.Contains(string(page), "alertmanager") {
		t.Errorf("its page does not say where it came from: %d %v", status, err)
	}

	broken.Store(false)
	within(t, 30*time.Second, "its alert and the issue are over", func() error {
		open, err := h.openAlerts()
		if err != nil {
			return err
		}
		if len(open) > 0 {
			return fmt.Errorf("open alerts are %+v", open)
		}
		issues, err := list[issueItem](h.demo, "/api/vigie/v1/issues")
		if err == nil && (len(issues) != 1 || issues[0].State == "open") {
			err = fmt.Errorf("issues are %+v", issues)
		}
		return err
	})
}
