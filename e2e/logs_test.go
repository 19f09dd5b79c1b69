package e2e_test

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// sendLogs has a shipper write lines to the demo's Elasticsearch.
func (d *demo) sendLogs(index string, docs ...map[string]any) {
	d.t.Helper()
	var body bytes.Buffer
	for _, doc := range docs {
		b, err := json.Marshal(doc)
		if err != nil {
			d.t.Fatal(err)
		}
		fmt.Fprintf(&body, "{\"create\":{\"_index\":%q}}\n%s\n", index, b)
	}
	req, err := http.NewRequestWithContext(d.t.Context(), http.MethodPost, d.endpoints.Elasticsearch+"/_bulk", &body)
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+d.token)
	req.Header.Set("Content-Type", "application/x-ndjson")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || !bytes.Contains(b, []byte(`"errors":false`)) {
		d.t.Fatalf("%d %v %.500s", resp.StatusCode, err, b)
	}
}

// webLines are lines as a busy web server and its application write them, up to
// now.
func webLines(r *rand.Rand, n int, host string) (docs []map[string]any) {
	now := time.Now()
	for i := range n {
		at := now.Add(-time.Duration(n-i) * 55 * time.Minute / time.Duration(n))
		ip := fmt.Sprintf("192.0.2.%d", r.IntN(200))
		switch r.IntN(10) {
		case 0:
			docs = append(docs, map[string]any{
				"@timestamp": at.UTC().Format(time.RFC3339Nano), "service": "api", "level": "error", "host": map[string]any{"name": host},
				"trace.id": fmt.Sprintf("%016x", r.Uint64()), "url.path": "/api/v1/orders",
				"message": fmt.Sprintf("Traceback (most recent call last):\n  File \"/srv/app/views.py\", line %d, in dispatch\n    return handler(request)\nTimeoutError: upstream timed out after %d ms", r.IntN(300), 1000+r.IntN(9000)),
			})
		case 1, 2, 3:
			docs = append(docs, map[string]any{
				"@timestamp": at.UTC().Format(time.RFC3339Nano), "service": "api", "level": "info", "host": map[string]any{"name": host},
				"message": fmt.Sprintf("order %d stored in %d ms", r.IntN(90000), r.IntN(400)), "user.name": []string{"ada", "ben", "cal"}[r.IntN(3)],
			})
		default:
			status := []int{200, 200, 200, 200, 304, 404, 502}[r.IntN(7)]
			docs = append(docs, map[string]any{
				"@timestamp": at.UTC().Format(time.RFC3339Nano), "service": "nginx", "host": map[string]any{"name": host}, "http": map[string]any{"response": map[string]any{"status_code": status}},
				"source.ip": ip, "url.path": fmt.Sprintf("/items/%d", r.IntN(40)), "http.request.method": "GET",
				"message": fmt.Sprintf(`%s - - "GET /items/%d HTTP/1.1" %d %d "-" "Mozilla/5.0 (X11; Linux x86_64)"`, ip, r.IntN(40), status, r.IntN(90000)),
			})
		}
	}
	return docs
}

