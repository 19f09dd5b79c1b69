package probeweb

import (
	"time"

	"github.com/vigie-ops/vigie/internal/observe/probe"
	"github.com/vigie-ops/vigie/internal/ui"
)

// outageRow is a line of a list of outages.
type outageRow struct {
	state    ui.Kind
	words    string // how long, or that it goes on
	from, to time.Time
	cause    string
	places   string
}

func outageRows(outages []probe.Outage, now time.Time) []outageRow {
	rows := make([]outageRow, 0, len(outages))
	for _, o := range outages {
		row := outageRow{
			state: ui.Quiet, from: o.StartedAt, to: o.EndedAt, cause: o.Cause,
		}
		if o.EndedAt.IsZero() {
			row.state, row.words = ui.Bad, ui.Duration(now.Sub(o.StartedAt).Truncate(time.Second))+" so far"
		} else {
			row.words = ui.Duration(o.EndedAt.Sub(o.StartedAt).Truncate(time.Second))
		}
		if len(o.Places) > 0 {
			row.places = "seen from " + and(o.Places)
		}
		rows = append(rows, row)
	}
	return rows
}

// moments tells outages as what happened: each begins, and each that is over
// ends.
func moments(outages []probe.Outage, from, to time.Time) []ui.Moment {
	var out []ui.Moment
	add := func(m ui.Moment) {
		if !m.At.Before(from) && !m.At.After(to) {
			out = append(out, m)
		}
	}
	for _, o := range outages {
		name := o.Probe
		if o.Subject.Slug != "" && o.Subject.Slug != o.Probe {
			name = o.Subject.Slug + ", " + o.Probe
		}
		link := ui.Link{Text: name, Href: probeHref(o.Probe)}
		add(ui.Moment{Kind: ui.Bad, At: o.StartedAt, Text: "Down:", Link: link, Note: o.Cause})
		if !o.EndedAt.IsZero() {
			add(ui.Moment{Kind: ui.OK, At: o.EndedAt, Text: "Well again after " + ui.Duration(o.EndedAt.Sub(o.StartedAt).Truncate(time.Second)) + ":", Link: link})
		}
	}
	return out
}
