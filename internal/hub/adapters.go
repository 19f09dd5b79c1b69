package hub

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/audit"
	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/fleet/fleetweb"
	"github.com/vigie-ops/vigie/internal/keyring"
	"github.com/vigie-ops/vigie/internal/observe/metrics"
	"github.com/vigie-ops/vigie/internal/observe/metrics/heard"
	"github.com/vigie-ops/vigie/internal/observe/metrics/metricsweb"
	"github.com/vigie-ops/vigie/internal/observe/probe"
	"github.com/vigie-ops/vigie/internal/observe/probe/probeweb"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/respond/alert"
	"github.com/vigie-ops/vigie/internal/respond/logbook"
	"github.com/vigie-ops/vigie/internal/respond/notify"
)

// The adapters below are where rooms that do not know each other meet: each
// says in the words of one what another can do.

// auditor records acts of whoever acts in the context.
type auditor struct{ log *audit.Log }

func (a auditor) Record(ctx context.Context, tx *db.Tx, verb, object, reason string, details map[string]any) error {
	e := audit.Entry{Actor: audit.System, Verb: verb, Object: object, Reason: reason, Details: details}
	if actor, ok := people.From(ctx); ok && actor.Slug != "" {
		e.Actor, e.Via = actor.Slug, actor.Via
	}
	return a.log.Record(ctx, tx, e)
}

// act records an act that has no transaction of its own.
func (h *Hub) act(ctx context.Context, actor people.Actor, verb, object string) error {
	return h.state.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		return h.audit.Record(ctx, tx, audit.Entry{Actor: actor.Slug, Via: actor.Via, Verb: verb, Object: object})
	})
}

// as has a person act who followed the link of a message.
func (h *Hub) as(ctx context.Context, person string) context.Context {
	p, _ := h.staff.Current().Person(person)
	return people.With(ctx, people.Actor{Slug: person, Name: p.Name, Role: p.Role, Via: people.ViaLink})
}

// name returns what a person is called.
func (h *Hub) name(person string) string {
	if p, ok := h.staff.Current().Person(person); ok && p.Name != "" {
		return p.Name
	}
	return person
}

// geography tells the logbook what hangs together.
type geography struct{ fleet *fleet.Fleet }

func (g geography) ClientOf(instance string) string {
	i, _ := g.fleet.Current().Instance(instance)
	return i.Client
}

func (g geography) InstancesOn(server string) []string {
	var slugs []string
	for _, i := range g.fleet.Current().InstancesOn(server) {
		slugs = append(slugs, i.Slug)
	}
	return slugs
}

func (g geography) ServersOf(instance string) []string {
	i, _ := g.fleet.Current().Instance(instance)
	return i.Servers
}

// awaited reports whether a server waits for its agent: one that should have
// an agent and was never heard.
func (h *Hub) awaited(server string) bool {
	if s, ok := h.fleet.Current().Server(server); !ok || s.Appliance {
		return false
	}
	_, heard := h.hearing.LastHeard(server)
	return !heard
}

// manager names a client and its account manager.
func (h *Hub) manager(client string) (name, manager string) {
	c, ok := h.fleet.Current().Client(client)
	if !ok {
		return client, ""
	}
	return c.Name, h.name(c.AccountManager)
}

// acknowledgeIssue acknowledges, as a person, what fires of an issue and
// nobody has.
func (h *Hub) acknowledgeIssue(ctx context.Context, actor, issue string) error {
	page, err := h.board.List(ctx, alert.Filter{Issue: issue, State: alert.ShownFiring, Limit: maxWrong})
	if err != nil || len(page.Items) == 0 {
		return err
	}
	ids := make([]string, len(page.Items))
	for i, a := range page.Items {
		ids[i] = a.ID
	}
	_, err = h.board.Acknowledge(ctx, actor, "", time.Time{}, ids...)
	if over := new(alert.Invalid); errors.As(err, &over) { // all of it resolved meanwhile, and waits for a word
		return nil
	}
	return err
}

// directory tells the courier whom messages reach.
type directory struct {
	staff *people.Staff
	fleet *fleet.Fleet
}

func (d directory) recipient(p people.Person) notify.Recipient {
	return notify.Recipient{Slug: p.Slug, Name: p.Name, Email: p.Email, Zone: cmp.Or(p.Timezone, d.fleet.Current().Company().Timezone)}
}

func (d directory) Person(slug string) (notify.Recipient, bool) {
	p, ok := d.staff.Current().Person(slug)
	return d.recipient(p), ok
}

func (d directory) Members(team string) []notify.Recipient {
	var out []notify.Recipient
	for _, p := range d.staff.Current().Members(team) {
		out = append(out, d.recipient(p))
	}
	return out
}

// keys hands the courier the keys that sign its links.
type keys struct{ ring *keyring.Ring }

func (k keys) Key(ctx context.Context, name string) ([]byte, error) {
	key, err := k.ring.Key(ctx, name)
	if err != nil {
		return nil, err
	}
	return key.Bytes(), nil
}