// TestAPersonExploresLogs looks for lines as one does who was woken: by words,
// by clicking on values, around a line, and as they come.
func TestAPersonExploresLogs(t *testing.T) {
	t.Parallel()
	d := startDemo(t, t.TempDir(), freeAddress(t))
	b := openBrowser(t, d.endpoints.Console)
	b.open(signInLink.FindString(d.out.String()))
	b.press("Sign in")
	b.sees("Nothing is wrong")
	host, err := d.machine()
	if err != nil {
		t.Fatal(err)
	}
	d.sendLogs("shop", webLines(rand.New(rand.NewPCG(1, 1)), 3000, host)...)
	const hostile = `<img src=x onerror="window.hacked=1"><script>window.hacked=1</script> & "quoted"`
	d.sendLogs("shop", map[string]any{"message": hostile, "level": "warn", "service": "<b>evil</b>", "host": map[string]any{"name": host}, "<i>name</i>": "<u>value</u>"})

	b.open("/logs")
	b.sees("3")
	b.until("values of fields are there", `document.querySelector(".log-top a")`)
	b.look("logs", "")

	// By words, which are marked.
	b.fill("input[name=q]", `"timed out" and log.level:error`)
	b.do(chromedp.KeyEvent("\r"))
	b.until("only errors are there", `document.querySelectorAll("li.log").length > 20 && ![...document.querySelectorAll("li.log")].some((l) => !l.innerText.includes("timed out"))`)
	b.until("the words are marked", `document.querySelector("li.log mark")?.innerText === "timed"`)

	// A line opens in place; a click on one of its values narrows.
	b.click(`document.querySelector("li.log a.log-line")`)
	b.until("its fields are there", `document.querySelector("li.log .log-details td")`)
	b.look("logs-open", "")
	b.click(`[...document.querySelectorAll(".log-fields tr")].find((r) => r.innerText.includes("trace.id")).querySelector("a")`)
	b.until("one line is left", `document.querySelectorAll("li.log").length === 1`)

	// The lines around it, of the same program on the same server.
	b.click(`document.querySelector("li.log a.log-line")`)
	b.until("its fields are there", `document.querySelector("li.log .log-details td")`)
	b.press("Lines around it")
	b.until("lines before and after are there", `document.querySelectorAll("#around li.log").length > 10 && document.querySelector("#around li.here")`)
	b.look("logs-around", "")

	// A mistake is shown where it is.
	b.expect("/logs/complete")
	b.open("/logs?" + url.Values{"q": {`level:(error or "timed out`}}.Encode())
	b.until("the mistake is marked", `document.querySelector("#logs-wrong pre")?.innerText.includes("^")`)
	b.look("logs-wrong", "")

	// What a line holds stays text.
	b.open("/logs?" + url.Values{"q": {"quoted"}}.Encode())
	b.sees(`<img src=x onerror="window.hacked=1">`)
	b.click(`document.querySelector("li.log a.log-line")`)
	b.until("its fields are there", `document.querySelector("li.log .log-details")?.innerText.includes("<u>value</u>")`)
	b.until("nothing of it ran", `window.hacked === undefined`)

	// Completion offers fields and values.
	b.open("/logs")
	b.fill("input[name=q]", "http.resp")
	b.until("the field is offered", `[...document.querySelectorAll(".logs-candidates li")].some((l) => l.innerText.includes("http.response.status_code"))`)

	// A search that is used again gets a name.
	b.open("/logs?range=4h&" + url.Values{"q": {`"timed out" and log.level:error`}}.Encode())
	b.click(`[...document.querySelectorAll("summary")].find((s) => s.innerText === "Saved")`)
	b.fill("#field-search-name", "Timeouts of the shop")
	b.click(`[...document.querySelectorAll(".logs-saved button")].find((x) => x.innerText === "Save")`)
	b.sees("Saved.")
	b.click(`[...document.querySelectorAll("summary")].find((s) => s.innerText === "Saved")`)
	b.until("it is in the list, and leads there", `[...document.querySelectorAll(".logs-saved a")].some((a) => a.innerText === "Timeouts of the shop" && a.href.includes("range=4h") && a.href.includes("timed+out"))`)
	b.look("logs-saved", "")
	b.press("Delete")
	b.until("it is gone", `!document.body.innerText.includes("Timeouts of the shop") && document.querySelector("input[name=q]").value.includes("timed out")`)

	// A link to just these lines, whenever it is opened.
	b.until("a link is offered", `(() => { const u = new URL(document.querySelector("[data-copy-link]").dataset.copyLink, location.href); return u.searchParams.get("from") > 1e12 && u.searchParams.get("q").includes("timed out") })()`)
	b.press("Copy link")
	b.until("it says what became of it", `document.querySelector("[data-copy-link]").textContent.startsWith("Co") && document.querySelector("[data-copy-link]").textContent !== "Copy link"`)

	// As they come, through a burst.
	b.open("/logs?live=1&" + url.Values{"q": {"live"}}.Encode())
	b.until("it follows", `document.querySelector(".logs-live .state.ok")`)
	began := time.Now()
	d.sendLogs("shop", map[string]any{"message": "a live line", "service": "api"})
	b.until("the line is there", `[...document.querySelectorAll("li.log")].some((l) => l.innerText.includes("a live line"))`)
	t.Logf("a line was on the screen %v after it was sent", time.Since(began).Round(time.Millisecond))
	var burst []map[string]any
	for i := range 5000 {
		burst = append(burst, map[string]any{"message": fmt.Sprintf("live burst %d", i), "service": "api"})
	}
	d.sendLogs("shop", burst...)
	b.until("the last of a burst is there, and the page is not flooded", `document.querySelector("li.log")?.innerText.includes("live burst 4999") && document.querySelectorAll("li.log").length <= 1000`)
	b.look("logs-live", "")

	// The server and the instance lead to their lines.
	b.open("/servers/" + host)
	b.until("the panel of logs is there", `[...document.querySelectorAll("section.card h2")].some((h) => h.innerText === "Logs")`)

	// What is kept, and how all of an owner is deleted, with proof.
	b.open("/logs/kept")
	b.row("Kept logs", "instance:borealis", "56 days")
	b.look("logs-kept", "")
	erase := func(typed string) {
		b.open("/logs/kept")
		b.click(`[...document.querySelectorAll("tr")].find((r) => r.innerText.includes("instance:borealis\n") || r.innerText.startsWith("instance:borealis")).querySelector("summary")`)
		b.fill(`[id="field-typed-instance:borealis"]`, typed)
		b.fill(`[id="field-reason-instance:borealis"]`, "end of contract")
		b.click(`[...document.querySelectorAll("details[open] button")].find((x) => x.innerText === "Erase all of it")`)
	}
	b.expect("/logs/erase")
	erase("instance:boreali")
	b.sees("nothing was deleted")
	erase("instance:borealis")
	b.sees("Nothing of it is left")
	b.look("logs-erased", "")
}

// machine is the slug of the demo's own server.
func (d *demo) machine() (string, error) {
	var servers struct{ Items []struct{ Slug string } }
	err := d.get("/api/vigie/v1/servers", &servers)
	if err != nil || len(servers.Items) == 0 {
		return "", fmt.Errorf("servers: %+v, %w", servers, errOr(err))
	}
	return servers.Items[0].Slug, nil
}

