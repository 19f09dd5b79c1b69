package hub_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/hub"
	"github.com/vigie-ops/vigie/internal/people"
)

// placeholder is a part of a route that its callers fill in.
var placeholder = regexp.MustCompile(`\{[^}]*\}`)

// TestEveryRouteRefusesWhoMayNot asks for every page, action and interface that
// is registered as everybody who may not have it. That nothing of it is shown is
// not enough: the hub has to refuse it.
func TestEveryRouteRefusesWhoMayNot(t *testing.T) {
	c := config(t)
	token := func(r people.Role) string { return string(r) + "-token-of-the-matrix-0123456789abcdef" }
	var tokens strings.Builder
	for _, r := range people.Roles() {
		fmt.Fprintf(&tokens, "matrix-%s %s %s\n", r, r, token(r))
	}
	if err := os.WriteFile(c.Tokens, []byte(tokens.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	var routes []console.Route
	h, stop := run(t, c, func(_ *hub.Hub, c *console.Console) { routes = c.Routes() })
	defer stop()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	asked := func(method, path, token string) (status int, body string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, h.ConsoleURL()+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		req.Close = true
		resp, err := client.Do(req)
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
	refused, guarded := 0, 0
	for _, r := range routes {
		if r.Kind == console.KindOpen {
			continue
		}
		guarded++
		method, path, ok := strings.Cut(r.Pattern, " ")
		if !ok {
			method, path = http.MethodGet, r.Pattern
		}
		path = placeholder.ReplaceAllString(strings.TrimSuffix(path, "{$}"), "x")
		if status, body := asked(method, path, ""); status != http.StatusUnauthorized && (status != http.StatusSeeOther || r.Kind != console.KindPage) {
			t.Errorf("%s answers nobody with %d %.200s", r.Pattern, status, body)
		}
		if status, body := asked(method, path, "a-token-that-nobody-has-0123456789abcdef"); status != http.StatusUnauthorized {
			t.Errorf("%s answers a wrong token with %d %.200s", r.Pattern, status, body)
		}
		for _, role := range people.Roles() {
			if role.Allows(r.Role) {
				continue
			}
			refused++
			if status, body := asked(method, path, token(role)); status != http.StatusForbidden || !strings.Contains(body, "needs the role "+string(r.Role)) {
				t.Errorf("%s, which needs %s, answers a %s with %d %.200s", r.Pattern, r.Role, role, status, body)
			}
		}
	}
	if guarded < 100 || refused < 80 {
		t.Errorf("%d routes were tried, and %d refusals", guarded, refused)
	}
}
