package fleetweb

import (
	"context"
	"slices"
	"strings"

	"github.com/vigie-ops/vigie/internal/console"
)

// find finds servers, instances and clients by their names.
func (f *face) find(_ context.Context, words string, limit int) ([]console.Hit, error) {
	current := f.o.Fleet.Current()
	var servers, instances, clients []console.Hit
	for _, s := range current.Servers() {
		if holds(words, s.Slug, s.Name, s.Address) {
			servers = append(servers, console.Hit{Group: "Servers", Text: s.Slug, Under: s.Address, Href: "/servers/" + s.Slug})
		}
	}
	for _, i := range current.Instances() {
		if holds(words, append([]string{i.Slug, i.Name}, i.URLs...)...) {
			instances = append(instances, console.Hit{Group: "Instances", Text: i.Name, Under: i.Slug, Href: "/instances/" + i.Slug})
		}
	}
	for _, c := range current.Clients() {
		if holds(words, c.Slug, c.Name) {
			clients = append(clients, console.Hit{Group: "Clients", Text: c.Name, Under: c.Slug, Href: "/clients/" + c.Slug})
		}
	}
	// Each has its share, so that many servers hide no instance.
	share := max(2, limit/3)
	var all []console.Hit
	for _, some := range [][]console.Hit{servers, instances, clients} {
		slices.SortStableFunc(some, func(a, b console.Hit) int { return begins(words, b) - begins(words, a) })
		all = append(all, some[:min(len(some), share)]...)
	}
	return all, nil
}

func holds(words string, names ...string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.Contains(strings.ToLower(n), strings.ToLower(words)) })
}

// begins is 1 where a name begins with the words.
func begins(words string, h console.Hit) int {
	low := strings.ToLower(words)
	if strings.HasPrefix(strings.ToLower(h.Text), low) || strings.HasPrefix(strings.ToLower(h.Under), low) {
		return 1
	}
	return 0
}
