package alertweb

import (
	"context"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/respond/alert"
	"github.com/vigie-ops/vigie/internal/signal"
	"github.com/vigie-ops/vigie/internal/ui"
)

// offer adds what pages of several rooms show of alerts.
func (f *face) offer() {
	f.c.Tell(f.changes)
	f.c.Offer(console.NowFigures, console.Panel{Order: 40, Show: f.figure})
	for _, at := range []console.Place{console.ServerHalf, console.InstanceHalf} {
		f.c.Offer(at, console.Panel{Order: 20, Show: f.ofSubject})
	}
	for _, at := range []console.Place{console.ServerTop, console.InstanceTop} {
		f.c.Offer(at, console.Panel{Order: 10, Show: f.words})
	}
}

// changes tells which silences began.
func (f *face) changes(ctx context.Context, from, to time.Time) ([]ui.Moment, error) {
	all, err := f.board.Silences(ctx, true)
	if err != nil {
		return nil, err
	}
	var out []ui.Moment
	for _, s := range all {
		if s.StartsAt.Before(from) || s.StartsAt.After(to) {
			continue
		}
		out = append(out, ui.Moment{
			Kind: ui.Planned, At: s.StartsAt, Text: f.names(s.By) + " silenced",
			Link: ui.Link{Text: words(s), Href: "/silences?all=1"}, Note: s.Reason,
		})
	}
	return out, nil
}

func (f *face) figure(ctx context.Context, _ console.About) (templ.Component, error) {
	n, err := f.board.Counts(ctx)
	if err != nil {
		return nil, err
	}
	v := ui.Number{Label: "Alerts nobody has", Value: strconv.Itoa(n.Firing), Kind: ui.OK, Text: "nothing waits", Href: "/alerts"}
	switch {
	case n.Critical > 0:
		v.Kind, v.Text = ui.Bad, strconv.Itoa(n.Critical)+" critical"
	case n.Firing > 0:
		v.Kind, v.Text = ui.Warn, "none critical"
	case n.ToReview > 0:
		v.Kind, v.Text, v.Href = ui.Info, strconv.Itoa(n.ToReview)+" to review", "/alerts?state=review"
	}
	return ui.Figure(v), nil
}

// filterOf finds the alerts of a subject.
func filterOf(s signal.Subject) alert.Filter {
	if s.Kind == signal.Instance {
		return alert.Filter{Instance: s.Slug}
	}
	return alert.Filter{Server: s.Slug}
}

// words stand beside the heading of a server or an instance, which says what
// is wrong: the way to the worst of it.
func (f *face) words(ctx context.Context, about console.About) (templ.Component, error) {
	filter := filterOf(about.Subject)
	filter.State, filter.Limit = "open", 50
	page, err := f.board.List(ctx, filter)
	if err != nil {
		return nil, err
	}
	var worst *alert.Alert
	for i, a := range page.Items {
		if !a.Muted() && (worst == nil || a.Severity.Rank() > worst.Severity.Rank()) {
			worst = &page.Items[i]
		}
	}
	if worst == nil {
		return nil, nil
	}
	return topWords(*worst), nil
}

func (f *face) ofSubject(ctx context.Context, about console.About) (templ.Component, error) {
	filter := filterOf(about.Subject)
	filter.Limit = 8
	page, err := f.board.List(ctx, filter)
	if err != nil {
		return nil, err
	}
	key := "server"
	if about.Subject.Kind == signal.Instance {
		key = "instance"
	}
	return subjectPanel(f.rows(page.Items), "/alerts?"+key+"="+about.Subject.Slug), nil
}
