package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestPromtoolAsks has the promtool of Debian ask the hub what it asks a
// Prometheus. That one knows no tokens, so it gives its token as a password.
func TestPromtoolAsks(t *testing.T) {
	h := startHub(t, hubOptions{})
	startAgent(t, h, "app-01")
	within(t, 30*time.Second, "series of the agent", func() error {
		_, err := h.metric(`node_load1{server="app-01"}`)
		return err
	})
	server := strings.Replace(h.endpoints.Console, "://", "://story-viewer:"+viewerToken+"@", 1)
	ago := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(time.RFC3339) }
	for name, c := range map[string]struct {
		args []string
		want string // regular expression
	}{
		"instant": {[]string{"instant", server, `count by (server) (node_cpu_seconds_total)`}, `\{server="app-01"\} => [1-9]`},
		"range": {
			[]string{"range", "--start", ago(-time.Minute), "--end", ago(time.Minute), "--step", "1s", server, `node_load1{server="app-01"}`},
			`node_load1\{.*server="app-01".*\} =>\n[0-9.]+ @\[`,
		},
		"series": {[]string{"series", "--match", `node_uname_info`, server}, `__name__="node_uname_info".*server="app-01"`},
		"labels": {[]string{"labels", server, "server"}, `(?m)^app-01$`},
	} {
		t.Run(name, func(t *testing.T) {
			out := must(t, "", "promtool", append([]string{"query"}, c.args...)...)
			if !regexp.MustCompile(c.want).MatchString(out) {
				t.Errorf("promtool says %q, want %s", tail(out, 600), c.want)
			}
		})
	}
	out, errs, status := run(t, "", "promtool", "query", "instant", server, `sum(`)
	if status == 0 || !strings.Contains(errs, "parse error") {
		t.Errorf("a question that is none: %d %s%s", status, out, errs)
	}
	out, errs, status = run(t, "", "promtool", "query", "instant", h.endpoints.Console, `up`)
	if status == 0 || !strings.Contains(out+errs, "401") {
		t.Errorf("without a token: %d %s%s", status, out, errs)
	}
}

// TestPromtoolChecksTheExample shows that rule files of an operations
// repository are Prometheus's own.
func TestPromtoolChecksTheExample(t *testing.T) {
	files, err := filepath.Glob("../examples/ops/rules/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no rule files: %v", err)
	}
	must(t, "", "promtool", append([]string{"check", "rules"}, files...)...)
}

// TestAmtoolWorksTheBoard adds an alert, silences it and ends the silence.
func TestAmtoolWorksTheBoard(t *testing.T) {
	h := startHub(t, hubOptions{tokens: "story-responder responder story-responder-77aa88bb99cc\n"})
	config := func(name, token string) string {
		file := filepath.Join(h.dir, name)
		put(t, file, "authorization: {credentials: "+token+"}\n", 0o600)
		return file
	}
	responder, viewer := config("responder.yml", "story-responder-77aa88bb99cc"), config("viewer.yml", viewerToken)
	amtool := func(config string, args ...string) (out, errs string, status int) {
		t.Helper()
		return run(t, "", "amtool", append([]string{"--alertmanager.url", h.endpoints.Console, "--http.config.file", config}, args...)...)
	}
	type found struct {
		Labels map[string]string
		Status struct {
			State      string
			SilencedBy []string
		}
	}
	query := func(more ...string) []found {
		t.Helper()
		out, errs, status := amtool(viewer, append([]string{"alert", "query", "-o", "json"}, more...)...)
		var all []found
		if err := json.Unmarshal([]byte(out), &all); status != 0 || err != nil {
			t.Fatalf("alert query: %d %v\n%s%s", status, err, out, errs)
		}
		return all
	}

	if out, errs, status := amtool(viewer, "alert", "add", "DiskFull", "server=app-01"); status == 0 {
		t.Errorf("a viewer adds an alert: %s%s", out, errs)
	}
	if out, errs, status := amtool(responder, "alert", "add", "DiskFull", "server=app-01", "severity=critical", "--annotation=summary=The disk is full"); status != 0 {
		t.Fatalf("alert add: %d\n%s%s", status, out, errs)
	}
	all := query("server=app-01")
	if len(all) != 1 || all[0].Labels["alertname"] != "DiskFull" || all[0].Status.State != "active" {
		t.Fatalf("alert query says %+v", all)
	}
	if other := query("server=app-02"); len(other) != 0 {
		t.Errorf("alert query of another server says %+v", other)
	}
	within(t, 10*time.Second, "an issue with the server", func() error {
		issues, err := list[map[string]any](h.demo, "/api/vigie/v1/issues")
		if err == nil && len(issues) != 1 {
			err = fmt.Errorf("issues are %v", issues)
		}
		return err
	})

	out, errs, status := amtool(responder, "silence", "add", "--duration=1h", "--comment=The disk is being changed", "--author=nadia", "server=app-01")
	if status != 0 {
		t.Fatalf("silence add: %d\n%s%s", status, out, errs)
	}
	silence := strings.TrimSpace(out)
	if now := query("--silenced", "server=app-01"); len(now) != 1 || !slices.Equal(now[0].Status.SilencedBy, []string{silence}) || now[0].Status.State != "suppressed" {
		t.Errorf("silenced, alert query says %+v, want it silenced by %s", now, silence)
	}
	if out, errs, status := amtool(viewer, "silence", "query"); status != 0 || !strings.Contains(out, silence) || !strings.Contains(out, "The disk is being changed") {
		t.Errorf("silence query: %d\n%s%s", status, out, errs)
	}
	if out, errs, status := amtool(responder, "silence", "expire", silence); status != 0 {
		t.Errorf("silence expire: %d\n%s%s", status, out, errs)
	}
	if now := query("--active", "server=app-01"); len(now) != 1 || now[0].Status.State != "active" {
		t.Errorf("after the silence, alert query says %+v", now)
	}
	if out, errs, status := amtool(viewer, "config", "show"); status != 0 {
		t.Errorf("config show: %d\n%s%s", status, out, errs)
	}
}

