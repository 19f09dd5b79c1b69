package fleetweb

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/people"
)

func (f *face) registerAPI(c *console.Console) {
	get := func(path string, h console.Handler, d console.Doc) {
		c.API("GET "+console.APIPrefix+path, people.Viewer, h, d)
	}
	text := console.Any("q", "part of a name, an address or the like")
	get("/servers", f.serversAPI, console.Doc{Summary: "Servers, by their slugs", Answer: console.Items[serverJSON]{}, Query: console.Paged(
		text, console.One("state", "", serverStates...), console.Any("ring", ""), console.Any("role", ""), console.Any("instance", ""), console.Any("client", ""))})
	get("/servers/{slug}", f.serverAPI, console.Doc{Summary: "A server", Answer: serverJSON{}})
	get("/instances", f.instancesAPI, console.Doc{Summary: "Instances, by their slugs", Answer: console.Items[instanceJSON]{}, Query: console.Paged(
		text, console.One("state", "", instanceStates...), console.Any("client", ""), console.Any("environment", ""), console.Any("server", ""))})
	get("/instances/{slug}", f.instanceAPI, console.Doc{Summary: "An instance", Answer: instanceJSON{}})
	get("/clients", f.clientsAPI, console.Doc{Summary: "Clients, by their slugs", Answer: console.Items[clientJSON]{}, Query: console.Paged(text)})
	get("/clients/{slug}", f.clientAPI, console.Doc{Summary: "A client", Answer: clientJSON{}})
}

// The states that filters know.
var (
	serverStates   = []string{stateWrong, stateSilent, stateWell, stateWaiting, stateAppliance, attention}
	instanceStates = []string{stateWrong, stateWell, attention}
)

// The forms of the API. A field that is here stays here.

type serverJSON struct {
	Slug            string     `json:"slug"`
	Name            string     `json:"name"`
	Address         string     `json:"address"`
	Roles           []string   `json:"roles"`
	Ring            string     `json:"ring"`
	Provider        string     `json:"provider"`
	Location        string     `json:"location"`
	Appliance       bool       `json:"appliance"`
	DeclaredVersion string     `json:"declared_version,omitempty"`
	State           string     `json:"state"` // wrong, silent, well, waiting or appliance
	StateWords      string     `json:"state_words"`
	HeardAt         *time.Time `json:"heard_at"` // null: never
	Agent           string     `json:"agent,omitempty"`
	Instances       []string   `json:"instances"`
}

type instanceJSON struct {
	Slug        string          `json:"slug"`
	Name        string          `json:"name"`
	Client      string          `json:"client"`
	Project     string          `json:"project"`
	Environment string          `json:"environment"`
	Servers     []string        `json:"servers"`
	Components  []componentJSON `json:"components"`
	URLs        []string        `json:"urls"`
	State       string          `json:"state"` // wrong or well
	StateWords  string          `json:"state_words"`
}

type componentJSON struct {
	Slug string `json:"slug"`
	Name string `json:"name"`
}

type clientJSON struct {
	Slug           string   `json:"slug"`
	Name           string   `json:"name"`
	AccountManager string   `json:"account_manager"`
	Language       string   `json:"language"`
	Timezone       string   `json:"timezone"`
	Instances      []string `json:"instances"`
}

func (f *face) serversAPI(w http.ResponseWriter, r *http.Request) error {
	cursor, limit, err := console.PageOf(r)
	if err != nil {
		return err
	}
	if _, err := console.OneOf(r, "state", serverStates...); err != nil {
		return err
	}
	m, err := f.look(r.Context())
	if err != nil {
		return err
	}
	q := r.URL.Query()
	filter, instance, client := serverFilterOf(q), q.Get("instance"), q.Get("client")
	all := slices.DeleteFunc(m.fleet.Servers(), func(s fleet.Server) bool {
		on := m.fleet.InstancesOn(s.Slug)
		return !filter.takes(s, m.server(s), on) ||
			instance != "" && !slices.ContainsFunc(on, func(i fleet.Instance) bool { return i.Slug == instance }) ||
			client != "" && !slices.ContainsFunc(on, func(i fleet.Instance) bool { return i.Client == client })
	})
	page, next := console.Cut(all, func(s fleet.Server) string { return s.Slug }, cursor, limit)
	items := make([]serverJSON, len(page))
	for i, s := range page {
		items[i] = m.serverJSON(s)
	}
	return console.WriteItems(w, items, next)
}

