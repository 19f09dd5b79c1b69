package metricsweb

import (
	"cmp"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/metrics/query"
	"github.com/vigie-ops/vigie/internal/ui"
	"github.com/vigie-ops/vigie/internal/ui/chart"
)

// drawn is one chart, ready to show.
type drawn struct {
	title, note, href string
	line              chart.Line
	empty             bool // nothing was measured
	worst             string
}

// draw makes a chart of what the engine said.
func draw(s spec, a answers, marks []chart.Mark, r ui.Range, zone *time.Location) drawn {
	d := drawn{title: s.title, line: chart.Line{
		Title: s.title, Unit: s.unit, From: r.From, To: r.To, Zone: zone,
		Height: s.height, Low: s.low, High: s.high, Area: s.area, Marks: marks,
	}}
	if len(s.lines) > 0 {
		d.href = exploreLink(s.lines[0].expr, r)
	}
	if a.err != nil {
		d.line.Broken = "could not be read"
		return d
	}
	d.line.Series = seriesOf(s, a.lines)
	if s.worst != "" {
		d.keepWorst()
	}
	d.empty = len(d.line.Series) == 0
	if s.limit != 0 {
		d.line.Limits = []chart.Limit{{Value: s.limit, Label: "limit " + s.unit.Words(s.limit)}}
	}
	if !math.IsNaN(a.ceiling) && s.unit == chart.Bytes {
		d.line.High = a.ceiling
	}
	if !math.IsNaN(a.ceiling) && s.unit == chart.None {
		d.line.Limits = []chart.Limit{{Value: a.ceiling}}
	}
	if s.band != nil {
		d.line.Band = bandOf(a, s.high)
		d.line.Unusual = unusual(d.line.Series, d.line.Band)
	}
	d.note = noteOf(s, a, d.line)
	return d
}

// seriesOf turns answers into series, named and in an order that lasts.
func seriesOf(s spec, lines [][]query.Series) []chart.Series {
	var out []chart.Series
	for i, l := range s.lines {
		for _, found := range lines[i] {
			name := l.name
			if l.by != "" {
				name = found.Labels[l.by]
			}
			out = append(out, chart.Series{Name: name, Points: pointsOf(found)})
		}
	}
	if len(s.lines) == 1 {
		slices.SortStableFunc(out, func(a, b chart.Series) int { return cmp.Compare(a.Name, b.Name) })
	}
	return out
}

func pointsOf(s query.Series) []chart.Point {
	out := make([]chart.Point, len(s.Points))
	for i, p := range s.Points {
		out[i] = chart.Point{T: p.T, V: p.V}
	}
	return out
}

// keepWorst keeps the series that ends highest.
func (d *drawn) keepWorst() {
	if len(d.line.Series) == 0 {
		return
	}
	worst := slices.MaxFunc(d.line.Series, func(a, b chart.Series) int { return cmp.Compare(lastOf(a), lastOf(b)) })
	d.line.Series = []chart.Series{worst}
	d.worst = worst.Name
	d.title += " " + worst.Name
	d.line.Title = d.title
}

// lastOf is the newest value of a series, or NaN; NaN compares below all.
func lastOf(s chart.Series) float64 {
	for _, p := range slices.Backward(s.Points) {
		if !math.IsNaN(p.V) {
			return p.V
		}
	}
	return math.NaN()
}

// bandOf joins the two edges where both are known, within the axis.
func bandOf(a answers, top float64) []chart.Band {
	if len(a.lower) == 0 || len(a.upper) == 0 {
		return nil
	}
	lower := map[int64]float64{}
	for _, p := range a.lower[0].Points {
		lower[p.T.UnixMilli()] = p.V
	}
	var out []chart.Band
	for _, p := range a.upper[0].Points {
		if low, ok := lower[p.T.UnixMilli()]; ok {
			b := chart.Band{T: p.T, Low: max(0, low), High: p.V}
			if top > 0 {
				b.High = min(top, b.High)
			}
			out = append(out, b)
		}
	}
	return out
}

// unusual are the points of the only series that lie outside of the band.
func unusual(series []chart.Series, band []chart.Band) []chart.Point {
	if len(series) != 1 || len(band) == 0 {
		return nil
	}
	at := map[int64]chart.Band{}
	for _, b := range band {
		at[b.T.UnixMilli()] = b
	}
	var out []chart.Point
	for _, p := range series[0].Points {
		if b, ok := at[p.T.UnixMilli()]; ok && (p.V > b.High || p.V < b.Low) {
			out = append(out, p)
		}
	}
	return out
}

// noteOf says the newest value, with what it is compared to.
func noteOf(s spec, a answers, l chart.Line) string {
	if len(l.Series) == 0 {
		return ""
	}
	now := lastOf(l.Series[0])
	if math.IsNaN(now) {
		return ""
	}
	words := s.unit.Words(now)
	switch {
	case len(s.lines) == 1 && len(l.Series) > 1:
		highest := slices.MaxFunc(l.Series, func(a, b chart.Series) int { return cmp.Compare(lastOf(a), lastOf(b)) })
		return "most: " + highest.Name + ", " + s.unit.Words(lastOf(highest))
	case len(l.Band) > 0:
		b := l.Band[len(l.Band)-1]
		return words + ", expected " + between(s.unit, b.Low, b.High) + " at this hour"
	case s.worst != "" && a.full > 0:
		return words + ", full in " + ui.Duration(a.full)
	case !math.IsNaN(a.ceiling) && s.unit == chart.Bytes:
		return words + " of " + s.unit.Words(a.ceiling)
	case !math.IsNaN(a.ceiling):
		return words + " on " + ui.Count(int(a.ceiling), "core", "cores")
	case len(s.lines) > 1:
		all := make([]string, 0, len(l.Series))
		for _, one := range l.Series {
			if v := lastOf(one); !math.IsNaN(v) {
				all = append(all, one.Name+" "+s.unit.Words(v))
			}
		}
		return strings.Join(all, ", ")
	}
	return words
}

// between writes "18–33 %" rather than "18 %–33 %".
func between(u chart.Unit, low, high float64) string {
	if u == chart.Percent {
		return strconv.Itoa(int(math.Round(low))) + "–" + u.Words(math.Round(high))
	}
	return u.Words(low) + "–" + u.Words(high)
}

// exploreLink leads to the page that shows one question.
func exploreLink(expr string, r ui.Range) string {
	q := url.Values{"expr": {expr}}
	if r.Key != "" {
		q.Set("range", r.Key)
	} else {
		q.Set("from", strconv.FormatInt(r.From.UnixMilli(), 10))
		q.Set("to", strconv.FormatInt(r.To.UnixMilli(), 10))
	}
	return "/metrics?" + q.Encode()
}
