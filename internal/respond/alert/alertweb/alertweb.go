// Package alertweb is the board's screen: what is wrong now, who has it, and
// the words that end each alert.
package alertweb

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/respond/alert"
	"github.com/vigie-ops/vigie/internal/signal"
	"github.com/vigie-ops/vigie/internal/ui"
)

type face struct {
	c     *console.Console
	board *alert.Board
	names func(person string) string
	now   func() time.Time
}

// Options are what the pages show.
type Options struct {
	Board *alert.Board
	// Name returns what a person is called; the slug itself for nobody known.
	Name func(person string) string
	Now  func() time.Time
}

// Register adds the pages, panels and interfaces.
func Register(c *console.Console, o Options) {
	f := &face{c: c, board: o.Board, names: o.Name, now: o.Now}
	c.Nav(console.NavEntry{Text: "Alerts", Href: "/alerts", Role: people.Viewer, Count: f.count})
	c.Page("GET /alerts", people.Viewer, f.list)
	c.Page("GET /alerts/{id}", people.Viewer, f.show)
	c.Action("POST /alerts/acknowledge", people.Responder, f.acknowledge)
	c.Action("POST /alerts/release", people.Responder, f.release)
	c.Action("POST /alerts/review", people.Responder, f.review)
	c.Page("GET /silences", people.Viewer, f.silences)
	c.Page("GET /silences/new", people.Responder, f.newSilence)
	c.Action("POST /silences", people.Responder, f.createSilence)
	c.Action("POST /silences/{id}/expire", people.Responder, f.expireSilence)
	f.registerAPI()
	f.offer()
}

// count is what stands behind "Alerts" in the navigation.
func (f *face) count(ctx context.Context) (string, ui.Kind) {
	n, err := f.board.Counts(ctx)
	if err != nil || n.Firing == 0 {
		return "", ui.Quiet // the page itself says what is broken
	}
	kind := ui.Quiet
	if n.Critical > 0 {
		kind = ui.Bad
	}
	return strconv.Itoa(n.Firing), kind
}

// tell words what a person asked for and cannot have.
func tell(err error) error {
	var invalid *alert.Invalid
	switch {
	case errors.Is(err, alert.ErrNotFound):
		return console.NotFound("There is no such alert or silence.")
	case errors.As(err, &invalid):
		return console.Invalid(invalid.Message)
	}
	return err
}

// tabs are the filters by state, in the order of what needs a person.
var tabs = []struct{ key, text string }{
	{"", "Open"}, {alert.ShownFiring, "Nobody has it"}, {alert.ShownAcknowledged, "Acknowledged"},
	{alert.ShownSilenced, "Silenced"}, {"review", "To review"}, {alert.ShownResolved, "Resolved"},
}

func (f *face) list(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	filter := alert.Filter{
		State: q.Get("state"), Severity: signal.Severity(q.Get("severity")), Text: q.Get("q"),
		Server: q.Get("server"), Instance: q.Get("instance"), Client: q.Get("client"), Cursor: q.Get("cursor"), Limit: 100,
	}
	switch filter.State {
	case "":
		filter.State = "open"
	case "review":
		filter.State, filter.ToReview = "", true
	}
	page, err := f.board.List(r.Context(), filter)
	if err != nil {
		return tell(err)
	}
	counts, err := f.board.Counts(r.Context())
	if err != nil {
		return err
	}
	v := listView{
		Query: q.Get("q"), Severity: q.Get("severity"), State: q.Get("state"), Path: r.URL.RequestURI(),
		Tabs: f.tabs(q, counts), Rows: f.rows(page.Items), Bulk: bulkOf(q.Get("state"), console.Actor(r)),
		Empty: emptyWords(q),
	}
	if page.Next != "" {
		v.Older = with(q, "cursor", page.Next)
	}
	if q.Get("cursor") != "" {
		v.Newer = with(q, "cursor", "")
	}
	return f.c.Render(w, r, console.View{Title: "Alerts", Current: "/alerts", Body: listPage(v), Actions: listActions()})
}