// TestGrafanaAsks sends what Grafana's data source for Prometheus sends, in the
// form in which it sends it.
func TestGrafanaAsks(t *testing.T) {
	h := startHub(t, hubOptions{})
	startAgent(t, h, "app-01")
	within(t, 30*time.Second, "series of the agent", func() error {
		_, err := h.metric(`node_load1{server="app-01"}`)
		return err
	})
	now := time.Now()
	from, to := fmt.Sprint(now.Add(-15*time.Minute).Unix()), fmt.Sprint(now.Add(15*time.Second).Unix())
	span := func(more ...string) url.Values {
		q := url.Values{"start": {from}, "end": {to}}
		for i := 0; i+1 < len(more); i += 2 {
			q.Add(more[i], more[i+1])
		}
		return q
	}
	for _, c := range []struct {
		what, method, path string
		form               url.Values
		want               string // regular expression on the answer
	}{
		{"save and test", "POST", "query", url.Values{"query": {"1+1"}, "time": {to}}, `"resultType":"scalar","result":\[[0-9.]+,"2"\]`},
		{"which Prometheus it is", "GET", "status/buildinfo", nil, `"version":"[23]\.[0-9]+\.[0-9]+"`},
		{"an instant panel", "POST", "query", url.Values{"query": {`node_load1{server=~"app-01|app-02"}`}, "time": {to}}, `"resultType":"vector".*"server":"app-01"`},
		{"an instant panel with GET", "GET", "query", url.Values{"query": {`node_load1`}}, `"resultType":"vector".*"server":"app-01"`},
		{"a panel", "POST", "query_range", span("query", `sum by (mode) (rate(node_cpu_seconds_total[1m0s]))`, "step", "15"), `"resultType":"matrix"`},
		{"a panel with GET", "GET", "query_range", span("query", `node_load1`, "step", "1"), `"resultType":"matrix".*"values":\[\[`},
		{"a panel with a fraction of a step", "POST", "query_range", span("query", `node_load1`, "step", "0.5"), `"values":\[\[`},
		{"exemplars", "POST", "query_exemplars", span("query", `node_load1`), `"data":\[\]`},
		{"names of labels", "POST", "labels", span("match[]", `{server="app-01"}`), `"app_instance|"server"`},
		{"names of labels with GET", "GET", "labels", span(), `"__name__"`},
		{"names of metrics", "GET", "label/__name__/values", span("match[]", `{server="app-01"}`), `"node_load1"`},
		{"values of a variable", "GET", "label/server/values", span("match[]", `node_load1`), `"data":\["app-01"\]`},
		{"values of a variable that has none", "GET", "label/server/values", span("match[]", `node_load1{server="none"}`), `"data":\[\]`},
		{"series", "POST", "series", span("match[]", `node_load1`, "match[]", `node_load5`), `"__name__":"node_load5"`},
		{"series with GET and a limit", "GET", "series", span("match[]", `{__name__=~"node_.+"}`, "limit", "1"), `"data":\[\{[^{}]*\}\]`},
		{"help and types", "GET", "metadata", nil, `"node_load1":\[\{"type":"gauge","unit":"","help":"[^"]+`},
		{"help of one", "GET", "metadata", url.Values{"metric": {"node_load1"}}, `"data":\{"node_load1":\[[^\]]*\]\}`},
		{"rules", "GET", "rules", nil, `"groups":\[\{"name":`},
		{"rules that alert", "GET", "rules", url.Values{"type": {"alert"}}, `"type":"alerting"`},
		{"alerts", "GET", "alerts", nil, `"alerts":\[`},
	} {
		t.Run(c.what, func(t *testing.T) {
			status, b := ask(t, h, c.method, c.path, c.form)
			if status != 200 || !strings.Contains(b, `"status":"success"`) || !regexp.MustCompile(c.want).MatchString(b) {
				t.Errorf("%s %s answers %d %s, want %s", c.method, c.path, status, tail(b, 1000), c.want)
			}
		})
	}
	status, b := ask(t, h, "POST", "query", url.Values{"query": {`node_load1{`}})
	if status != 400 || !strings.Contains(b, `"errorType":"bad_data"`) || !strings.Contains(b, "parse error") {
		t.Errorf("a question that is none answers %d %s", status, b)
	}
}
