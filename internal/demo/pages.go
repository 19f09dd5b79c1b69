package demo

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/a-h/templ"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/hub"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/ui"
)

// extend adds the demo's pages to the console.
func (d *demo) extend(_ *hub.Hub, c *console.Console) {
	d.console = c
	c.Nav(console.NavEntry{Group: "Hub", Text: "Demo mailbox", Href: "/demo/mail", Role: people.Viewer})
	c.Offer(console.NowSide, console.Panel{Order: 0, Show: func(context.Context, console.About) (templ.Component, error) {
		return breakPanel(d.state()), nil
	}})
	c.Page("GET /demo/mail", people.Viewer, d.showMails)
	c.Page("GET /demo/mail/{id}", people.Viewer, d.showMail)
	c.Page("GET /demo/mail/{id}/html", people.Viewer, d.showHTML)
	c.Action("POST /demo/break", people.Responder, d.breakIt)
	c.Action("POST /demo/mend", people.Responder, d.mendIt)
}

// breakable is the state of the instance that the button is about.
type breakable struct {
	Instance string
	Broken   bool
}

// state is about the first instance; the others stay well.
func (d *demo) state() breakable {
	return breakable{Instance: d.samples[0].name, Broken: !d.samples[0].running()}
}

func (d *demo) breakIt(w http.ResponseWriter, r *http.Request) error {
	d.samples[0].kill()
	return d.done(w, r)
}

func (d *demo) mendIt(w http.ResponseWriter, r *http.Request) error {
	if err := d.samples[0].start(); err != nil {
		return err
	}
	return d.done(w, r)
}

func (d *demo) done(w http.ResponseWriter, r *http.Request) error {
	d.console.Events().Publish("probes")
	if strings.Contains(r.Header.Get("Accept"), "application/json") || console.Actor(r).Via == people.ViaToken {
		s := d.state()
		return console.WriteJSON(w, map[string]any{"instance": s.Instance, "broken": s.Broken})
	}
	return console.SeeOther(w, r, "/")
}

func (d *demo) showMails(w http.ResponseWriter, r *http.Request) error {
	mails := d.mailbox.Newest()
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		return console.WriteItems(w, mails, "")
	}
	return d.console.Render(w, r, console.View{Title: "Demo mailbox", Current: "/demo/mail", Body: mailsPage(mails)})
}

func (d *demo) showMail(w http.ResponseWriter, r *http.Request) error {
	m, ok := d.mailbox.One(r.PathValue("id"))
	if !ok {
		return console.NotFound("The mailbox has no such mail; it keeps the last 200.")
	}
	return d.console.Render(w, r, console.View{
		Title: m.Subject, Current: "/demo/mail",
		Crumbs: []ui.Link{{Text: "Demo mailbox", Href: "/demo/mail"}}, Crumb: "Mail to " + m.To,
		Body: mailPage(m),
	})
}

// mailPolicy lets a mail bring its own styles, as mails must, and nothing
// else: no script, no picture from elsewhere, no form.
const mailPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; sandbox allow-top-navigation-by-user-activation"

// showHTML shows a mail as a mail program does.
func (d *demo) showHTML(w http.ResponseWriter, r *http.Request) error {
	m, ok := d.mailbox.One(r.PathValue("id"))
	if !ok || m.HTML == "" {
		return console.NotFound("The mailbox has no such mail, or it has no HTML.")
	}
	w.Header().Set("Content-Security-Policy", mailPolicy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, err := io.WriteString(w, m.HTML)
	return err
}

// linkWords says where a link of a mail leads.
func linkWords(link string) string {
	u, err := url.Parse(link)
	if err != nil {
		return link
	}
	for _, k := range []struct{ prefix, words string }{
		{"/ack/", "Acknowledge, without signing in"}, {"/alerts/", "The alert"}, {"/issues/", "The issue"},
		{"/instances/", "The instance"}, {"/servers/", "The server"}, {"/metrics", "The chart"}, {"/runs/", "The run"},
	} {
		if strings.HasPrefix(u.Path, k.prefix) {
			return k.words
		}
	}
	return u.Host + u.Path
}

// shortLink cuts what nobody reads of a link.
func shortLink(link string) string {
	const most = 60
	if len(link) <= most {
		return link
	}
	return link[:most] + "…"
}