// commits writes an applied commit into the timeline of the open issues. What
// a start restores was written there when it was applied.
type commits struct{ h *Hub }

func (c commits) ApplyOps(ctx context.Context, tx *db.Tx, g *opsrepo.Generation) error {
	if c.h.restoring {
		return nil
	}
	return c.h.desk.NoteCommit(ctx, tx, logbook.Commit{Hash: g.Commit, Author: g.Author, Subject: g.Subject, Link: "/operations", At: c.h.o.Now().UTC()})
}

// samples writes what probes measured as series.
type samples struct{ room *metrics.Room }

func (s samples) Write(ctx context.Context, in []probe.Sample) error {
	out := make([]metrics.Sample, len(in))
	for i, p := range in {
		labels := make(map[string]string, len(p.Labels)+2)
		for k, v := range p.Labels {
			labels[k] = v
		}
		labels["__name__"], labels["job"] = p.Name, "probe"
		out[i] = metrics.Sample{Labels: labels, T: p.At, V: p.Value}
	}
	return s.room.Write(ctx, out)
}

// heardServers is what the hub knows about every server for the question
// whether it fell silent.
func (h *Hub) heardServers() []heard.Server {
	snapshot := h.fleet.Current()
	out := make([]heard.Server, 0, len(snapshot.Servers()))
	for _, s := range snapshot.Servers() {
		last, enrolled := h.hearing.LastHeard(s.Slug)
		one := heard.Server{Slug: s.Slug, Appliance: s.Appliance, Enrolled: enrolled, Last: last, Labels: fleet.LabelsOf(s)}
		switch state, _ := h.probes.Reachable(s.Slug); state {
		case probe.Reachable:
			one.Probe = heard.Up
		case probe.Unreachable:
			one.Probe = heard.Down
		}
		out = append(out, one)
	}
	return out
}

// silent tells the board of alerts whether an agent is late or silent, and
// whether that was decided. A server that was never heard is nothing to wait
// for.
func (h *Hub) silent(server string) (silent, decided bool) {
	last, heard := h.hearing.LastHeard(server)
	if !heard {
		return false, true
	}
	return h.silence.Silent(last)
}

// onlineWithin is how lately an agent must have been heard to be a second
// place for probes.
const onlineWithin = 45 * time.Second

// online lists the servers whose agents can look at something.
func (h *Hub) online() []string {
	var out []string
	for server, last := range h.hearing.All() {
		if h.o.Now().Sub(last.At) < onlineWithin {
			out = append(out, server)
		}
	}
	return out
}

// health tells the fleet's pages what is wrong.
type health struct{ board *alert.Board }

// maxWrong bounds how many open alerts a page reads; the worst lists say
// "and more" long before.
const maxWrong = 1000

func (w health) Wrong(ctx context.Context) ([]fleetweb.Wrong, error) {
	page, err := w.board.List(ctx, alert.Filter{State: "open", Limit: maxWrong})
	if err != nil {
		return nil, err
	}
	var out []fleetweb.Wrong
	for _, a := range page.Items {
		if a.Muted() {
			continue
		}
		one := fleetweb.Wrong{Severity: a.Severity, Words: fewWords(a)}
		if s := a.Server(); s != "" {
			one.Servers = []string{s}
		}
		if i := a.Instance(); i != "" {
			one.Instances = []string{i}
		}
		out = append(out, one)
	}
	return out, nil
}

// fewWords is an alert's summary without the name of what it is about.
func fewWords(a alert.Alert) string {
	words := a.Summary()
	for _, name := range []string{a.Instance(), a.Server()} {
		if name == "" {
			continue
		}
		for _, join := range []string{" of " + name, " on " + name, name + ": ", name + " "} {
			words = strings.Replace(words, join, "", 1)
		}
	}
	if words == "" {
		return a.Name
	}
	return words
}

// figures, response and uptime are what lists of servers and instances show.
type figures struct{ face *metricsweb.Face }

func (f figures) Servers(ctx context.Context, slugs []string) (map[string]fleetweb.Figure, error) {
	usage, err := f.face.Usage(ctx, slugs)
	out := make(map[string]fleetweb.Figure, len(usage))
	for slug, u := range usage {
		out[slug] = fleetweb.Figure(u)
	}
	return out, err
}

type response struct{ face *metricsweb.Face }

func (r response) Response(ctx context.Context, slugs []string) (map[string]fleetweb.Answering, error) {
	answering, err := r.face.Answering(ctx, slugs)
	out := make(map[string]fleetweb.Answering, len(answering))
	for slug, a := range answering {
		out[slug] = fleetweb.Answering(a)
	}
	return out, err
}

type uptime struct{ face *probeweb.Face }

func (u uptime) Uptime(ctx context.Context, slugs []string) (map[string]fleetweb.Availability, error) {
	availability, err := u.face.Availability(ctx, slugs)
	out := make(map[string]fleetweb.Availability, len(availability))
	for slug, a := range availability {
		out[slug] = fleetweb.Availability(a)
	}
	return out, err
}
