package console_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/people"
)

func TestWhatCanBeJumpedToIsWhatOneMaySee(t *testing.T) {
	c := newConsole()
	c.Nav(console.NavEntry{Text: "Servers", Group: "Fleet", Href: "/servers", Role: people.Viewer}, console.NavEntry{Text: "Audit of servers", Href: "/audit", Role: people.Admin})
	c.Finder(people.Viewer, func(_ context.Context, words string, limit int) ([]console.Hit, error) {
		var all []console.Hit
		for range limit + 3 {
			all = append(all, console.Hit{Group: "Servers", Text: words + "-01", Href: "/servers/x"})
		}
		return all, nil
	})
	c.Finder(people.Admin, func(context.Context, string, int) ([]console.Hit, error) {
		return []console.Hit{{Text: "secret"}}, nil
	})
	find := func(role, q string) (status int, texts []string) {
		t.Helper()
		headers := []string{"X-Role", role}
		if role == "" {
			headers = nil
		}
		w := ask(c, http.MethodGet, "/find?q="+q, headers...)
		var page console.Items[console.Hit]
		if w.Code == http.StatusOK && json.Unmarshal(w.Body.Bytes(), &page) != nil {
			t.Fatalf("%s", w.Body)
		}
		for _, h := range page.Items {
			texts = append(texts, h.Text)
		}
		return w.Code, texts
	}
	if status, got := find("viewer", "serv"); status != 200 || len(got) != 7 || got[0] != "Servers" || got[1] != "serv-01" {
		t.Errorf("a viewer finds %d %v", status, got)
	}
	if _, got := find("admin", "serv"); len(got) != 9 || got[1] != "Audit of servers" || got[8] != "secret" {
		t.Errorf("an admin finds %v", got)
	}
	if _, got := find("viewer", ""); len(got) != 1 {
		t.Errorf("without words, a viewer finds %v", got)
	}
	if status, _ := find("", "serv"); status != http.StatusUnauthorized {
		t.Errorf("nobody finds something: %d", status)
	}
	if status, _ := find("viewer", strings.Repeat("x", 300)); status != http.StatusUnprocessableEntity {
		t.Errorf("very many words: %d", status)
	}
}
