package fleetweb

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/signal"
	"github.com/vigie-ops/vigie/internal/ui"
)

// clientRow is a line of the list.
type clientRow struct {
	name, href, slug string
	state            state
	manager          string
	language, there  string
	instances        string
}

// clientsPage is what the list shows.
type clientsPage struct {
	path, text string
	rows       paged[clientRow]
	total      int
}

func (f *face) clientList(c *console.Console) console.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		m, err := f.look(r.Context())
		if err != nil {
			return err
		}
		text := strings.ToLower(strings.TrimSpace(r.URL.Query().Get("q")))
		all := m.fleet.Clients()
		var rows []clientRow
		for _, cl := range all {
			row := f.clientRow(m, cl)
			if text == "" || slices.ContainsFunc([]string{cl.Slug, cl.Name, row.manager}, func(s string) bool {
				return strings.Contains(strings.ToLower(s), text)
			}) {
				rows = append(rows, row)
			}
		}
		slices.SortStableFunc(rows, func(a, b clientRow) int { return worstFirst(a.state, b.state, a.slug, b.slug) })
		v := clientsPage{path: r.URL.RequestURI(), text: r.URL.Query().Get("q"), rows: pageOf(rows, r.URL, "client", "clients"), total: len(all)}
		return c.Render(w, r, console.View{Title: "Clients", Current: "/clients", Body: clientsBody(v)})
	}
}

func (f *face) clientRow(m moment, cl fleet.Client) clientRow {
	st, words := m.clientState(cl.Slug)
	return clientRow{
		name: cl.Name, href: "/clients/" + cl.Slug, slug: cl.Slug, state: st,
		manager: f.person(cl.AccountManager), language: cl.Language,
		there: m.clock(cl), instances: words,
	}
}

// clientState is that of the client's worst instance, and how many are well.
func (m moment) clientState(slug string) (state, string) {
	instances := m.fleet.InstancesOf(slug)
	if len(instances) == 0 {
		return state{stateWell, ui.Quiet, "no instance"}, "–"
	}
	worst, well := state{stateWell, ui.OK, "well"}, 0
	for _, i := range instances {
		st := m.instance(i)
		if st.well() {
			well++
		}
		if st.urgency() < worst.urgency() {
			worst = state{st.key, st.kind, i.Slug + ": " + st.words}
		}
	}
	return worst, fmt.Sprintf("%d of %d well", well, len(instances))
}

// clock says what time it is at the client's place.
func (m moment) clock(cl fleet.Client) string {
	name := cl.Timezone
	if name == "" {
		name = m.fleet.Company().Timezone
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "" {
		return name
	}
	return m.now.In(zone).Format("15:04") + " in " + name
}

// person returns the name of a person of the company, or the slug.
func (f *face) person(slug string) string {
	if f.o.People != nil {
		if p, ok := f.o.People().Person(slug); ok {
			return p.Name
		}
	}
	return slug
}

// clientPage is what the page of a client shows.
type clientPage struct {
	slug, path string
	heading    ui.Heading
	facts      []ui.Fact
	manager    string
	instances  []instanceRow
	address    *url.URL
	main       []templ.Component
}

func (f *face) client(c *console.Console) console.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		m, err := f.look(r.Context())
		if err != nil {
			return err
		}
		cl, ok := m.fleet.Client(r.PathValue("slug"))
		if !ok {
			return console.NotFound("The operations repository has no client of this name. It may have been taken out; its past stays with its issues.")
		}
		st, words := m.clientState(cl.Slug)
		v := clientPage{
			slug: cl.Slug, path: r.URL.RequestURI(), address: r.URL,
			heading:   ui.Heading{Title: cl.Name, Kind: st.kind, State: st.words, Note: words},
			manager:   f.person(cl.AccountManager),
			facts:     m.clientFacts(cl),
			instances: m.instanceRows(m.fleet.InstancesOf(cl.Slug), instanceFilter{}),
			main: c.Panels(r.Context(), console.ClientMain, console.About{
				Subject: signal.Subject{Kind: signal.Client, Slug: cl.Slug},
				Range:   ui.ParseRange(r.URL.Query(), m.now, "30d"),
			}),
		}
		if err := f.perform(r.Context(), v.instances); err != nil {
			return err
		}
		return c.Render(w, r, console.View{
			Title: cl.Name, Crumbs: []ui.Link{{Text: "Clients", Href: "/clients"}}, Current: "/clients",
			Body: clientBody(v),
		})
	}
}

func (m moment) clientFacts(cl fleet.Client) []ui.Fact {
	out := []ui.Fact{{Name: "Slug", Value: cl.Slug, Mono: true}}
	if cl.Language != "" {
		out = append(out, ui.Fact{Name: "Language", Value: cl.Language})
	}
	if there := m.clock(cl); there != "" {
		out = append(out, ui.Fact{Name: "Time there", Value: there})
	}
	for _, p := range m.fleet.ProjectsOf(cl.Slug) {
		out = append(out, ui.Fact{Name: "Project", Value: p.Name})
	}
	return append(out, declared(cl.Pos))
}
