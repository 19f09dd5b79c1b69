package hub_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers/legacy"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/hub"
)

// TestTheAPIIsAsItIsDescribed reads the description that the hub serves, and
// holds what the hub answers against it.
func TestTheAPIIsAsItIsDescribed(t *testing.T) {
	var routes []console.Route
	h, stop := run(t, config(t), func(_ *hub.Hub, c *console.Console) { routes = c.Routes() })
	defer stop()
	const viewer = "view-token-0123456789abcdef0123456789"
	status, body := get(t, h, "/api/vigie/v1/openapi.json", viewer)
	if status != http.StatusOK {
		t.Fatalf("the description answers %d %.300s", status, body)
	}
	doc, err := openapi3.NewLoader().LoadFromData([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	router, err := legacy.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	described, answered := 0, 0
	for _, r := range routes {
		method, path, _ := strings.Cut(r.Pattern, " ")
		if !strings.HasPrefix(path, console.APIPrefix+"/") {
			continue
		}
		described++
		item := doc.Paths.Value(path)
		if item == nil || item.GetOperation(method) == nil {
			t.Errorf("%s is not described", r.Pattern)
			continue
		}
		if op := item.GetOperation(method); method != http.MethodGet && op.RequestBody == nil && method != http.MethodDelete &&
			!strings.HasSuffix(path, "/take") && !strings.HasSuffix(path, "/look") {
			t.Errorf("%s does not say what it takes", r.Pattern)
		}
		if method != http.MethodGet || strings.Contains(path, "{") || strings.HasSuffix(path, "/tail") || r.Role != "viewer" {
			continue
		}
		status, body := get(t, h, path, viewer)
		req, err := http.NewRequestWithContext(t.Context(), method, path, nil)
		if err != nil {
			t.Fatal(err)
		}
		route, params, err := router.FindRoute(req)
		if err != nil {
			t.Fatalf("%s: %v", r.Pattern, err)
		}
		if r.Doc.Answer == nil {
			continue
		}
		answered++
		in := &openapi3filter.ResponseValidationInput{
			RequestValidationInput: &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route},
			Status:                 status, Header: http.Header{"Content-Type": {"application/json"}},
		}
		in.SetBodyBytes([]byte(body))
		if err := openapi3filter.ValidateResponse(t.Context(), in); err != nil {
			t.Errorf("%s answers something else than it is described: %v\n%.500s", r.Pattern, err, body)
		}
		if !json.Valid([]byte(body)) {
			t.Errorf("%s answers no JSON", r.Pattern)
		}
	}
	if described < 30 || answered < 10 {
		t.Errorf("%d interfaces are described, and %d answered", described, answered)
	}
}
