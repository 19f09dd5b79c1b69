package fleetweb

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/ui"
)

// serverFilter is what the address asks of the list.
type serverFilter struct{ text, ring, role, state string }

func serverFilterOf(q url.Values) serverFilter {
	return serverFilter{
		text:  strings.ToLower(strings.TrimSpace(q.Get("q"))),
		ring:  q.Get("ring"),
		role:  q.Get("role"),
		state: q.Get("state"),
	}
}

// takes says whether a server in a state belongs into the list.
func (f serverFilter) takes(s fleet.Server, st state, on []fleet.Instance) bool {
	switch {
	case f.ring != "" && string(s.Ring) != f.ring,
		f.role != "" && !slices.Contains(s.Roles, f.role),
		!takesState(f.state, st):
		return false
	case f.text == "":
		return true
	}
	words := append([]string{s.Slug, s.Name, s.Address, s.Provider, s.Location}, s.Roles...)
	for _, i := range on {
		words = append(words, i.Slug)
	}
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(strings.ToLower(w), f.text) })
}

// attention stands in the filter for every state that needs somebody.
const attention = "attention"

func takesState(want string, st state) bool {
	switch want {
	case "":
		return true
	case attention:
		return st.key == stateWrong || st.key == stateSilent
	}
	return st.key == want
}

// serverRow is a line of the list.
type serverRow struct {
	slug, href, under string
	state             state
	roles             []string
	ring              string
	on                []ui.Link
	cpu               []float64
	cpuNow            string
	memory, disk      string
	heard             string
}

// serversPage is what the list shows.
type serversPage struct {
	path    string
	text    string
	selects []ui.Field
	rows    paged[serverRow]
	total   int  // of the fleet, before the filter
	asked   bool // whether a filter is set
}

func (f *face) serverList(c *console.Console) console.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		m, err := f.look(r.Context())
		if err != nil {
			return err
		}
		filter := serverFilterOf(r.URL.Query())
		all := m.fleet.Servers()
		rows := make([]serverRow, 0, len(all))
		for _, s := range all {
			st, on := m.server(s), m.fleet.InstancesOn(s.Slug)
			if filter.takes(s, st, on) {
				rows = append(rows, m.serverRow(s, st, on))
			}
		}
		slices.SortStableFunc(rows, func(a, b serverRow) int { return worstFirst(a.state, b.state, a.slug, b.slug) })
		v := serversPage{
			path:    r.URL.RequestURI(),
			text:    r.URL.Query().Get("q"),
			selects: serverSelects(filter, all),
			rows:    pageOf(rows, r.URL, "server", "servers"),
			total:   len(all),
			asked:   filter != serverFilter{},
		}
		if err := f.measure(r, v.rows.rows); err != nil {
			return err
		}
		return c.Render(w, r, console.View{Title: "Servers", Current: "/servers", Body: serversBody(v)})
	}
}

func (m moment) serverRow(s fleet.Server, st state, on []fleet.Instance) serverRow {
	row := serverRow{
		slug: s.Slug, href: "/servers/" + s.Slug, under: s.Address,
		state: st, roles: s.Roles, ring: string(s.Ring),
		cpuNow: "–", memory: "–", disk: "–",
		heard: m.heardWords(s),
	}
	if s.Name != s.Slug {
		row.under = s.Name + " · " + s.Address
	}
	for _, i := range on {
		row.on = append(row.on, ui.Link{Text: i.Slug, Href: "/instances/" + i.Slug})
	}
	return row
}

// measure fills in the figures of the lines that are shown.
func (f *face) measure(r *http.Request, rows []serverRow) error {
	if f.o.Figures == nil || len(rows) == 0 {
		return nil
	}
	slugs := make([]string, len(rows))
	for i, row := range rows {
		slugs[i] = row.slug
	}
	figures, err := f.o.Figures.Servers(r.Context(), slugs)
	if err != nil {
		return fmt.Errorf("read the figures of servers: %w", err)
	}
	for i := range rows {
		fig, ok := figures[rows[i].slug]
		if !ok {
			continue
		}
		rows[i].cpu = fig.CPU
		rows[i].cpuNow = percentWords(last(fig.CPU))
		rows[i].memory = percentWords(fig.Memory)
		rows[i].disk = percentWords(fig.Disk)
	}
	return nil
}

// serverSelects offers what the fleet has: a choice that finds nothing is none.
func serverSelects(f serverFilter, all []fleet.Server) []ui.Field {
	rings, roles := map[string]bool{}, map[string]bool{}
	for _, s := range all {
		rings[string(s.Ring)] = true
		for _, role := range s.Roles {
			roles[role] = true
		}
	}
	return []ui.Field{
		{Name: "state", Label: "State", Value: f.state, Options: []ui.Option{
			{Value: "", Label: "any state"},
			{Value: attention, Label: "needs somebody"},
			{Value: stateWrong, Label: "an alert is open"},
			{Value: stateSilent, Label: "not heard any more"},
			{Value: stateWaiting, Label: "waiting for its agent"},
			{Value: stateWell, Label: "well"},
			{Value: stateAppliance, Label: "appliance, well"},
		}},
		{Name: "ring", Label: "Ring", Value: f.ring, Options: choices("any ring", rings)},
		{Name: "role", Label: "Role", Value: f.role, Options: choices("any role", roles)},
	}
}

// choices lists what is there, by name, after the word for all of it.
func choices(anything string, there map[string]bool) []ui.Option {
	out := []ui.Option{{Value: "", Label: anything}}
	for name := range there {
		if name != "" {
			out = append(out, ui.Option{Value: name, Label: name})
		}
	}
	slices.SortFunc(out[1:], func(a, b ui.Option) int { return cmp.Compare(a.Value, b.Value) })
	return out
}

func serverColumns(instances bool) []ui.Column {
	out := []ui.Column{{Text: "Server"}, {Text: "State"}, {Text: "Roles", Wide: true}}
	if instances {
		out = append(out, ui.Column{Text: "Instances", Wide: true})
	}
	return append(out,
		ui.Column{Text: "CPU, last hour", Wide: true},
		ui.Column{Text: "Memory", Numeric: true, Wide: true},
		ui.Column{Text: "Disk", Numeric: true, Wide: true},
		ui.Column{Text: "Heard", Numeric: true})
}
