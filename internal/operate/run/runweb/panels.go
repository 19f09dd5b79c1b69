package runweb

import (
	"context"
	"fmt"
	"time"

	"github.com/a-h/templ"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/operate/run"
	"github.com/vigie-ops/vigie/internal/ui"
)

// offer adds what pages of several rooms show of runs.
func (f *face) offer() {
	f.c.Tell(f.changes)
	f.c.Offer(console.NowMain, console.Panel{Order: 60, Show: f.underWay})
	f.c.Offer(console.ServerHalf, console.Panel{Order: 60, Show: f.ofServer})
	f.c.Offer(console.InstanceHalf, console.Panel{Order: 60, Show: f.ofInstance})
}

// changes tells the runs that began, and how they ended.
func (f *face) changes(ctx context.Context, from, to time.Time) ([]ui.Moment, error) {
	page, err := f.office.List(ctx, run.Filter{Since: from.Add(-24 * time.Hour), Kinds: []run.Kind{run.Real}, Limit: 200})
	if err != nil {
		return nil, err
	}
	var out []ui.Moment
	for _, r := range page.Items {
		at, kind, words := r.StartedAt, ui.Info, "runs"
		if r.State.Over() {
			at, kind, words = r.EndedAt, stateKind(r.State), string(r.State)
		}
		if at.IsZero() || at.Before(from) || at.After(to) {
			continue
		}
		out = append(out, ui.Moment{
			Kind: kind, At: at, Text: "Run", Link: ui.Link{Text: fmt.Sprintf("#%d, %s", r.Number, r.Title), Href: home + "/" + r.ID},
			Note: words + " on " + where(r) + ", asked by " + f.name(r.By),
		})
	}
	return out, nil
}

// underWay is Now's panel of what works or waits; nothing where nothing does.
func (f *face) underWay(ctx context.Context, _ console.About) (templ.Component, error) {
	page, err := f.office.List(ctx, run.Filter{Active: true, ForThemselves: true, Limit: 8})
	if err != nil {
		return nil, err
	}
	return nowPanel(f.rows(page.Items), page.Next != ""), nil
}

// ofServer is a server's panel of its runs.
func (f *face) ofServer(ctx context.Context, about console.About) (templ.Component, error) {
	page, err := f.office.List(ctx, run.Filter{Server: about.Subject.Slug, ForThemselves: true, Limit: 6})
	if err != nil {
		return nil, err
	}
	keys, err := f.office.HostKeysOf(ctx, about.Subject.Slug)
	if err != nil {
		return nil, err
	}
	return serverPanel(about.Subject.Slug, f.rows(page.Items), len(keys.Offered) > 0), nil
}

// ofInstance is an instance's panel of what ran on its servers.
func (f *face) ofInstance(ctx context.Context, about console.About) (templ.Component, error) {
	servers := f.serversOf(about.Subject.Slug)
	page, err := f.office.List(ctx, run.Filter{Servers: append([]string{}, servers...), ForThemselves: true, Limit: 6})
	if err != nil {
		return nil, err
	}
	return instancePanel(f.rows(page.Items)), nil
}
