package hub_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/examples"
	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/hub"
	"github.com/vigie-ops/vigie/internal/opsrepo"
)

// config writes a hub's file beside its key and the example's repository.
func config(t *testing.T) hub.Config {
	t.Helper()
	dir := t.TempDir()
	write := func(name, content string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	ops := filepath.Join(dir, "ops")
	if err := os.CopyFS(ops, examples.Ops); err != nil {
		t.Fatal(err)
	}
	file := write("hub.yaml", "data: "+filepath.Join(dir, "data")+`
master_key: {file: `+write("master.key", "vO3k1Jx9QmZt7Lr5Yw2Bc8Nd6Fh4Gs0PaUeIiTnXqRA=")+`}
tokens: `+write("tokens", "robot viewer view-token-0123456789abcdef0123456789\nroot admin root-token-0123456789abcdef0123456789\n")+`
operations: {directory: `+filepath.Join(ops, "ops")+`, interval: 5s}
`)
	c, err := hub.LoadConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	c.Listen.Console, c.Listen.Agents = "127.0.0.1:0", "127.0.0.1:0"
	return c
}

// run starts a hub and returns it with the function that stops it.
func run(t *testing.T, c hub.Config, extend func(*hub.Hub, *console.Console)) (h *hub.Hub, stop func()) {
	t.Helper()
	h, err := hub.New(t.Context(), hub.Options{Config: c, Version: "test", Log: slog.New(slog.DiscardHandler), Extend: extend})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	if err := h.WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	return h, func() {
		t.Helper()
		cancel()
		if err := errors.Join(<-done, h.Close()); err != nil {
			t.Errorf("stop: %v", err)
		}
	}
}

func get(t *testing.T, h *hub.Hub, path, token string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.ConsoleURL()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	req.Close = true
	resp, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestAHubStartsServesAndStops(t *testing.T) {
	c := config(t)
	var routes []console.Route
	h, stop := run(t, c, func(_ *hub.Hub, c *console.Console) { routes = c.Routes() })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := h.WaitOperations(ctx); err != nil {
		t.Fatal(err)
	}
	viewer := "view-token-0123456789abcdef0123456789"
	// Every page that needs nothing in its address answers a viewer, and
	// nobody else. Streams answer until somebody goes, and some are about what
	// their address asks for.
	others := []string{"/events", "/logs/tail", "/api/vigie/v1/logs/tail", "/logs/line", "/logs/values"}
	for _, r := range routes {
		method, path, _ := strings.Cut(r.Pattern, " ")
		path = strings.TrimSuffix(path, "{$}")
		if method != http.MethodGet || strings.Contains(path, "{") || slices.Contains(others, path) || r.Kind == console.KindOpen || r.Role != "viewer" {
			continue
		}
		if status, body := get(t, h, path, viewer); status != http.StatusOK {
			t.Errorf("GET %s answers %d: %.300s", path, status, body)
		}
		if status, _ := get(t, h, path, ""); status != http.StatusSeeOther && status != http.StatusUnauthorized {
			t.Errorf("GET %s answers %d to nobody", path, status)
		}
	}
	if status, body := get(t, h, "/api/vigie/v1/servers", viewer); status != http.StatusOK || !strings.Contains(body, `"app-01"`) {
		t.Errorf("servers answer %d %s", status, body)
	}
	if _, err := hub.New(t.Context(), hub.Options{Config: c, Log: slog.New(slog.DiscardHandler)}); err == nil || !strings.Contains(err.Error(), "another process uses") {
		t.Errorf("a second hub on the same folder gives %v", err)
	}
	stop()
	h, stop = run(t, c, nil)
	defer stop()
	if status, body := get(t, h, "/readyz", ""); status != http.StatusOK {
		t.Errorf("after a restart readyz answers %d %s", status, body)
	}
}

func TestListsOfTheAPIRefuseAWordTheyDoNotKnow(t *testing.T) {
	h, stop := run(t, config(t), nil)
	defer stop()
	f := func(query string, status int, words string) {
		t.Helper()
		got, body := get(t, h, "/api/vigie/v1/"+query, "view-token-0123456789abcdef0123456789")
		if got != status || !strings.Contains(body, words) {
			t.Errorf("%s answers %d %s; want %d, with the words %q", query, got, body, status, words)
		}
	}
	const id = "01JDZ3NDEKTSV4RRFFQ69G5FAV"
	f("alerts?state=open&severity=critical&to_review=false&cursor="+id, 200, "items")
	f("alerts?cursor="+id+"&state=bogus", 400, "state is one of open, firing, acknowledged, silenced, inhibited, resolved, or left out.")
	f("alerts?severity=Critical", 400, "severity is one of critical, warning, info, or left out.")
	f("alerts?to_review=yes", 400, "to_review is one of true, false")
	f("alerts?cursor=bogus", 400, "cursor is what the page before gave as next")
	f("alerts?limit=0", 400, "limit is a number from 1 to 1000.")
	f("issues?state=closed&cursor="+id, 200, "items")
	f("issues?state=firing", 400, "state is one of open, resolved, closed, or left out.")
	f("issues?cursor=bogus", 400, "cursor is what the page before gave as next")
	f("issues/"+id+"?timeline_cursor=bogus", 400, "timeline_cursor is what")
}

func TestEveryOpenRouteSaysWhy(t *testing.T) {
	var routes []console.Route
	_, stop := run(t, config(t), func(_ *hub.Hub, c *console.Console) { routes = c.Routes() })
	defer stop()
	for _, r := range routes {
		if r.Kind == console.KindOpen && len(r.Why) < 15 {
			t.Errorf("%s is open to everybody and says only %q", r.Pattern, r.Why)
		}
		if r.Kind == console.KindPage && !strings.HasPrefix(r.Pattern, "GET ") {
			t.Errorf("%s is a page and no GET: a page changes nothing", r.Pattern)
		}
		if r.Kind == console.KindAction && !strings.HasPrefix(r.Pattern, "POST ") {
			t.Errorf("%s is an action and no POST", r.Pattern)
		}
	}
	if !slices.ContainsFunc(routes, func(r console.Route) bool { return r.Kind == console.KindAction }) {
		t.Error("there is no action at all")
	}
}

func TestAConfigurationReportsEveryMistake(t *testing.T) {
	f := func(in string, want ...string) {
		t.Helper()
		_, err := hub.ParseConfig("hub.yaml", []byte(in))
		var problems opsrepo.Problems
		if len(want) > 0 && !errors.As(err, &problems) {
			t.Fatalf("got %v, want problems", err)
		}
		var got []string
		for _, p := range problems {
			got = append(got, p.String())
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s(-want +got)\n%s", in, d)
		}
	}
	const good = "data: /srv\nmaster_key: {file: k}\noperations: {directory: /ops}\n"
	f(good)
	f("data: srv\nmaster_key: hunter2\noperations: {directory: /a, git: file:///b}\n",
		"hub.yaml:1:7: \"srv\" depends on where the hub is started; write an absolute path",
		"hub.yaml:2:13: a secret never stands here itself; write {file: PATH}, {env: NAME} or {command: [PROGRAM, ARGUMENT]}",
		"hub.yaml:3:13: the operations repository is in one place; write directory: PATH or git: URL")
	f(good+"listen: {console: everywhere}\nstate: {engine: postgres}\nmetrics: {engine: remote}\n",
		"hub.yaml:4:19: \"everywhere\" is no address to listen on; write HOST:PORT with a port from 1 to 65535, such as 127.0.0.1:8080",
		"hub.yaml:5:8: the engine postgres needs a URL; write url: {file: PATH}, {env: NAME} or {command: [PROGRAM]}",
		"hub.yaml:6:10: the engine remote needs write_url and query_url")
	f(good+"state: {url: {env: X}}\n",
		"hub.yaml:4:14: the engine sqlite has no URL; its file is in the data folder. Remove url, or write engine: postgres")
	f("data: /srv\nmaster_key: {file: k}\noperations: {git: 'https://ops:hunter2@git.example/ops', branch: -x}\n",
		"hub.yaml:3:19: the URL holds a user name or password; name the secret as token: {file: PATH} instead",
		"hub.yaml:3:66: \"-x\" is no name of a branch; write it like main")
	f(good+"listen: {console: 8080, agents: ':http', agent_names: ['', 'a b']}\n",
		"hub.yaml:4:19: console is 8080; it must be text, so write it in quotes: \"8080\"",
		"hub.yaml:4:33: \":http\" is no address to listen on; write HOST:PORT with a port from 1 to 65535, such as 127.0.0.1:8080",
		"hub.yaml:4:56: a name is empty; write an IPv4 or IPv6 address or a host name, without port or scheme",
		"hub.yaml:4:60: agent_names: \"a b\" is no address; write an IPv4 or IPv6 address or a host name, without port or scheme")
	f(good+"listen: {console: '127.0.0.1:0', agents: '10.0.0.1:65536'}\n",
		"hub.yaml:4:19: \"127.0.0.1:0\" is no address to listen on; write HOST:PORT with a port from 1 to 65535, such as 127.0.0.1:8080",
		"hub.yaml:4:42: \"10.0.0.1:65536\" is no address to listen on; write HOST:PORT with a port from 1 to 65535, such as 127.0.0.1:8080")
	f(good+"listen: {console: '10.0.0.1:8080', agents: ':8080'}\n",
		"hub.yaml:4:44: \":8080\" is taken by listen.console, \"10.0.0.1:8080\"; write another port")
	f(good + "listen: {console: '10.0.0.1:443', agents: '10.0.0.2:443'}\n")
	f(good+"metrics: {engine: remote, write_url: nonsense, query_url: 'https://m.example'}\n",
		"hub.yaml:4:38: write_url: \"nonsense\" is no URL; write it like https://app.example.org/status")
	f(good+"metrics: {engine: remot, write_url: 'https://m.example'}\n",
		"hub.yaml:4:19: engine \"remot\" does not exist (did you mean \"remote\"?); use embedded or remote")
	f(good+"state: {engine: postgres, url: hunter2}\n",
		"hub.yaml:4:32: a secret never stands here itself; write {file: PATH}, {env: NAME} or {command: [PROGRAM, ARGUMENT]}")
	f("data: /srv\nmaster_key: {file: k}\noperations: {git: 5}\n",
		"hub.yaml:3:19: git is 5; it must be text, so write it in quotes: \"5\"")
	f("data: /srv\nmaster_key: {file: k}\noperations: {directory: ops, interval: 1ms}\n",
		"hub.yaml:3:25: \"ops\" depends on where the hub is started; write an absolute path",
		"hub.yaml:3:40: interval is 1ms; it must be at least 1s")
}
