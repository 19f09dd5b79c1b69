package metricsweb_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/vigie-ops/vigie/internal/people"
)

func (h *house) explore(expr string) string {
	h.t.Helper()
	code, body := h.do(people.Viewer, http.MethodGet, "/metrics?"+url.Values{"expr": {expr}, "range": {"1h"}}.Encode(), "")
	if code != http.StatusOK {
		h.t.Fatalf("got %d, want 200\n%s", code, body)
	}
	return body
}

func TestAnyQuestionGetsAChartAndATable(t *testing.T) {
	h := newHouse(t, nil)
	h.every(1, "node_load1", fixed(2.5), "ring", "staging")
	wants(t, h.explore(`node_load1 * 2`), "1 series", "app-01", "staging", "<svg", ">5</td>", "/metrics?expr=node_load1")
	wants(t, h.explore(`node_load9`), "Nothing answers")
}

func TestAWrongQuestionShowsThePlace(t *testing.T) {
	h := newHouse(t, nil)
	wants(t, h.explore("sum(rate(x[5m]) by (job"), "at character", "^")
	wants(t, h.explore("rate(node_load1)"), "expected type range vector", "at character 6", "     ^")
}

func TestWhatTheEngineRefusesIsSaidInItsWords(t *testing.T) {
	h := newHouse(t, nil)
	h.every(1, "a", fixed(1), "x", "1")
	h.every(1, "a", fixed(1), "x", "2")
	h.every(1, "b", fixed(1), "x", "1")
	h.every(1, "b", fixed(1), "x", "2")
	wants(t, h.explore(`a * on (server) b`), "many-to-many matching not allowed")
}

func TestLabelsOfOutsidersStayText(t *testing.T) {
	h := newHouse(t, nil)
	const evil = `"><script>alert(1)</script>`
	h.every(1, "evil", fixed(1), "name", evil, "other", "1")
	h.every(1, "evil", fixed(2), "name", evil+"2", "other", "1")
	for _, expr := range []string{"evil", `evil{name="` + "<script>alert(2)</script>" + `"}`, "<script>alert(3)</script>"} {
		if body := h.explore(expr); strings.Contains(body, "<script>alert") {
			t.Errorf("%s: a script came through\n%s", expr, body)
		}
	}
}

func TestWithoutAQuestionThePageOffersSome(t *testing.T) {
	h := newHouse(t, nil)
	_, body := h.do(people.Viewer, http.MethodGet, "/metrics", "")
	wants(t, body, "To begin with", "The fullest file systems")
}

func TestWhoMayAskAndWrite(t *testing.T) {
	h := newHouse(t, nil)
	h.every(1, "node_load1", fixed(1))
	for _, c := range []struct {
		role         people.Role
		method, path string
		want         int
	}{
		{"", "GET", "/api/v1/query?query=1", http.StatusUnauthorized},
		{people.Viewer, "GET", "/api/v1/query?query=1", http.StatusOK},
		{people.Viewer, "GET", "/api/v1/label/server/values", http.StatusOK},
		{people.Viewer, "GET", "/api/v1/status/buildinfo", http.StatusOK},
		{people.Viewer, "POST", "/api/v1/query", http.StatusOK},
		{people.Viewer, "POST", "/api/v1/write", http.StatusForbidden},
		{people.Responder, "POST", "/api/v1/write", http.StatusForbidden},
		{people.Operator, "POST", "/api/v1/write", http.StatusUnsupportedMediaType},
		{people.Admin, "POST", "/api/v1/admin/tsdb/delete_series", http.StatusMethodNotAllowed},
		{people.Admin, "DELETE", "/api/v1/series", http.StatusMethodNotAllowed},
	} {
		body := ""
		if c.method == "POST" {
			body = "query=1"
		}
		if got, answer := h.do(c.role, c.method, c.path, body); got != c.want {
			t.Errorf("%s %s %s: got %d, want %d\n%s", c.role, c.method, c.path, got, c.want, answer)
		}
	}
}
