package fleetweb

import (
	"net/http"
	"time"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/fleet"
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
	m, err := f.look(r.Context())
	if err != nil {
		return err
	}
	page, next := console.Cut(m.fleet.Servers(), func(s fleet.Server) string { return s.Slug }, cursor, limit)
	items := make([]serverJSON, 0, len(page))
	for _, s := range page {
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
		items = append(items, item)
	}
	return console.WriteItems(w, items, next)
}

func (f *face) instancesAPI(w http.ResponseWriter, r *http.Request) error {
	cursor, limit, err := console.PageOf(r)
	if err != nil {
		return err
	}
	m, err := f.look(r.Context())
	if err != nil {
		return err
	}
	page, next := console.Cut(m.fleet.Instances(), func(i fleet.Instance) string { return i.Slug }, cursor, limit)
	items := make([]instanceJSON, 0, len(page))
	for _, i := range page {
		st := m.instance(i)
		components := make([]componentJSON, 0, len(i.Components))
		for _, p := range i.Components {
			components = append(components, componentJSON{Slug: p.Slug, Name: p.Name})
		}
		items = append(items, instanceJSON{
			Slug: i.Slug, Name: i.Name, Client: i.Client, Project: i.Project, Environment: i.Environment,
			Servers: list(i.Servers), Components: components, URLs: list(i.URLs),
			State: st.key, StateWords: st.words,
		})
	}
	return console.WriteItems(w, items, next)
}

func (f *face) clientsAPI(w http.ResponseWriter, r *http.Request) error {
	cursor, limit, err := console.PageOf(r)
	if err != nil {
		return err
	}
	current := f.o.Fleet.Current()
	page, next := console.Cut(current.Clients(), func(c fleet.Client) string { return c.Slug }, cursor, limit)
	items := make([]clientJSON, 0, len(page))
	for _, cl := range page {
		items = append(items, clientJSON{
			Slug: cl.Slug, Name: cl.Name, AccountManager: cl.AccountManager, Language: cl.Language, Timezone: cl.Timezone,
			Instances: slugsOf(current.InstancesOf(cl.Slug)),
		})
	}
	return console.WriteItems(w, items, next)
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
