package console

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/vigie-ops/vigie/internal/people"
)

// Hit is a place that somebody may want to go to.
type Hit struct {
	Group string `json:"group"` // Pages, Servers, Issues, …
	Text  string `json:"text"`
	Under string `json:"under"` // what tells it from others of the name; may be empty
	Href  string `json:"href"`
	Last  bool   `json:"-"` // it comes behind all that is found by its name
}

// Finder finds places whose name holds some words, the best first.
type Finder func(ctx context.Context, words string, limit int) ([]Hit, error)

// Finder adds a room's places to what can be jumped to, for who has the role.
func (c *Console) Finder(role people.Role, f Finder) {
	c.finders = append(c.finders, finder{role, f})
}

type finder struct {
	role people.Role
	find Finder
}

// Bounds of what is asked and answered.
const (
	longestFind = 200
	hitsEach    = 6
)

// found answers with what can be jumped to: pages, then what the rooms find.
func (c *Console) found(w http.ResponseWriter, r *http.Request) error {
	words := strings.TrimSpace(r.URL.Query().Get("q"))
	if len(words) > longestFind {
		return Invalid("q: fewer words, please.")
	}
	actor := Actor(r)
	hits := c.pages(actor, words)
	if words != "" {
		for _, f := range c.finders {
			if !actor.Role.Allows(f.role) {
				continue
			}
			some, err := f.find(r.Context(), words, hitsEach)
			if err != nil {
				return err
			}
			hits = append(hits, some[:min(len(some), hitsEach)]...)
		}
	}
	slices.SortStableFunc(hits, func(a, b Hit) int {
		switch {
		case a.Last == b.Last:
			return 0
		case a.Last:
			return 1
		}
		return -1
	})
	return WriteItems(w, hits, "")
}

// pages are those of the navigation.
func (c *Console) pages(actor people.Actor, words string) []Hit {
	var first, rest []Hit
	low := strings.ToLower(words)
	for _, e := range c.nav {
		if !actor.Role.Allows(e.Role) {
			continue
		}
		hit := Hit{Group: "Pages", Text: e.Text, Under: e.Group, Href: e.Href}
		switch text := strings.ToLower(e.Text); {
		case strings.HasPrefix(text, low):
			first = append(first, hit)
		case strings.Contains(text, low):
			rest = append(rest, hit)
		}
	}
	return append(first, rest...)
}

// Query is an address with one parameter.
func Query(path, name, value string) string {
	return path + "?" + url.Values{name: {value}}.Encode()
}