// TestLogsAreExportedWhole has a program ask for lines and take them all.
func TestLogsAreExportedWhole(t *testing.T) {
	t.Parallel()
	d := startDemo(t, t.TempDir(), freeAddress(t))
	host, err := d.machine()
	if err != nil {
		t.Fatal(err)
	}
	docs := webLines(rand.New(rand.NewPCG(2, 2)), 2500, host)
	d.sendLogs("shop", docs...)
	var page struct {
		Items []map[string]any
		Next  *string
	}
	seen := 0
	cursor := ""
	for {
		q := url.Values{"q": {"_index:shop and service.name:nginx"}, "limit": {"700"}, "range": {"4h"}}
		if cursor != "" {
			q.Set("cursor", cursor)
		}
		page.Next = nil
		if err := d.get("/api/vigie/v1/logs?"+q.Encode(), &page); err != nil {
			t.Fatal(err)
		}
		seen += len(page.Items)
		if page.Next == nil {
			break
		}
		cursor = *page.Next
	}
	want := 0
	for _, doc := range docs {
		if doc["service"] == "nginx" {
			want++
		}
	}
	if seen != want {
		t.Errorf("%d lines came in pages, want %d", seen, want)
	}
	get := func(format string) *bufio.Reader {
		status, body, err := d.call("GET", "/api/vigie/v1/logs/export?"+url.Values{"q": {"_index:shop"}, "range": {"4h"}, "format": {format}}.Encode(), nil)
		if err != nil || status != http.StatusOK {
			t.Fatalf("%d %v %.300s", status, err, body)
		}
		return bufio.NewReader(bytes.NewReader(body))
	}
	lines := 0
	last := ""
	for in := bufio.NewScanner(get("ndjson")); in.Scan(); lines++ {
		var one map[string]any
		if err := json.Unmarshal(in.Bytes(), &one); err != nil {
			t.Fatal(err)
		}
		if at := one["@timestamp"].(string); len(at) >= 19 && at[:19] < last {
			t.Fatalf("%s comes after %s", at, last)
		} else if len(at) >= 19 {
			last = at[:19]
		}
	}
	rows, err := csv.NewReader(get("csv")).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if lines != len(docs) || len(rows) != len(docs)+1 || !strings.HasPrefix(strings.Join(rows[0], ","), "@timestamp,vigie.owner,vigie.class") {
		t.Errorf("%d lines as NDJSON, %d as CSV, want %d", lines, len(rows)-1, len(docs))
	}
}

// elastic asks the interface for programs that search an Elasticsearch.
func elastic[T any](d *demo, method, path, body string) (out T, err error) {
	req, err := http.NewRequestWithContext(d.t.Context(), method, d.endpoints.Elasticsearch+path, strings.NewReader(body))
	if err != nil {
		return out, err
	}
	req.Header.Set("Authorization", "Bearer "+d.token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return out, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode/100 != 2 {
		err = fmt.Errorf("%s %s: %d %.300s", method, path, resp.StatusCode, b)
	}
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	return out, err
}

// TestWhatIsNotSupportedIsRefusedAsElasticsearchRefuses asks for what only a
// whole Elasticsearch has: clients read the error, and never a page for people.
func TestWhatIsNotSupportedIsRefusedAsElasticsearchRefuses(t *testing.T) {
	t.Parallel()
	h := startLogHub(t)
	for _, c := range []struct {
		method, path string
		token        string
		status       int
	}{
		{"GET", "/_nodes", h.token, 400}, {"POST", "/x/_update/1", h.token, 400}, {"DELETE", "/x", h.token, 400}, {"PUT", "/_index_template/t", h.token, 400},
		{"GET", "/_cluster/settings", h.token, 400}, {"PATCH", "/x", h.token, 400}, {"GET", "/x/_alias", h.token, 400}, {"PUT", "/x/_doc/", h.token, 400},
		{"GET", "/nobody", h.token, 404}, {"HEAD", "/nobody", h.token, 404}, {"HEAD", "/", h.token, 200}, {"GET", "/", h.token, 200}, {"GET", "/", "wrong", 401},
		{"POST", "/x/_search", h.token, 400}, {"POST", "/_bulk", h.token, 400},
	} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, "http://"+h.elastic+c.path, strings.NewReader(`{"query":{"nonsense":{}}}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+c.token)
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var body struct {
			Error  struct{ Type, Reason string }
			Status int
		}
		b, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != c.status || resp.Header.Get("X-Elastic-Product") != "Elasticsearch" {
			t.Errorf("%s %s: %d, want %d, with %v: %.200s", c.method, c.path, resp.StatusCode, c.status, resp.Header, b)
		}
		if c.status >= 400 && c.method != "HEAD" && (json.Unmarshal(b, &body) != nil || body.Error.Type == "" || body.Error.Reason == "" || body.Status != c.status) {
			t.Errorf("%s %s: the error is %.300s", c.method, c.path, b)
		}
	}
}
