package driftweb

import (
	"context"
	"net/url"
	"time"

	"github.com/a-h/templ"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/operate/drift"
	"github.com/vigie-ops/vigie/internal/ui"
)

// nowShown and serverShown bound the panels on other pages.
const (
	nowShown    = 5
	serverShown = 6
)

type nowRow struct {
	Server, Href, First string
	Findings            string
	Since               time.Time
}

// onNow is Now's panel of the servers that drift; nothing where none does.
func (f *face) onNow(ctx context.Context, _ console.About) (templ.Component, error) {
	n, err := f.drift.Numbers(ctx)
	if err != nil {
		return nil, err
	}
	var rows []nowRow
	if n.Servers > 0 {
		servers, err := f.drift.Servers(ctx, nowShown)
		if err != nil {
			return nil, err
		}
		for _, s := range servers {
			rows = append(rows, nowRow{
				Server: s.Server, Href: home + "?" + url.Values{"server": {s.Server}}.Encode(), First: s.First.Task,
				Findings: ui.Count(s.Open, "finding", "findings"), Since: s.First.FirstSeen,
			})
		}
	}
	return nowPanel(rows, ui.Count(n.Servers, "server differs", "servers differ")+" from their playbooks"), nil
}

type serverView struct {
	Href     string
	Rows     []findingRow
	More     bool
	LookedAt time.Time
	Empty    [3]string
}

// ofServer is a server's panel of what drifts there.
func (f *face) ofServer(ctx context.Context, about console.About) (templ.Component, error) {
	server := about.Subject.Slug
	v := serverView{Href: home + "?" + url.Values{"server": {server}}.Encode()}
	page, err := f.drift.List(ctx, drift.Filter{State: drift.Open, Server: server, Limit: serverShown})
	if err != nil {
		return nil, err
	}
	if v.LookedAt, err = f.drift.LookedAt(ctx, server); err != nil {
		return nil, err
	}
	for _, one := range page.Items {
		v.Rows = append(v.Rows, f.row(one))
	}
	v.More = page.Next != ""
	v.Empty = [3]string{"Nothing drifts here", "This server is as its playbooks say.", ""}
	if v.LookedAt.IsZero() {
		v.Empty = [3]string{"Nobody looked here yet", "What differs from what its playbooks say appears here.", ""}
	}
	return serverPanel(v), nil
}
