package fleetweb_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/fleet/fleetweb"
	"github.com/vigie-ops/vigie/internal/signal"
)

type answer struct {
	Items []map[string]any `json:"items"`
	Next  *string          `json:"next"`
}

func (h *house) items(path string) answer {
	h.t.Helper()
	var a answer
	if err := json.Unmarshal([]byte(h.page(path)), &a); err != nil {
		h.t.Fatal(err)
	}
	return a
}

func TestTheAPIKeepsItsFields(t *testing.T) {
	h := newHouse(t, small, nil)
	h.heard("app-01", 5*time.Second)
	h.wrong = []fleetweb.Wrong{{Instances: []string{"shop"}, Severity: signal.Warning, Words: "slow"}}
	for path, want := range map[string]map[string]any{
		"/api/vigie/v1/servers?limit=1": {
			"slug": "app-01", "name": "app-01", "address": "192.0.2.1", "roles": []any{"app"}, "ring": "production", "provider": "Scaleway", "location": "",
			"appliance": false, "state": "well", "state_words": "well", "heard_at": h.now.Add(-5 * time.Second).Format(time.RFC3339), "agent": "0.4.2", "instances": []any{"shop"},
		},
		"/api/vigie/v1/instances?cursor=portal": {
			"slug": "shop", "name": "Shop", "client": "borealis", "project": "shop", "environment": "production", "servers": []any{"app-01"},
			"components": []any{map[string]any{"slug": "api", "name": "API"}}, "urls": []any{"https://shop.example"}, "state": "wrong", "state_words": "slow",
		},
		"/api/vigie/v1/clients?limit=1": {
			"slug": "borealis", "name": "Borealis SA", "account_manager": "nadia", "language": "fr", "timezone": "Europe/Zurich", "instances": []any{"portal", "shop"},
		},
	} {
		a := h.items(path)
		if len(a.Items) != 1 {
			t.Errorf("%s: got %d items, want 1", path, len(a.Items))
			continue
		}
		if diff := cmp.Diff(want, a.Items[0]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
}

func TestTheAPIIsReadPageByPage(t *testing.T) {
	h := newHouse(t, small, nil)
	var slugs []string
	path := "/api/vigie/v1/servers?limit=2"
	for range 5 {
		a := h.items(path)
		for _, item := range a.Items {
			slugs = append(slugs, item["slug"].(string))
		}
		if a.Next == nil {
			break
		}
		path = "/api/vigie/v1/servers?limit=2&cursor=" + *a.Next
	}
	if diff := cmp.Diff([]string{"app-01", "app-02", "fw-01"}, slugs); diff != "" {
		t.Errorf("servers (-want +got):\n%s", diff)
	}
}
