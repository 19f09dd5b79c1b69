package e2e_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
)

// browser is a person's: it keeps the hub's cookie.
type browser struct {
	t      testing.TB
	base   string
	cookie *http.Cookie
}

// open asks for a page, or sends a form when there is one.
func (b *browser) open(path string, form url.Values) (status int, page string, to string) {
	b.t.Helper()
	method, body := http.MethodGet, io.Reader(http.NoBody)
	if form != nil {
		method, body = http.MethodPost, strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(context.Background(), method, b.base+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html")
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if b.cookie != nil {
		req.AddCookie(b.cookie)
	}
	resp, err := client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range resp.Cookies() {
		if b.cookie = c; c.MaxAge < 0 {
			b.cookie = nil
		}
	}
	return resp.StatusCode, string(content), resp.Header.Get("Location")
}

// TestTheFirstStart goes from an empty folder to a person who is signed in.
func TestTheFirstStart(t *testing.T) {
	h := startHub(t, hubOptions{})
	file := filepath.Join(h.data, "setup-link")
	var content []byte
	within(t, 20*time.Second, "the hub writes the link", func() (err error) {
		content, err = os.ReadFile(file)
		if err == nil && !strings.HasSuffix(string(content), "\n") {
			err = errNotYet
		}
		return err
	})
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("%s has mode %v, want 0600", file, info.Mode())
	}
	link, ok := strings.CutPrefix(strings.TrimSpace(string(content)), h.endpoints.Console)
	if !ok {
		t.Fatalf("the link %s does not lead to the console", content)
	}
	if strings.Contains(h.out.String(), link) {
		t.Error("the link stands in the log")
	}
	const password = "correct horse battery staple"

	b := &browser{t: t, base: h.endpoints.Console}
	if status, _, to := b.open("/servers", nil); status != http.StatusSeeOther || to != "/sign-in?next=%2Fservers" {
		t.Errorf("nobody is led to %d %q, want the sign-in", status, to)
	}
	if status, page, _ := b.open(link, nil); status != http.StatusOK || !strings.Contains(page, "Nadia Benali") || strings.Contains(page, "Marc Lefevre") {
		t.Fatalf("the link shows %d %s, want the admin and nobody else", status, tail(page, 1000))
	}
	for what, form := range map[string]url.Values{
		"a short password":       {"person": {"nadia"}, "password": {"short"}},
		"her own name":           {"person": {"nadia"}, "password": {"NadiaBenali2026"}},
		"somebody who may not":   {"person": {"marc"}, "password": {password}},
		"somebody who is nobody": {"person": {"root"}, "password": {password}},
	} {
		if status, page, _ := b.open(link, form); status != http.StatusUnprocessableEntity || b.cookie != nil {
			t.Errorf("%s: %d %s", what, status, tail(page, 500))
		}
	}
	if status, page, to := b.open(link, url.Values{"person": {"nadia"}, "password": {password}}); status != http.StatusSeeOther || to != "/" || b.cookie == nil {
		t.Fatalf("the password was not set: %d %s", status, tail(page, 500))
	}
	if !b.cookie.HttpOnly || b.cookie.SameSite != http.SameSiteLaxMode {
		t.Errorf("the cookie is %+v", b.cookie)
	}
	if status, page, _ := b.open("/", nil); status != http.StatusOK || !strings.Contains(page, "Nadia Benali") {
		t.Errorf("signed in, the console shows %d", status)
	}
	other := &browser{t: t, base: h.endpoints.Console}
	if status, _, _ := other.open(link, nil); status != http.StatusGone {
		t.Errorf("the second GET answers %d, want 410", status)
	}
	if status, _, _ := other.open(link, url.Values{"person": {"nadia"}, "password": {"another fine password"}}); status != http.StatusGone || other.cookie != nil {
		t.Errorf("the second POST answers %d, want 410", status)
	}

	// A form that does not come from a page of the console changes nothing.
	if status, _, _ := b.open("/sign-out", url.Values{}); status != http.StatusForbidden {
		t.Errorf("a forged sign-out answers %d, want 403", status)
	}
	_, page, _ := b.open("/", nil)
	token := regexp.MustCompile(`name="csrf" value="([^"]+)"`).FindStringSubmatch(page)
	if token == nil {
		t.Fatalf("the page has no token against forgery: %s", tail(page, 2000))
	}
	kept := *b.cookie
	if status, _, to := b.open("/sign-out", url.Values{"csrf": {token[1]}}); status != http.StatusSeeOther || to != "/sign-in" || b.cookie != nil {
		t.Errorf("signing out answers %d %q", status, to)
	}
	b.cookie = &kept
	if status, _, _ := b.open("/", nil); status != http.StatusSeeOther {
		t.Errorf("the cookie works after signing out: %d", status)
	}
	b.cookie = nil

	signIn := func(name, password string) (int, string, string) {
		return b.open("/sign-in", url.Values{"name": {name}, "password": {password}, "next": {"/servers"}})
	}
	_, unknown, _ := signIn("nobody", "some password or other")
	status, wrong, _ := signIn("nadia", "not the password at all")
	if status != http.StatusUnauthorized || b.cookie != nil {
		t.Errorf("a wrong password answers %d", status)
	}
	if strings.ReplaceAll(unknown, "nobody", "nadia") != wrong {
		t.Error("the page tells an unknown name from a wrong password")
	}
	for _, name := range []string{"nadia", "nadia@halyard.example"} {
		if status, page, to := signIn(name, password); status != http.StatusSeeOther || to != "/servers" || b.cookie == nil {
			t.Errorf("%s signs in: %d %q %s", name, status, to, tail(page, 500))
		}
	}

	// After a restart the session holds, and there is no link to set up.
	h.stop()
	h.restart()
	within(t, 20*time.Second, "the file of the link is gone", func() error {
		if _, err := os.Stat(file); !os.IsNotExist(err) {
			return fmt.Errorf("%s is still there: %w", file, errNotYet)
		}
		return nil
	})
	if status, _, _ := b.open("/servers", nil); status != http.StatusOK {
		t.Errorf("the session is gone after a restart: %d", status)
	}

	b.cookie = nil
	last := 0
	for range 15 {
		if last, page, _ = signIn("nadia", "a guess that is long enough"); last == http.StatusTooManyRequests {
			break
		}
	}
	if last != http.StatusTooManyRequests || !strings.Contains(page, "Too many attempts") {
		t.Errorf("after 15 guesses the answer is %d, want 429", last)
	}
}

// TestRolesAreEnforcedEverywhere asks with the token of a viewer, and with
// none, for what takes more.
func TestRolesAreEnforcedEverywhere(t *testing.T) {
	h := startHub(t, hubOptions{})
	for _, c := range []struct {
		method, path         string
		nobody, viewer, none int // none is without Accept: application/json
	}{
		{"GET", "/alerts", 401, 200, 303},
		{"GET", "/api/vigie/v1/alerts", 401, 200, 401},
		{"GET", "/api/v1/query?query=1", 401, 200, 401},
		{"GET", "/api/v2/status", 401, 200, 401},
		{"GET", "/metrics/hub", 401, 200, 401},
		{"GET", "/events", 401, 0, 401}, // a stream
		{"GET", "/silences/new", 401, 403, 303},
		{"POST", "/api/v1/write", 401, 403, 401},
		{"POST", "/api/v2/alerts", 401, 403, 401},
		{"POST", "/api/v2/silences", 401, 403, 401},
		{"DELETE", "/api/v2/silence/x", 401, 403, 401},
		{"POST", "/alerts/acknowledge", 401, 403, 401},
		{"POST", "/issues", 401, 403, 401},
		{"POST", "/operations/check", 401, 403, 401},
		{"POST", "/notifications/test", 401, 403, 401},
		{"POST", "/servers/app-01/token", 401, 403, 401},
		{"POST", "/servers/app-01/revoke", 401, 403, 401},
		{"GET", "/runs", 401, 200, 303},
		{"GET", "/api/vigie/v1/runs", 401, 200, 401},
		{"POST", "/runs", 401, 403, 401},
		{"POST", "/api/vigie/v1/runs", 401, 403, 401},
		{"POST", "/api/vigie/v1/runs/x/cancel", 401, 403, 401},
		{"POST", "/api/vigie/v1/runs/x/retry", 401, 403, 401},
		{"POST", "/runs/commits/x/accept", 401, 403, 401},
		{"POST", "/runs/hosts/app-01/accept", 401, 403, 401},
		{"POST", "/chains", 401, 403, 401},
		{"POST", "/drift/look", 401, 403, 401},
		{"POST", "/api/vigie/v1/drift/look", 401, 403, 401},
		{"GET", "/logs", 401, 200, 303},
		{"GET", "/api/vigie/v1/logs", 401, 200, 401},
		{"GET", "/api/vigie/v1/logs/export", 401, 200, 401},
		{"POST", "/logs/searches", 401, 403, 401},
		{"POST", "/logs/erase", 401, 403, 401},
		{"POST", "/api/vigie/v1/logs/erase", 401, 403, 401},
	} {
		what := c.method + " " + c.path
		if status, b, err := call(c.method, h.endpoints.Console+c.path, "", nil); err != nil || status != c.nobody {
			t.Errorf("%s as nobody answers %d %s %v, want %d", what, status, tail(string(b), 200), err, c.nobody)
		}
		if status, b, err := call(c.method, h.endpoints.Console+c.path, "a-token-that-nobody-has", nil); err != nil || status != 401 {
			t.Errorf("%s with a wrong token answers %d %s %v, want 401", what, status, tail(string(b), 200), err)
		}
		if c.viewer != 0 {
			if status, b, err := call(c.method, h.endpoints.Console+c.path, viewerToken, nil); err != nil || status != c.viewer {
				t.Errorf("%s as a viewer answers %d %s %v, want %d", what, status, tail(string(b), 200), err, c.viewer)
			}
		}
		req, err := http.NewRequestWithContext(t.Context(), c.method, h.endpoints.Console+c.path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != c.none {
			t.Errorf("%s in a browser answers %d, want %d", what, resp.StatusCode, c.none)
		}
	}
	_, b, err := call("POST", h.endpoints.Console+"/servers/app-01/revoke", viewerToken, nil)
	if err != nil || !strings.Contains(string(b), "needs the role admin; you are viewer") {
		t.Errorf("the refusal does not say which role it takes: %s %v", b, err)
	}
}

// TestOneProcessAFolder starts a second hub on the folder of the first.
func TestOneProcessAFolder(t *testing.T) {
	h := startHub(t, hubOptions{})
	_, errs, status := vigie(t, "hub", "--config", h.file)
	if status != 1 || !strings.Contains(errs, "another process uses "+h.data) {
		t.Errorf("the second hub: %d %s", status, errs)
	}
	if status, _, err := call("GET", h.endpoints.Console+"/readyz", "", nil); status != http.StatusOK {
		t.Errorf("the first hub suffered: %d %v", status, err)
	}
	h.kill()
	h.restart() // a lock does not outlive its process
}

// TestAHubWithoutItsRepository restarts a hub whose operations repository is
// gone: it comes up with the last good one, and says what is wrong.
func TestAHubWithoutItsRepository(t *testing.T) {
	for name, o := range map[string]hubOptions{"git": {git: true}, "directory": {}} {
		t.Run(name, func(t *testing.T) {
			h := startHub(t, o)
			h.stop()
			if err := os.RemoveAll(h.operations); err != nil {
				t.Fatal(err)
			}
			h.restart()
			servers, err := list[map[string]any](h.demo, "/api/vigie/v1/servers")
			if err != nil || len(servers) != 3 {
				t.Errorf("the servers are %v %v, want the three of the last good commit", servers, err)
			}
			within(t, 30*time.Second, "an alert says so", func() error {
				open, err := h.openAlerts()
				if err == nil && (len(open) != 1 || !strings.HasPrefix(open[0].Labels["alertname"], "OperationsRepository")) {
					err = fmt.Errorf("open alerts are %+v", open)
				}
				return err
			})
		})
	}
}

// TestANewerStateIsRefused gives an older program a state that a newer one has
// written to.
func TestANewerStateIsRefused(t *testing.T) {
	h := startHub(t, hubOptions{})
	h.stop()
	d, err := db.Open(t.Context(), db.Config{Engine: db.SQLite, Path: filepath.Join(h.data, "state.db")}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	err = d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.NewRaw(`INSERT INTO fleet_version (version_id, is_applied) VALUES (?, ?)`, 99, true).Exec(ctx)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"hub", "--config", h.file}, {"agent", "token", "app-01", "--config", h.file}} {
		_, errs, status := vigie(t, args...)
		if status != 1 || !strings.Contains(errs, "fleet are at version 99") || !strings.Contains(errs, "a newer vigie wrote them") {
			t.Errorf("vigie %s: %d %s", args[0], status, errs)
		}
	}
}
