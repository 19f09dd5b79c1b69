// Package logbookweb is the logbook's screen: issues with their timelines and
// five questions, and what is wrong now.
package logbookweb

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/respond/logbook"
	"github.com/vigie-ops/vigie/internal/signal"
	"github.com/vigie-ops/vigie/internal/ui"
)

// Options are what the pages show.
type Options struct {
	Desk *logbook.Desk
	// Name returns what a person is called; the slug itself for nobody known.
	Name func(person string) string
	// Acknowledge acknowledges what still fires of an issue as a person.
	Acknowledge func(ctx context.Context, actor, issue string) error
	// Manager names a client and its account manager, as far as they are known.
	Manager func(client string) (name, manager string)
	Now     func() time.Time
}

type face struct {
	c    *console.Console
	desk *logbook.Desk
	Options
}

// Register adds the pages, panels and interfaces.
func Register(c *console.Console, o Options) {
	f := &face{c: c, desk: o.Desk, Options: o}
	c.Nav(console.NavEntry{Text: "Issues", Href: "/issues", Role: people.Viewer, Count: f.count})
	c.Page("GET /issues", people.Viewer, f.list)
	c.Page("GET /issues/new", people.Responder, f.declareForm)
	c.Action("POST /issues", people.Responder, f.declare)
	c.Page("GET /issues/{id}", people.Viewer, f.show)
	c.Action("POST /issues/{id}/take", people.Responder, f.take)
	c.Action("POST /issues/{id}/comment", people.Responder, f.comment)
	c.Action("POST /issues/{id}/answer", people.Responder, f.answer)
	c.Action("POST /issues/{id}/close", people.Responder, f.close)
	c.Action("POST /issues/{id}/reopen", people.Responder, f.reopen)
	f.registerAPI()
	c.Finder(people.Viewer, f.find)
	f.offer()
}

func (f *face) count(ctx context.Context) (string, ui.Kind) {
	n, err := f.desk.Counts(ctx)
	if err != nil || n.Open == 0 {
		return "", ui.Quiet // the page itself says what is broken
	}
	kind := ui.Quiet
	if n.Untaken > 0 {
		kind = ui.Bad
	}
	return strconv.Itoa(n.Open), kind
}

// tell words what a person asked for and cannot have.
func tell(err error) error {
	var invalid *logbook.Invalid
	switch {
	case errors.Is(err, logbook.ErrNotFound):
		return console.NotFound("The logbook has no such issue.")
	case errors.As(err, &invalid):
		return console.Invalid(invalid.Message)
	}
	return err
}

var tabs = []struct {
	state logbook.State
	text  string
}{{"", "Not closed"}, {logbook.Open, "Open"}, {logbook.Resolved, "Resolved"}, {logbook.Closed, "Closed"}, {"all", "All"}}

func (f *face) list(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	state := logbook.State(q.Get("state"))
	filter := logbook.Filter{State: state, Text: q.Get("q"), Server: q.Get("server"), Instance: q.Get("instance"), Client: q.Get("client"), Cursor: q.Get("cursor"), Limit: 50}
	switch state {
	case "":
		filter.NotState = logbook.Closed
	case "all":
		filter.State = ""
	}
	page, err := f.desk.List(r.Context(), filter)
	if err != nil {
		return tell(err)
	}
	v := listView{Path: r.URL.RequestURI(), Query: filter.Text, State: string(state), Rows: f.rows(page.Items), Empty: emptyWords(filter)}
	for _, t := range tabs {
		v.Tabs = append(v.Tabs, ui.Tab{Text: t.text, Href: with(q, "state", string(t.state), "cursor", ""), Current: t.state == state})
	}
	if page.Next != "" {
		v.Older = with(q, "cursor", page.Next)
	}
	if filter.Cursor != "" {
		v.Newer = with(q, "cursor", "")
	}
	return f.c.Render(w, r, console.View{Title: "Issues", Current: "/issues", Body: listPage(v), Actions: f.listActions(r)})
}

// emptyWords say what an empty list means.
func emptyWords(f logbook.Filter) string {
	switch {
	case f.Text != "" || f.Server != "" || f.Instance != "" || f.Client != "":
		return "Nothing matches"
	case f.NotState == logbook.Closed || f.State == logbook.Open:
		return "Nothing is wrong"
	}
	return "No issue"
}

// with returns the list's address with some of its parameters replaced.
func with(q url.Values, pairs ...string) string {
	return console.Address("/issues", q, []string{"state", "q", "server", "instance", "client", "cursor"}, pairs...)
}

// maxTimeline bounds how many entries the page shows, and pageOfTimeline how
// many are read at once.
const (
	maxTimeline    = 3000
	pageOfTimeline = 1000
)

// Issues look so far back for what changed just before, and name so much.
const (
	before      = 6 * time.Hour
	beforeMost  = 8
	beforeWords = "the 6 hours up to it"
)

func (f *face) show(w http.ResponseWriter, r *http.Request) error {
	issue, err := f.desk.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return tell(err)
	}
	var timeline []logbook.Entry
	for page := (logbook.Entries{}); ; {
		page, err = f.desk.Timeline(r.Context(), issue.ID, logbook.TimelineFilter{Limit: pageOfTimeline, Cursor: page.Next})
		if err != nil {
			return err
		}
		timeline = append(timeline, page.Items...)
		if page.Next == "" || len(timeline) >= maxTimeline {
			break
		}
	}
	about := console.About{Subject: signal.Subject{Kind: "issue", Slug: issue.ID}, Range: ui.ParseRange(r.URL.Query(), f.Now(), "4h"), At: issue.OpenedAt}
	for _, slug := range issue.Instances {
		about.Of = append(about.Of, signal.Subject{Kind: signal.Instance, Slug: slug})
	}
	for _, slug := range issue.Servers {
		about.Of = append(about.Of, signal.Subject{Kind: signal.Server, Slug: slug})
	}
	v := f.one(issue, timeline, console.Actor(r))
	v.Before, _ = f.c.Changed(r.Context(), issue.OpenedAt.Add(-before), issue.OpenedAt.Add(time.Second), beforeMost)
	if v.Edit = r.URL.Query().Get("answer"); v.Edit != "" {
		v.Here += "?" + url.Values{"answer": {v.Edit}}.Encode()
	}
	v.Side = f.c.Panels(r.Context(), console.IssueSide, about)
	return f.c.Render(w, r, console.View{
		Title: "#" + strconv.FormatInt(issue.Number, 10) + " " + issue.Title, Crumb: "#" + strconv.FormatInt(issue.Number, 10), Current: "/issues",
		Crumbs: []ui.Link{{Text: "Issues", Href: "/issues"}},
		Body:   onePage(v), Actions: issueActions(v),
	})
}