func (f *face) tabs(q url.Values, n alert.Counts) []ui.Tab {
	numbers := map[string]int{
		"": n.Firing + n.Acknowledged + n.Silenced + n.Inhibited, alert.ShownFiring: n.Firing,
		alert.ShownAcknowledged: n.Acknowledged, alert.ShownSilenced: n.Silenced, "review": n.ToReview,
	}
	out := make([]ui.Tab, len(tabs))
	for i, t := range tabs {
		out[i] = ui.Tab{Text: t.text, Href: with(q, "state", t.key, "cursor", ""), Current: q.Get("state") == t.key}
		if k := numbers[t.key]; k > 0 {
			out[i].Count = strconv.Itoa(k)
		}
	}
	return out
}

// with returns the list's address with some of its parameters replaced.
func with(q url.Values, pairs ...string) string {
	return console.Address("/alerts", q, []string{"state", "severity", "q", "server", "instance", "client", "cursor"}, pairs...)
}

func (f *face) show(w http.ResponseWriter, r *http.Request) error {
	a, err := f.board.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return tell(err)
	}
	history, err := f.board.History(r.Context(), a.ID)
	if err != nil {
		return err
	}
	v := f.one(a, history, console.Actor(r).Role.Allows(people.Responder))
	v.Side = f.c.Panels(r.Context(), console.AlertSide, console.About{Subject: signal.Subject{Kind: "alert", Slug: a.ID}, Of: []signal.Subject{a.Subject}, At: a.StartedAt})
	return f.c.Render(w, r, console.View{
		Title: a.Summary(), Crumb: a.Name, Current: "/alerts", Crumbs: []ui.Link{{Text: "Alerts", Href: "/alerts"}},
		Body: onePage(v),
	})
}

// back is where a form's sender came from, if it is a page of alerts.
func back(r *http.Request) string {
	if p := r.PostFormValue("back"); strings.HasPrefix(p, "/alerts") || strings.HasPrefix(p, "/issues/") {
		if u, err := url.Parse(p); err == nil && u.Host == "" {
			q := u.Query()
			q.Del("said")
			u.RawQuery = q.Encode()
			return u.RequestURI()
		}
	}
	return "/alerts"
}

// marked are the alerts that a form is about.
func marked(r *http.Request) ([]string, error) {
	_ = r.PostFormValue("id") // reads the form
	ids := r.PostForm["id"]
	if len(ids) == 0 {
		return nil, console.Invalid("No alert is marked. Go back, mark those that you mean, and send the form again.")
	}
	return ids, nil
}

func (f *face) acknowledge(w http.ResponseWriter, r *http.Request) error {
	ids, err := marked(r)
	if err != nil {
		return err
	}
	var until time.Time
	if v := r.PostFormValue("for"); v != "" {
		d, err := time.ParseDuration(v)
		if err != nil || d <= 0 {
			return console.Invalid("The end of the acknowledgement is not understood; choose one of the list.")
		}
		until = f.now().Add(d)
	}
	if _, err := f.board.Acknowledge(r.Context(), console.Actor(r).Slug, r.PostFormValue("reason"), until, ids...); err != nil {
		return tell(err)
	}
	return console.SeeOther(w, r, console.Said(back(r), "acknowledged"))
}

func (f *face) release(w http.ResponseWriter, r *http.Request) error {
	ids, err := marked(r)
	if err != nil {
		return err
	}
	if err := f.board.Unacknowledge(r.Context(), console.Actor(r).Slug, r.PostFormValue("reason"), ids...); err != nil {
		return tell(err)
	}
	return console.SeeOther(w, r, console.Said(back(r), "released"))
}

func (f *face) review(w http.ResponseWriter, r *http.Request) error {
	ids, err := marked(r)
	if err != nil {
		return err
	}
	if err := f.board.Review(r.Context(), console.Actor(r).Slug, r.PostFormValue("word"), ids...); err != nil {
		return tell(err)
	}
	return console.SeeOther(w, r, console.Said(back(r), "reviewed"))
}
