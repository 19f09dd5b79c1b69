package fleetweb

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/fleet/enrol"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/signal"
	"github.com/vigie-ops/vigie/internal/ui"
)

// serverPage is what the page of a server shows.
type serverPage struct {
	slug, path      string
	address         *url.URL
	heading         ui.Heading
	shown           ui.Range
	waiting         bool // for its agent
	appliance       bool
	mayIssue        bool
	mayRevoke       bool
	enrolled        bool
	steps           []step
	facts           []ui.Fact
	kinds           []factPanel
	top, main, half []templ.Component
}

func (f *face) server(c *console.Console) console.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		v, err := f.serverPage(c, r)
		if err != nil {
			return err
		}
		return c.Render(w, r, console.View{
			Title: v.slug, Crumbs: []ui.Link{{Text: "Servers", Href: "/servers"}}, Current: "/servers",
			Body: serverBody(v),
		})
	}
}

func (f *face) serverPage(c *console.Console, r *http.Request) (serverPage, error) {
	ctx := r.Context()
	m, err := f.look(ctx)
	if err != nil {
		return serverPage{}, err
	}
	s, err := m.serverOf(r)
	if err != nil {
		return serverPage{}, err
	}
	facts, err := f.o.Facts.Of(ctx, s.Slug)
	if err != nil {
		return serverPage{}, fmt.Errorf("read the facts of %s: %w", s.Slug, err)
	}
	st := m.server(s)
	enrolment, enrolled := m.enrolled[s.Slug]
	about := console.About{
		Subject: signal.Subject{Kind: signal.Server, Slug: s.Slug},
		Range:   ui.ParseRange(r.URL.Query(), m.now, usualRange(enrolment, m.now)),
	}
	role := console.Actor(r).Role
	known := readFacts(facts)
	v := serverPage{
		slug: s.Slug, path: r.URL.RequestURI(), address: r.URL, shown: about.Range,
		heading:   m.serverHeading(s, st, known, f.up(ctx, s.Slug)),
		waiting:   st.key == stateWaiting,
		appliance: s.Appliance,
		enrolled:  enrolled && !enrolment.Revoked,
		mayIssue:  role.Allows(people.Operator) && !s.Appliance,
		mayRevoke: role.Allows(people.Admin),
		facts:     m.serverFacts(s, known),
		kinds:     known.panels(s.Slug, m.now),
		top:       c.Panels(ctx, console.ServerTop, about),
		half:      c.Panels(ctx, console.ServerHalf, about),
	}
	v.steps = steps(s.Slug, f.agents(), "")
	// Charts of a machine that never sent anything would all be empty.
	if !v.waiting && !s.Appliance {
		v.main = c.Panels(ctx, console.ServerMain, about)
	}
	return v, nil
}

// usualRange is what the page of a server shows unless asked for another.
func usualRange(e enrol.Enrolment, now time.Time) string {
	if e.First.IsZero() {
		return "4h"
	}
	return ui.Covering(now.Sub(e.First), "4h")
}

// agents is where agents reach this hub, as far as it is known.
func (f *face) agents() string {
	if f.o.Agents == nil {
		return ""
	}
	return f.o.Agents()
}

// serverOf finds the server that the address names.
func (m moment) serverOf(r *http.Request) (fleet.Server, error) {
	s, ok := m.fleet.Server(r.PathValue("slug"))
	if !ok {
		return s, console.NotFound("The operations repository has no server of this name. It may have been taken out; its past stays with its issues.")
	}
	return s, nil
}

// up returns how long a server has run, or zero: a page does without it rather
// than fail.
func (f *face) up(ctx context.Context, slug string) time.Duration {
	if f.o.Figures == nil {
		return 0
	}
	figures, err := f.o.Figures.Servers(ctx, []string{slug})
	if err != nil {
		return 0
	}
	return figures[slug].Up
}

func (m moment) serverHeading(s fleet.Server, st state, known knownFacts, up time.Duration) ui.Heading {
	h := ui.Heading{Title: s.Slug, Kind: st.kind, State: st.words}
	if s.Ring != "" {
		h.Tags = append(h.Tags, ui.Link{Text: string(s.Ring) + " ring", Href: "/servers?ring=" + url.QueryEscape(string(s.Ring))})
	}
	for _, role := range s.Roles {
		h.Tags = append(h.Tags, ui.Link{Text: role, Href: "/servers?role=" + url.QueryEscape(role)})
	}
	for _, i := range m.fleet.InstancesOn(s.Slug) {
		h.Tags = append(h.Tags, ui.Link{Text: i.Slug, Href: "/instances/" + i.Slug})
	}
	var note []string
	switch last, heard := m.heard[s.Slug]; {
	case s.Appliance && s.DeclaredVersion != "":
		note = append(note, "appliance", "version "+s.DeclaredVersion)
	case s.Appliance:
		note = append(note, "appliance")
	case heard:
		note = append(note, "heard "+ui.Ago(m.now.Sub(last.At)))
		if last.Heartbeat.Agent != "" {
			note = append(note, "agent "+last.Heartbeat.Agent)
		}
	}
	if known.os.PrettyName != "" {
		note = append(note, known.os.PrettyName)
	}
	if up > 0 {
		note = append(note, "up "+ui.Duration(up))
	}
	h.Note = strings.Join(note, " · ")
	return h
}

// serverFacts are the short ones, with those of the operations repository.
func (m moment) serverFacts(s fleet.Server, known knownFacts) []ui.Fact {
	var out []ui.Fact
	add := func(name, value string, mono bool) {
		if value != "" {
			out = append(out, ui.Fact{Name: name, Value: value, Mono: mono})
		}
	}
	if s.Name != s.Slug {
		add("Name", s.Name, false)
	}
	add("Address", s.Address, true)
	add("Provider", strings.Join(nonEmpty(s.Provider, s.Location), ", "), false)
	add("Declared version", s.DeclaredVersion, true)
	out = append(out, known.short()...)
	if packages, ok := known.packages(s.Slug); ok {
		out = append(out, packages)
	}
	if last, ok := m.heard[s.Slug]; ok {
		skew := last.At.Sub(last.Heartbeat.Sent)
		if !last.Heartbeat.Sent.IsZero() && skew.Abs() > 2*time.Second {
			add("Clock", "differs by "+ui.Duration(skew.Abs()), false)
		}
		if last.Heartbeat.SpoolBytes > 0 {
			add("Waits on the server", ui.Bytes(float64(last.Heartbeat.SpoolBytes)), false)
		}
		for _, words := range unavailable(last.Heartbeat.Unavailable) {
			add("Cannot observe", words, false)
		}
	}
	switch e, ok := m.enrolled[s.Slug]; {
	case ok && e.Revoked:
		add("Certificate of the agent", "revoked", false)
	case ok:
		add("Certificate of the agent", "valid until "+e.NotAfter.UTC().Format("2 January 2006"), false)
	}
	return append(out, declared(s.Pos))
}

func nonEmpty(words ...string) []string {
	var out []string
	for _, w := range words {
		if w != "" {
			out = append(out, w)
		}
	}
	return out
}