func (f *face) serverAPI(w http.ResponseWriter, r *http.Request) error {
	m, err := f.look(r.Context())
	if err != nil {
		return err
	}
	s, ok := m.fleet.Server(r.PathValue("slug"))
	if !ok {
		return console.NotFound("The operations repository has no such server.")
	}
	return console.WriteJSON(w, m.serverJSON(s))
}

func (m moment) serverJSON(s fleet.Server) serverJSON {
	st := m.server(s)
	item := serverJSON{
		Slug: s.Slug, Name: s.Name, Address: s.Address, Roles: list(s.Roles), Ring: string(s.Ring),
		Provider: s.Provider, Location: s.Location, Appliance: s.Appliance, DeclaredVersion: s.DeclaredVersion,
		State: st.key, StateWords: st.words, Instances: slugsOf(m.fleet.InstancesOn(s.Slug)),
	}
	if last, ok := m.heard[s.Slug]; ok {
		at := last.At.UTC()
		item.HeardAt, item.Agent = &at, last.Heartbeat.Agent
	}
	return item
}

func (f *face) instancesAPI(w http.ResponseWriter, r *http.Request) error {
	cursor, limit, err := console.PageOf(r)
	if err != nil {
		return err
	}
	if _, err := console.OneOf(r, "state", instanceStates...); err != nil {
		return err
	}
	m, err := f.look(r.Context())
	if err != nil {
		return err
	}
	filter, server := instanceFilterOf(r.URL.Query()), r.URL.Query().Get("server")
	all := slices.DeleteFunc(m.fleet.Instances(), func(i fleet.Instance) bool {
		client, _ := m.fleet.Client(i.Client)
		return !filter.takes(i, client.Name, m.instance(i)) || server != "" && !slices.Contains(i.Servers, server)
	})
	page, next := console.Cut(all, func(i fleet.Instance) string { return i.Slug }, cursor, limit)
	items := make([]instanceJSON, len(page))
	for n, i := range page {
		items[n] = m.instanceJSON(i)
	}
	return console.WriteItems(w, items, next)
}

func (f *face) instanceAPI(w http.ResponseWriter, r *http.Request) error {
	m, err := f.look(r.Context())
	if err != nil {
		return err
	}
	i, ok := m.fleet.Instance(r.PathValue("slug"))
	if !ok {
		return console.NotFound("The operations repository has no such instance.")
	}
	return console.WriteJSON(w, m.instanceJSON(i))
}

func (m moment) instanceJSON(i fleet.Instance) instanceJSON {
	st := m.instance(i)
	components := make([]componentJSON, 0, len(i.Components))
	for _, p := range i.Components {
		components = append(components, componentJSON{Slug: p.Slug, Name: p.Name})
	}
	return instanceJSON{
		Slug: i.Slug, Name: i.Name, Client: i.Client, Project: i.Project, Environment: i.Environment,
		Servers: list(i.Servers), Components: components, URLs: list(i.URLs),
		State: st.key, StateWords: st.words,
	}
}

func (f *face) clientsAPI(w http.ResponseWriter, r *http.Request) error {
	cursor, limit, err := console.PageOf(r)
	if err != nil {
		return err
	}
	current, text := f.o.Fleet.Current(), strings.ToLower(strings.TrimSpace(r.URL.Query().Get("q")))
	all := slices.DeleteFunc(current.Clients(), func(c fleet.Client) bool {
		return !strings.Contains(strings.ToLower(c.Slug+"\n"+c.Name), text)
	})
	page, next := console.Cut(all, func(c fleet.Client) string { return c.Slug }, cursor, limit)
	items := make([]clientJSON, len(page))
	for i, cl := range page {
		items[i] = clientJSONOf(current, cl)
	}
	return console.WriteItems(w, items, next)
}

func (f *face) clientAPI(w http.ResponseWriter, r *http.Request) error {
	current := f.o.Fleet.Current()
	cl, ok := current.Client(r.PathValue("slug"))
	if !ok {
		return console.NotFound("The operations repository has no such client.")
	}
	return console.WriteJSON(w, clientJSONOf(current, cl))
}

func clientJSONOf(current *fleet.Snapshot, cl fleet.Client) clientJSON {
	return clientJSON{
		Slug: cl.Slug, Name: cl.Name, AccountManager: cl.AccountManager, Language: cl.Language, Timezone: cl.Timezone,
		Instances: slugsOf(current.InstancesOf(cl.Slug)),
	}
}

// list keeps an empty list from reading null.
func list(words []string) []string {
	if words == nil {
		return []string{}
	}
	return words
}

func slugsOf(instances []fleet.Instance) []string {
	out := make([]string, 0, len(instances))
	for _, i := range instances {
		out = append(out, i.Slug)
	}
	return out
}
