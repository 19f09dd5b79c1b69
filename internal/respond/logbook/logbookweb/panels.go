package logbookweb

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"github.com/a-h/templ"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/respond/logbook"
	"github.com/vigie-ops/vigie/internal/signal"
	"github.com/vigie-ops/vigie/internal/ui"
)

// offer adds what pages of several rooms show of issues.
func (f *face) offer() {
	f.c.Offer(console.NowFigures, console.Panel{Order: 10, Show: f.figure})
	f.c.Offer(console.NowTop, console.Panel{Order: 10, Show: f.wrong})
	f.c.Offer(console.ServerHalf, console.Panel{Order: 30, Show: f.ofSubject})
	f.c.Offer(console.InstanceHalf, console.Panel{Order: 30, Show: f.ofSubject})
	f.c.Offer(console.ClientMain, console.Panel{Order: 30, Show: f.ofSubject})
}

func (f *face) figure(ctx context.Context, _ console.About) (templ.Component, error) {
	n, err := f.desk.Counts(ctx)
	if err != nil {
		return nil, err
	}
	v := ui.Number{Label: "Open issues", Value: strconv.Itoa(n.Open), Kind: ui.OK, Text: "nothing is wrong", Href: "/issues"}
	switch {
	case n.Untaken == 1:
		v.Kind, v.Text = ui.Bad, "1 nobody has taken"
	case n.Untaken > 1:
		v.Kind, v.Text = ui.Bad, strconv.Itoa(n.Untaken)+" nobody has taken"
	case n.Open > 0:
		v.Kind, v.Text = ui.Warn, "all taken"
	case n.Resolved > 0:
		v.Kind, v.Text = ui.Info, strconv.Itoa(n.Resolved)+" to close"
	}
	return ui.Figure(v), nil
}

// wrongMost is how many issues Now names.
const wrongMost = 10

// byNeed puts first what needs a person most: the worst, and of that what
// nobody has.
func byNeed(a, b logbook.Issue) int {
	taken := func(i logbook.Issue) int {
		if i.TakenBy == "" {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(b.Severity.Rank(), a.Severity.Rank()), cmp.Compare(taken(a), taken(b)))
}

// wrong answers the console's first question: what is wrong, and who has it.
func (f *face) wrong(ctx context.Context, _ console.About) (templ.Component, error) {
	page, err := f.desk.List(ctx, logbook.Filter{State: logbook.Open, Limit: 200})
	if err != nil {
		return nil, err
	}
	open := page.Items
	slices.SortStableFunc(open, byNeed)
	more := page.Next != "" || len(open) > wrongMost
	return wrongPanel(f.rows(open[:min(len(open), wrongMost)]), more), nil
}

func (f *face) ofSubject(ctx context.Context, about console.About) (templ.Component, error) {
	filter := logbook.Filter{Limit: 6}
	switch about.Subject.Kind {
	case signal.Server:
		filter.Server = about.Subject.Slug
	case signal.Instance:
		filter.Instance = about.Subject.Slug
	case signal.Client:
		filter.Client = about.Subject.Slug
	}
	page, err := f.desk.List(ctx, filter)
	if err != nil {
		return nil, err
	}
	return subjectPanel(f.rows(page.Items), "/issues?state=all&"+about.Subject.Kind+"="+about.Subject.Slug), nil
}
