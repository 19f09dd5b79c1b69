package fleetweb

import (
	"net/http"
	"net/url"

	"github.com/a-h/templ"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/signal"
	"github.com/vigie-ops/vigie/internal/ui"
)

// instancePage is what the page of an instance shows.
type instancePage struct {
	slug, path      string
	address         *url.URL
	shown           ui.Range
	heading         ui.Heading
	facts           []ui.Fact
	urls            []string
	components      []fleet.Component
	servers         []serverRow
	top, main, half []templ.Component
}

func (f *face) instance(c *console.Console) console.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		m, err := f.look(r.Context())
		if err != nil {
			return err
		}
		i, ok := m.fleet.Instance(r.PathValue("slug"))
		if !ok {
			return console.NotFound("The operations repository has no instance of this name. It may have been taken out; its past stays with its issues.")
		}
		about := console.About{
			Subject: signal.Subject{Kind: signal.Instance, Slug: i.Slug},
			Range:   ui.ParseRange(r.URL.Query(), m.now, "4h"),
		}
		st := m.instance(i)
		v := instancePage{
			slug: i.Slug, path: r.URL.RequestURI(), address: r.URL, shown: about.Range,
			heading: ui.Heading{Title: i.Slug, Kind: st.kind, State: st.words, Note: i.Name, Tags: []ui.Link{
				{Text: i.Environment, Href: "/instances?environment=" + url.QueryEscape(i.Environment)},
				{Text: i.Client, Href: "/clients/" + i.Client},
			}},
			facts: m.instanceFacts(i),
			urls:  i.URLs, components: i.Components,
			top:  c.Panels(r.Context(), console.InstanceTop, about),
			main: c.Panels(r.Context(), console.InstanceMain, about),
			half: c.Panels(r.Context(), console.InstanceHalf, about),
		}
		for _, s := range m.fleet.ServersOf(i.Slug) {
			v.servers = append(v.servers, m.serverRow(s, m.server(s), nil))
		}
		if err := f.measure(r, v.servers); err != nil {
			return err
		}
		return c.Render(w, r, console.View{
			Title: i.Slug, Crumbs: []ui.Link{{Text: "Instances", Href: "/instances"}}, Current: "/instances",
			Body: instanceBody(v),
		})
	}
}

func (m moment) instanceFacts(i fleet.Instance) []ui.Fact {
	out := []ui.Fact{{Name: "Client", Value: i.Client, Href: "/clients/" + i.Client}}
	if cl, ok := m.fleet.Client(i.Client); ok {
		out[0].Value = cl.Name
	}
	if p, ok := m.fleet.Project(i.Project); ok {
		out = append(out, ui.Fact{Name: "Project", Value: p.Name})
	}
	return append(out,
		ui.Fact{Name: "Environment", Value: i.Environment},
		ui.Fact{Name: "Runs on", Value: ui.Count(len(i.Servers), "server", "servers")},
		declared(i.Pos))
}
