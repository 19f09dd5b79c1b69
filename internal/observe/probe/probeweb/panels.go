package probeweb

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/a-h/templ"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/lib/logattr"
	"github.com/vigie-ops/vigie/internal/observe/probe"
	"github.com/vigie-ops/vigie/internal/signal"
	"github.com/vigie-ops/vigie/internal/ui"
)

// recentCells is how many parts the strip of the recent past has.
const recentCells = 48

// probeRow is a line of a list of probes.
type probeRow struct {
	slug, name, href string
	kind             ui.Kind
	state            string
	asks, cause      string
	subject          ui.Link
	took, phases     string
	places           string
	certKind         ui.Kind
	certificate      string
	recent           []ui.Day
}

func rowOf(s probe.Status, now time.Time) probeRow {
	row := probeRow{slug: s.Probe, name: short(s), href: probeHref(s.Probe), asks: asks(s), subject: subjectLink(s.Subject), took: took(s), phases: phases(s), places: places(s)}
	row.kind, row.state = stateOf(s, now)
	row.certKind, row.certificate = certificate(s, now)
	if s.State != probe.Up {
		row.cause = s.Cause
	}
	if s.Kind == probe.KindHeartbeat && !s.Beat.IsZero() {
		row.took = ui.Ago(now.Sub(s.Beat))
	}
	return row
}

// rows turns statuses into lines, with their recent past.
func (f *Face) rows(ctx context.Context, all []probe.Status, r ui.Range) []probeRow {
	now := f.o.Now()
	out := make([]probeRow, len(all))
	slugs := make([]string, len(all))
	for i, s := range all {
		out[i], slugs[i] = rowOf(s, now), s.Probe
	}
	if f.o.Measured == nil || len(all) == 0 {
		return out
	}
	recent, err := f.o.Measured.Recent(ctx, slugs, r.From, r.To, recentCells)
	if err != nil {
		// The states are what counts; the strips come back with the metrics.
		if ctx.Err() == nil {
			f.o.Log.Error("recent past of probes could not be read", logattr.Err(err))
		}
		return out
	}
	for i := range out {
		out[i].recent = cells(recent[slugs[i]], r, ui.Zone(ctx))
	}
	return out
}

// cells puts shares of good answers into a strip.
func cells(shares []float64, r ui.Range, zone *time.Location) []ui.Day {
	if len(shares) == 0 {
		return nil
	}
	out := make([]ui.Day, len(shares))
	part := r.To.Sub(r.From) / time.Duration(len(shares))
	for i, v := range shares {
		at := r.From.Add(time.Duration(i) * part).In(zone).Format("2 Jan 15:04")
		switch {
		case math.IsNaN(v):
			out[i] = ui.Day{Kind: ui.Quiet, Words: at + ": nobody looked"}
		case v >= 1:
			out[i] = ui.Day{Kind: ui.OK, Words: at + ": well"}
		case v > 0.5:
			out[i] = ui.Day{Kind: ui.Warn, Words: at + ": " + ui.Percent(100*v) + " of the answers were good"}
		default:
			out[i] = ui.Day{Kind: ui.Bad, Words: at + ": " + ui.Percent(100*v) + " of the answers were good"}
		}
	}
	return out
}

// serverProbes shows what is seen of a server from outside.
func (f *Face) serverProbes(ctx context.Context, about console.About) (templ.Component, error) {
	all := f.o.Probes.Status(about.Subject)
	if len(all) == 0 {
		return nil, nil
	}
	slices.SortStableFunc(all, func(a, b probe.Status) int {
		if urgency(a.State) != urgency(b.State) {
			return urgency(a.State) - urgency(b.State)
		}
		return b.Target.Port - a.Target.Port
	})
	return serverPanel(f.rows(ctx, all, about.Range), fromWhere(all)), nil
}

// fromWhere names the places that look.
func fromWhere(all []probe.Status) string {
	var names []string
	for _, s := range all {
		for _, l := range s.Last {
			if !slices.Contains(names, l.Place) {
				names = append(names, l.Place)
			}
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "from " + and(names)
}

// outagesShown is how many outages the page of an instance lists.
const outagesShown = 8

// instanceProbes shows whether an instance answers, and since when.
func (f *Face) instanceProbes(ctx context.Context, about console.About) (templ.Component, error) {
	all := f.o.Probes.Status(about.Subject)
	if len(all) == 0 {
		return nil, nil
	}
	slices.SortStableFunc(all, worstFirst)
	outages, err := f.o.Probes.Outages(ctx, probe.Filter{Subject: about.Subject, Limit: outagesShown})
	if err != nil {
		return nil, fmt.Errorf("read the outages of %s: %w", about.Subject, err)
	}
	found, err := f.uptime.of(ctx, []signal.Subject{about.Subject})
	if err != nil {
		return nil, err
	}
	up := found[about.Subject]
	v := instanceView{
		rows:    f.rows(ctx, all, about.Range),
		from:    fromWhere(all),
		days:    up.Days,
		uptime:  "nobody has looked yet",
		outages: outageRows(outages, f.o.Now()),
	}
	switch {
	case math.IsNaN(up.Percent):
	case up.Watched > 0:
		v.uptime = ui.Percent(up.Percent) + " over the " + ui.Duration(up.Watched.Truncate(time.Second)) + " since it is watched"
	default:
		v.uptime = ui.Percent(up.Percent) + " over 90 days"
	}
	return instancePanels(v), nil
}

// instanceView is what the page of an instance shows of its probes.
type instanceView struct {
	rows    []probeRow
	from    string
	days    []ui.Day
	uptime  string
	outages []outageRow
}

// changes tells the outages that began or ended between two moments.
func (f *Face) changes(ctx context.Context, from, to time.Time) ([]ui.Moment, error) {
	outages, err := f.o.Probes.Outages(ctx, probe.Filter{Since: from})
	if err != nil {
		return nil, fmt.Errorf("read the outages since %s: %w", from, err)
	}
	return moments(outages, from, to), nil
}

func (f *Face) countDown(context.Context) (string, ui.Kind) {
	n := 0
	for _, s := range f.o.Probes.Status(everything) {
		if s.State == probe.Down {
			n++
		}
	}
	if n == 0 {
		return "", ui.Quiet
	}
	return fmt.Sprint(n), ui.Bad
}
