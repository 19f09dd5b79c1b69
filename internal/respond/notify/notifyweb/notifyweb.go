// Package notifyweb is what a reader of a message can do without signing in,
// and what was sent to whom.
package notifyweb

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/respond/alert"
	"github.com/vigie-ops/vigie/internal/respond/notify"
	"github.com/vigie-ops/vigie/internal/signal"
	"github.com/vigie-ops/vigie/internal/ui"
)

type face struct {
	c       *console.Console
	courier *notify.Courier
	name    func(person string) string
	now     func() time.Time
}

// Register adds the pages. name returns what a person is called.
func Register(c *console.Console, courier *notify.Courier, name func(person string) string, now func() time.Time) {
	f := &face{c: c, courier: courier, name: name, now: now}
	const why = "the link of a message names its reader and its alerts, is signed, and ends; only the POST acts"
	c.Open("GET /ack/{token}", why, f.open)
	c.Open("POST /ack/{token}", why, f.acknowledge)
	c.Nav(console.NavEntry{Group: "Hub", Text: "Notifications", Href: "/notifications", Role: people.Viewer, Count: f.count})
	c.Page("GET /notifications", people.Viewer, f.list)
	c.Action("POST /notifications/test", people.Operator, f.test)
	c.Offer(console.IssueSide, console.Panel{Order: 20, Show: f.ofIssue})
}

// count warns in the navigation when a channel fails.
func (f *face) count(ctx context.Context) (string, ui.Kind) {
	health, err := f.courier.Health(ctx)
	if err != nil {
		return "", ui.Quiet // the page itself says what is broken
	}
	for _, h := range health {
		if h.Failing(f.now()) {
			return "failing", ui.Bad
		}
	}
	return "", ui.Quiet
}

// ackView is the page behind the link of a message.
type ackView struct {
	Action     string
	Person     string
	Alerts     []line
	More       int // alerts that are not listed
	Done, Over bool
	Problem    string
	Issue      string
}

type line struct {
	Kind          ui.Kind
	Summary, Note string
	Since         time.Time
}

// open shows what the link is about and a button. It changes nothing, however
// often a mail scanner asks.
func (f *face) open(w http.ResponseWriter, r *http.Request) error {
	return f.answer(w, r, func() (notify.Opened, error) { return f.courier.Links().Open(r.Context(), r.PathValue("token")) })
}

// maxLines is how many alerts the page behind a link names.
const maxLines = 50

// maxForm bounds what strangers may send.
const maxForm = 16 << 10

func (f *face) acknowledge(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	return f.answer(w, r, func() (notify.Opened, error) {
		return f.courier.Links().Acknowledge(r.Context(), r.PathValue("token"), r.PostFormValue("reason"))
	})
}

func (f *face) answer(w http.ResponseWriter, r *http.Request, do func() (notify.Opened, error)) error {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Robots-Tag", "noindex")
	o, err := do()
	switch {
	case errors.Is(err, notify.ErrLinkExpired):
		return ui.Render(w, r, http.StatusGone, overPage("This link has ended", "Links in messages work for three days. Sign in to see the alert."))
	case errors.Is(err, notify.ErrLinkInvalid):
		return ui.Render(w, r, http.StatusNotFound, overPage("This link does not work", "It may be cut off. Open the one in the message again, or sign in."))
	case err != nil:
		return err
	}
	v := ackView{Action: r.URL.Path, Person: o.PersonName, Done: o.Acknowledged, Over: o.Resolved}
	v.More = max(0, len(o.Alerts)-maxLines)
	for _, a := range o.Alerts[:len(o.Alerts)-v.More] {
		l := line{Kind: severity(a), Summary: a.Summary(), Since: a.StartedAt}
		if v.Issue == "" {
			v.Issue = a.Issue
		}
		if val := a.Annotations[signal.Value]; val != "" && !strings.Contains(l.Summary, val) {
			l.Note = val
		}
		if a.State == alert.Resolved {
			l.Note = "resolved"
		} else if a.Ack != nil {
			l.Note = f.name(a.Ack.By) + " has it"
		}
		v.Alerts = append(v.Alerts, l)
	}
	return ui.Render(w, r, http.StatusOK, ackPage(v))
}

func severity(a alert.Alert) ui.Kind {
	switch {
	case a.State == alert.Resolved:
		return ui.OK
	case a.Severity == signal.Critical:
		return ui.Bad
	case a.Severity == signal.Warning:
		return ui.Warn
	}
	return ui.Info
}

type row struct {
	notify.Delivery
	Who  string
	Mood ui.Kind
	Word string
}

func (f *face) rows(all []notify.Delivery) []row {
	out := make([]row, len(all))
	for i, d := range all {
		out[i] = row{Delivery: d, Who: d.Address, Word: string(d.State)}
		if d.Person != "" {
			out[i].Who = f.name(d.Person)
		}
		switch d.State {
		case notify.Sent:
			out[i].Mood = ui.OK
			if d.Digest != "" && d.Digest != d.ID {
				out[i].Word = "sent with others"
			}
		case notify.Queued:
			out[i].Mood = ui.Info
			if d.Attempts > 0 {
				out[i].Mood, out[i].Word = ui.Warn, "trying again"
			}
		default:
			out[i].Mood = ui.Bad
		}
	}
	return out
}

type listView struct {
	Path         string
	Health       []notify.ChannelHealth
	Rows         []row
	Older, Newer string
	MayTest      bool
	Me           string
	Now          time.Time
}

func (f *face) list(w http.ResponseWriter, r *http.Request) error {
	cursor := r.URL.Query().Get("cursor")
	page, err := f.courier.List(r.Context(), notify.Filter{Cursor: cursor, Limit: 100})
	if err != nil {
		return err
	}
	health, err := f.courier.Health(r.Context())
	if err != nil {
		return err
	}
	actor := console.Actor(r)
	v := listView{Path: r.URL.RequestURI(), Rows: f.rows(page.Items), Health: health, MayTest: actor.Role.Allows(people.Operator) && actor.Via == people.ViaSession, Me: actor.Slug, Now: f.now()}
	if page.Next != "" {
		v.Older = "/notifications?cursor=" + page.Next
	}
	if cursor != "" {
		v.Newer = "/notifications"
	}
	return f.c.Render(w, r, console.View{Title: "Notifications", Current: "/notifications", Body: listPage(v)})
}

func (f *face) test(w http.ResponseWriter, r *http.Request) error {
	if _, err := f.courier.Test(r.Context(), console.Actor(r).Slug, r.PostFormValue("channel"), console.Actor(r).Slug); err != nil {
		if errors.Is(err, notify.ErrNotFound) {
			return console.NotFound("There is no such channel.")
		}
		return err
	}
	return console.SeeOther(w, r, console.Said("/notifications", "sent"))
}

func (f *face) ofIssue(ctx context.Context, about console.About) (templ.Component, error) {
	page, err := f.courier.List(ctx, notify.Filter{Issue: about.Subject.Slug, Limit: 20})
	if err != nil {
		return nil, err
	}
	return issuePanel(f.rows(page.Items)), nil
}
