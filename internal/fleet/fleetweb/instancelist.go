package fleetweb

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/ui"
)

// instanceFilter is what the address asks of the list.
type instanceFilter struct{ text, client, environment, state string }

func instanceFilterOf(q url.Values) instanceFilter {
	return instanceFilter{
		text:        strings.ToLower(strings.TrimSpace(q.Get("q"))),
		client:      q.Get("client"),
		environment: q.Get("environment"),
		state:       q.Get("state"),
	}
}

// takes says whether an instance in a state belongs into the list.
func (f instanceFilter) takes(i fleet.Instance, client string, st state) bool {
	switch {
	case f.client != "" && i.Client != f.client,
		f.environment != "" && i.Environment != f.environment,
		!takesState(f.state, st):
		return false
	case f.text == "":
		return true
	}
	words := slices.Concat([]string{i.Slug, i.Name, client, i.Project}, i.Servers, i.URLs)
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(strings.ToLower(w), f.text) })
}

// instanceRow is a line of a list of instances.
type instanceRow struct {
	slug, href, client string
	state              state
	environment        string
	servers            []ui.Link
	seconds            []float64
	p95                string
	uptime, uptimeOf   string
	days               []ui.Day
}

// instancesPage is what the list shows.
type instancesPage struct {
	path, text string
	selects    []ui.Field
	rows       paged[instanceRow]
	total      int
	asked      bool
}

func (f *face) instanceList(c *console.Console) console.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		m, err := f.look(r.Context())
		if err != nil {
			return err
		}
		filter := instanceFilterOf(r.URL.Query())
		all := m.fleet.Instances()
		rows := m.instanceRows(all, filter)
		v := instancesPage{
			path: r.URL.RequestURI(), text: r.URL.Query().Get("q"),
			selects: instanceSelects(filter, all),
			rows:    pageOf(rows, r.URL, "instance", "instances"),
			total:   len(all), asked: filter != instanceFilter{},
		}
		if err := f.perform(r.Context(), v.rows.rows); err != nil {
			return err
		}
		return c.Render(w, r, console.View{Title: "Instances", Current: "/instances", Body: instancesBody(v)})
	}
}

// instanceRows are those the filter takes, worst first.
func (m moment) instanceRows(all []fleet.Instance, filter instanceFilter) []instanceRow {
	var rows []instanceRow
	for _, i := range all {
		client := i.Client
		if cl, ok := m.fleet.Client(i.Client); ok {
			client = cl.Name
		}
		st := m.instance(i)
		if !filter.takes(i, client, st) {
			continue
		}
		row := instanceRow{
			slug: i.Slug, href: "/instances/" + i.Slug, client: client,
			state: st, environment: i.Environment, p95: "–", uptime: "–",
		}
		for _, s := range i.Servers {
			row.servers = append(row.servers, ui.Link{Text: s, Href: "/servers/" + s})
		}
		rows = append(rows, row)
	}
	slices.SortStableFunc(rows, func(a, b instanceRow) int { return worstFirst(a.state, b.state, a.slug, b.slug) })
	return rows
}

// perform fills in how the instances that are shown perform.
func (f *face) perform(ctx context.Context, rows []instanceRow) error {
	if len(rows) == 0 {
		return nil
	}
	slugs := make([]string, len(rows))
	for i, row := range rows {
		slugs[i] = row.slug
	}
	if f.o.Response != nil {
		found, err := f.o.Response.Response(ctx, slugs)
		if err != nil {
			return fmt.Errorf("read how fast instances answer: %w", err)
		}
		for i := range rows {
			if a, ok := found[rows[i].slug]; ok {
				rows[i].seconds, rows[i].p95 = a.Seconds, secondsWords(a.P95)
			}
		}
	}
	if f.o.Uptime != nil {
		found, err := f.o.Uptime.Uptime(ctx, slugs)
		if err != nil {
			return fmt.Errorf("read how long instances were up: %w", err)
		}
		for i := range rows {
			if a, ok := found[rows[i].slug]; ok {
				rows[i].days = a.Days
				rows[i].uptime, rows[i].uptimeOf = a.words()
			}
		}
	}
	return nil
}

func instanceSelects(f instanceFilter, all []fleet.Instance) []ui.Field {
	clients, environments := map[string]bool{}, map[string]bool{}
	for _, i := range all {
		clients[i.Client] = true
		environments[i.Environment] = true
	}
	return []ui.Field{
		{Name: "state", Label: "State", Value: f.state, Options: []ui.Option{
			{Value: "", Label: "any state"},
			{Value: attention, Label: "needs somebody"},
			{Value: stateWell, Label: "well"},
		}},
		{Name: "client", Label: "Client", Value: f.client, Options: choices("any client", clients)},
		{Name: "environment", Label: "Environment", Value: f.environment, Options: choices("any environment", environments)},
	}
}
