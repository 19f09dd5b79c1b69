package kit_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/vigie-ops/vigie/internal/ui"
	"github.com/vigie-ops/vigie/internal/ui/kit"
)

func get(t *testing.T, path, fragment string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set(ui.FragmentHeader, fragment)
	w := httptest.NewRecorder()
	kit.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return w.Result()
}

func parse(t *testing.T, r *http.Response) *html.Node {
	t.Helper()
	defer r.Body.Close()
	root, err := html.Parse(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func TestNothingInlineThatThePolicyForbids(t *testing.T) {
	for _, path := range []string{"/dev/kit", "/dev/kit?plain"} {
		for n := range parse(t, get(t, path, "")).Descendants() {
			if n.Type != html.ElementNode {
				continue
			}
			if n.Data == "style" || n.Data == "script" && (attr(n, "src") == "" || n.FirstChild != nil) {
				t.Errorf("%s: inline <%s>", path, n.Data)
			}
			for _, a := range n.Attr {
				if a.Key == "style" || strings.HasPrefix(a.Key, "on") || strings.HasPrefix(strings.TrimSpace(a.Val), "javascript:") {
					t.Errorf("%s: <%s %s=%q>", path, n.Data, a.Key, a.Val)
				}
			}
		}
	}
}

func TestEveryControlHasAName(t *testing.T) {
	root := parse(t, get(t, "/dev/kit", ""))
	labels, ids := map[string]bool{}, []string{}
	for n := range root.Descendants() {
		if n.Data == "label" {
			labels[attr(n, "for")] = true
		}
		if id := attr(n, "id"); id != "" {
			if slices.Contains(ids, id) && !strings.HasPrefix(id, "field-") {
				t.Errorf("id %q is there twice", id)
			}
			ids = append(ids, id)
		}
	}
	for n := range root.Descendants() {
		switch {
		case n.Type != html.ElementNode:
		case n.Data == "input" && (attr(n, "type") == "hidden" || n.Parent.Data == "label"):
		case n.Data == "input" || n.Data == "select" || n.Data == "textarea":
			if attr(n, "aria-label") == "" && !labels[attr(n, "id")] {
				t.Errorf("<%s name=%q> has no label", n.Data, attr(n, "name"))
			}
		case n.Data == "svg" && attr(n, "role") == "img" && attr(n, "aria-label") == "":
			t.Error("a drawing has no name")
		case n.Data == "form" && attr(n, "method") == "post":
			if token := n.FirstChild; token == nil || attr(token, "name") != ui.CSRFField || attr(token, "value") == "" {
				t.Errorf("the form to %s has no token", attr(n, "action"))
			}
		}
	}
}

func TestFragmentIsThePartAlone(t *testing.T) {
	r := get(t, "/dev/kit", "kit-table")
	if got := r.Header.Get("Content-Security-Policy"); got != ui.ContentSecurityPolicy {
		t.Errorf("policy %q", got)
	}
	root := parse(t, r)
	var seen []string
	for n := range root.Descendants() {
		if id := attr(n, "id"); id != "" {
			seen = append(seen, id)
		}
	}
	if len(seen) != 1 || seen[0] != "kit-table" {
		t.Errorf("got elements %v, want only kit-table", seen)
	}
}
