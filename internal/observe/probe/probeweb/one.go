package probeweb

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/lib/logattr"
	"github.com/vigie-ops/vigie/internal/observe/probe"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/ui"
	"github.com/vigie-ops/vigie/internal/ui/chart"
)

// onePage is what the page of one probe shows.
type onePage struct {
	slug, path string
	address    *url.URL
	shown      ui.Range
	heading    ui.Heading
	facts      []ui.Fact
	seen       []seenRow
	line       templ.Component
	outages    []outageRow
	heartbeat  bool
	hasToken   bool
	mayMake    bool
	where      string // the heartbeat's address, with a word for the token
}

// seenRow is what one place saw last.
type seenRow struct {
	place  string
	kind   ui.Kind
	state  string
	at     time.Time
	took   string
	phases string
}

func (f *Face) one(c *console.Console) console.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		s, err := f.statusOf(r)
		if err != nil {
			return err
		}
		now := f.o.Now()
		v := onePage{
			slug: s.Probe, path: r.URL.RequestURI(), address: r.URL,
			shown:     ui.ParseRange(r.URL.Query(), now, "4h"),
			facts:     factsOf(s),
			seen:      seenRows(s),
			heartbeat: s.Kind == probe.KindHeartbeat,
		}
		v.heading = ui.Heading{Title: nameOf(s), Note: asks(s)}
		v.heading.Kind, v.heading.State = stateOf(s, now)
		if l := subjectLink(s.Subject); l.Text != "" {
			v.heading.Tags = append(v.heading.Tags, l)
		}
		outages, err := f.o.Probes.Outages(r.Context(), probe.Filter{Probe: s.Probe, Limit: 100})
		if err != nil {
			return fmt.Errorf("read the outages of %s: %w", s.Probe, err)
		}
		v.outages = outageRows(outages, now)
		if v.heartbeat {
			if v.hasToken, err = f.o.Probes.HasHeartbeatToken(r.Context(), s.Probe); err != nil {
				return fmt.Errorf("read whether heartbeat %s has a token: %w", s.Probe, err)
			}
			v.mayMake = console.Actor(r).Role.Allows(people.Operator)
			v.where = f.heartbeatAddress(s.Probe, "TOKEN")
		} else {
			v.line = f.phaseChart(r.Context(), s, v.shown)
		}
		return c.Render(w, r, console.View{
			Title: nameOf(s), Crumbs: []ui.Link{{Text: "Probes", Href: "/probes"}}, Current: "/probes", Body: oneBody(v),
		})
	}
}

func (f *Face) statusOf(r *http.Request) (probe.Status, error) {
	slug := r.PathValue("slug")
	for _, s := range f.o.Probes.Status(everything) {
		if s.Probe == slug {
			return s, nil
		}
	}
	return probe.Status{}, console.NotFound("The operations repository has no probe of this name. It may have been taken out.")
}

// phaseChart shows where the time goes; nil where nothing measures.
func (f *Face) phaseChart(ctx context.Context, s probe.Status, r ui.Range) templ.Component {
	if f.o.Measured == nil {
		return nil
	}
	line := chart.Line{Title: "Where the time goes", Unit: chart.Seconds, From: r.From, To: r.To, Zone: ui.Zone(ctx), Height: 180}
	series, err := f.o.Measured.Phases(ctx, s.Probe, r.From, r.To)
	if err != nil {
		if ctx.Err() == nil {
			f.o.Log.Error("phases of a probe could not be read", "probe", s.Probe, logattr.Err(err))
		}
		line.Broken = "could not be read"
		return line
	}
	for i := range series {
		if name, ok := phaseNames[series[i].Name]; ok {
			series[i].Name = name
		}
	}
	line.Series = series
	return line
}

func seenRows(s probe.Status) []seenRow {
	var out []seenRow
	for _, l := range s.Last {
		row := seenRow{place: l.Place, at: l.Result.At, kind: ui.OK, state: "well", took: "–"}
		switch {
		case l.Result.Unable:
			row.kind, row.state = ui.Quiet, "could not look: "+l.Result.Error
		case !l.Result.OK:
			row.kind, row.state = ui.Bad, l.Result.Error
		}
		if l.Result.Duration > 0 {
			row.took = ui.Duration(l.Result.Duration)
		}
		row.phases = phases(probe.Status{Last: []probe.Seen{l}})
		out = append(out, row)
	}
	return out
}

func factsOf(s probe.Status) []ui.Fact {
	out := []ui.Fact{{Name: "Probe", Value: s.Probe, Mono: true}, {Name: "Severity when down", Value: string(s.Severity)}}
	if s.Kind == probe.KindHeartbeat {
		out = append(out, ui.Fact{Name: "Expected", Value: "every " + ui.Duration(s.Every)})
	} else {
		out = append(out,
			ui.Fact{Name: "Looks", Value: "every " + ui.Duration(s.Target.Interval)},
			ui.Fact{Name: "Waits", Value: "at most " + ui.Duration(s.Target.Timeout)})
	}
	if s.Component != "" {
		out = append(out, ui.Fact{Name: "Component", Value: s.Component})
	}
	if s.Pos.File != "" {
		name := "Declared in"
		if s.Implicit {
			name = "Because of"
		}
		out = append(out, ui.Fact{Name: name, Value: s.Pos.File + ":" + strconv.Itoa(s.Pos.Line), Href: console.Declared(s.Pos).Href, Mono: true})
	}
	return out
}

// heartbeatAddress is where others send a heartbeat.
func (f *Face) heartbeatAddress(slug, token string) string {
	base := ""
	if f.o.Address != nil {
		base = strings.TrimSuffix(f.o.Address(), "/")
	}
	return base + "/heartbeat/" + url.PathEscape(slug) + "/" + token
}
