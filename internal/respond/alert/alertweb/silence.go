package alertweb

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/respond/alert"
	"github.com/vigie-ops/vigie/internal/signal"
	"github.com/vigie-ops/vigie/internal/ui"
)

// silenceQuery fills the form of a new silence from an alert.
func silenceQuery(a alert.Alert) url.Values {
	q := url.Values{}
	for _, k := range []string{signal.LabelName, signal.LabelServer, signal.LabelAppInstance} {
		if v := a.Labels[k]; v != "" {
			q.Add("matcher", k+"="+strconv.Quote(v))
		}
	}
	return q
}

// words are the matchers of a silence without their braces.
func words(s alert.Silence) string {
	return strings.TrimSuffix(strings.TrimPrefix(s.Matchers.String(), "{"), "}")
}

type silenceRow struct {
	ID, Matchers, Reason, By, State string
	Kind                            ui.Kind
	Starts, Ends                    time.Time
	Active                          bool
}

type silencesView struct {
	All    bool
	Rows   []silenceRow
	MayAct bool
}

func (f *face) silences(w http.ResponseWriter, r *http.Request) error {
	v := silencesView{All: r.URL.Query().Get("all") != "", MayAct: console.Actor(r).Role.Allows(people.Responder)}
	all, err := f.board.Silences(r.Context(), v.All)
	if err != nil {
		return err
	}
	for _, s := range all {
		state := s.State(f.now())
		row := silenceRow{
			ID: s.ID, Matchers: words(s), Reason: s.Reason, By: f.names(s.By),
			State: state, Kind: ui.Quiet, Starts: s.StartsAt, Ends: s.EndsAt, Active: state != alert.SilenceExpired,
		}
		switch state {
		case alert.SilenceActive:
			row.Kind = ui.Info
		case alert.SilencePending:
			row.Kind = ui.Planned
		}
		v.Rows = append(v.Rows, row)
	}
	return f.c.Render(w, r, console.View{
		Title: "Silences", Current: "/alerts", Crumbs: []ui.Link{{Text: "Alerts", Href: "/alerts"}},
		Body: silencesPage(v), Actions: silencesActions(v),
	})
}

// lengths are the ends that a form offers.
var lengths = []ui.Option{
	{Value: "1h", Label: "1 hour"}, {Value: "2h", Label: "2 hours"}, {Value: "4h", Label: "4 hours"},
	{Value: "8h", Label: "8 hours"}, {Value: "24h", Label: "1 day"}, {Value: "72h", Label: "3 days"}, {Value: "168h", Label: "1 week"},
}

// ackLengths are the same for an acknowledgement, which may also last until
// the alert resolves.
var ackLengths = slices.Concat([]ui.Option{{Value: "", Label: "until it resolves"}}, lengths[:5])

type silenceForm struct {
	Matchers, Reason, For, Problem string
}

func (f *face) newSilence(w http.ResponseWriter, r *http.Request) error {
	return f.silenceForm(w, r, http.StatusOK, silenceForm{Matchers: strings.Join(r.URL.Query()["matcher"], "\n"), For: "2h"})
}

func (f *face) silenceForm(w http.ResponseWriter, r *http.Request, status int, v silenceForm) error {
	return f.c.Render(w, r, console.View{
		Title: "New silence", Status: status, Current: "/alerts",
		Crumbs: []ui.Link{{Text: "Alerts", Href: "/alerts"}, {Text: "Silences", Href: "/silences"}},
		Body:   silenceFormPage(v),
	})
}

func (f *face) createSilence(w http.ResponseWriter, r *http.Request) error {
	form := silenceForm{Matchers: r.PostFormValue("matchers"), Reason: r.PostFormValue("reason"), For: r.PostFormValue("for")}
	length, err := time.ParseDuration(form.For)
	if err != nil || length <= 0 {
		form.Problem = "Choose how long it lasts."
		return f.silenceForm(w, r, http.StatusUnprocessableEntity, form)
	}
	var lines []string
	for l := range strings.Lines(form.Matchers) {
		if l = strings.TrimSpace(l); l != "" {
			lines = append(lines, l)
		}
	}
	matchers, err := alert.ParseMatchers(lines...)
	if err == nil {
		now := f.now()
		_, err = f.board.CreateSilence(r.Context(), console.Actor(r).Slug, alert.Silence{
			Matchers: matchers, Reason: form.Reason, StartsAt: now, EndsAt: now.Add(length),
		})
	}
	if err != nil {
		if p, ok := tell(err).(*console.Problem); ok { //nolint:errorlint // tell made it just now
			form.Problem = p.Detail
			return f.silenceForm(w, r, http.StatusUnprocessableEntity, form)
		}
		return err
	}
	return console.SeeOther(w, r, console.Said("/silences", "silenced"))
}

func (f *face) expireSilence(w http.ResponseWriter, r *http.Request) error {
	if err := f.board.ExpireSilence(r.Context(), console.Actor(r).Slug, r.PathValue("id"), r.PostFormValue("reason")); err != nil {
		return tell(err)
	}
	return console.SeeOther(w, r, console.Said("/silences", "expired"))
}

func silencesPath(all bool) string {
	if all {
		return "/silences?all=1"
	}
	return "/silences"
}
