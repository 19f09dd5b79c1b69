// Package kit is the page that shows every component of ui in every state.
package kit

import (
	"math"
	"net/http"
	"net/url"
	"time"

	"github.com/a-h/templ"

	"github.com/vigie-ops/vigie/internal/ui"
	"github.com/vigie-ops/vigie/internal/ui/chart"
)

// now is the moment the page is about. It never changes, so that two pictures
// of the page differ only where a component does.
var now = time.Date(2026, 11, 23, 22, 58, 0, 0, time.UTC)

// Handler serves the page of the kit, and the narrow page with ?plain=1.
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page := Page()
		if r.URL.Query().Has("plain") {
			page = SignIn()
		}
		ctx := ui.WithCSRF(ui.WithNow(r.Context(), now), "token-of-the-kit")
		if err := ui.Render(w, r.WithContext(ctx), http.StatusOK, page); err != nil {
			http.Error(w, "The page of the kit could not be shown.", http.StatusInternalServerError)
		}
	})
}

// Page is the whole page.
func Page() templ.Component { return page() }

// SignIn is an example of a page without the rail.
func SignIn() templ.Component { return signIn() }

func frame() ui.Page {
	return ui.Page{
		Title: "Component kit", Crumbs: []ui.Link{{Text: "Development", Href: "/dev"}}, Current: "/dev/kit",
		Nav: []ui.NavGroup{
			{Items: []ui.NavItem{{Text: "Now", Href: "/"}, {Text: "Issues", Href: "/issues", Count: "2", Kind: ui.Bad}, {Text: "Alerts", Href: "/alerts", Count: "5"}}},
			{Title: "Fleet", Items: []ui.NavItem{{Text: "Instances", Href: "/instances", Count: "48"}, {Text: "Servers", Href: "/servers", Count: "31"}}},
			{Title: "Development", Items: []ui.NavItem{{Text: "Component kit", Href: "/dev/kit"}}},
		},
		Search: "/search", Live: "/events",
		Actions: ui.LinkButton("Declare an issue", "#"),
		Account: ui.Account{Name: "Camille Martin", Note: "on call, level 1", SignOut: "/sign-out"},
		Stale:   "Nothing has been heard from the collectors for 12 min. What is shown is from 22:46.",
		Flash:   []ui.Message{{Kind: ui.OK, Text: "The silence ends tomorrow at 08:00."}, {Kind: ui.Bad, Text: "The note was not saved: another person changed it. Read theirs below, then save again."}},
	}
}

var kinds = []struct {
	kind ui.Kind
	word string
}{{ui.Bad, "down"}, {ui.Warn, "slow"}, {ui.OK, "well"}, {ui.Info, "running"}, {ui.Planned, "in maintenance"}, {ui.Quiet, "nobody yet"}}

func days() []ui.Day {
	out := make([]ui.Day, 90)
	for i := range out {
		d := now.AddDate(0, 0, i-89).Format("2 Jan")
		out[i] = ui.Day{Kind: ui.OK, Words: d + ": up all day"}
		switch {
		case i < 6:
			out[i] = ui.Day{Words: d + ": nothing measured"}
		case i == 40:
			out[i] = ui.Day{Kind: ui.Bad, Words: d + ": down for 42 min"}
		case i == 41 || i == 72:
			out[i] = ui.Day{Kind: ui.Warn, Words: d + ": slow for 6 min"}
		case i == 60:
			out[i] = ui.Day{Kind: ui.Planned, Words: d + ": maintenance for 1 h"}
		}
	}
	return out
}

func values(n int, base, swing float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		x := float64(i) / float64(n)
		out[i] = base + swing*math.Sin(x*6.3) + swing/3*math.Sin(x*71) + swing/5*math.Sin(x*173)
	}
	return out
}

func points(n int, base, swing float64) []chart.Point {
	out := make([]chart.Point, n)
	for i, v := range values(n, base, swing) {
		out[i] = chart.Point{T: now.Add(-4*time.Hour + time.Duration(i)*4*time.Hour/time.Duration(n)), V: v}
	}
	return out
}

func lineOf(title string, unit chart.Unit, series ...chart.Series) chart.Line {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		paris = time.UTC
	}
	return chart.Line{Title: title, Unit: unit, From: now.Add(-4 * time.Hour), To: now, Zone: paris, Series: series}
}

func unusual() chart.Line {
	p := points(160, 24, 6)
	l := lineOf("CPU", chart.Percent)
	for i := range p {
		l.Band = append(l.Band, chart.Band{T: p[i].T, Low: 24 + 6*math.Sin(float64(i)/160*6.3) - 6, High: 24 + 6*math.Sin(float64(i)/160*6.3) + 8})
		if i > 124 {
			p[i].V += 45 * math.Min(1, float64(i-124)/8)
			if i%2 == 0 {
				l.Unusual = append(l.Unusual, p[i])
			}
		}
	}
	l.Series = []chart.Series{{Name: "CPU", Points: p}}
	l.Marks = []chart.Mark{{T: p[122].T, Label: "release 4.12.1"}}
	return l
}

func filling() chart.Line {
	p := points(120, 0, 0.5)
	for i := range p {
		p[i].V += 61 + float64(i)*.16
	}
	l := lineOf("Disk /var", chart.Percent, chart.Series{Name: "used", Points: p})
	l.Limits, l.Area = []chart.Limit{{Value: 90, Label: "limit 90 %"}}, true
	return l
}

func gaps() chart.Line {
	p := points(120, 5.1*(1<<30), 4e8)
	for i := 50; i < 66; i++ {
		p[i].V = math.NaN()
	}
	l := lineOf("Memory", chart.Bytes, chart.Series{Name: "used", Points: p})
	l.Area = true
	return l
}

func several() chart.Line {
	l := lineOf("Responses", chart.Seconds)
	for i, name := range []string{"p50", "p95", "p99", "slowest"} {
		l.Series = append(l.Series, chart.Series{Name: name, Points: points(120, .09*float64(i+1), .02*float64(i+1))})
	}
	return l
}

func broken() chart.Line {
	l := lineOf("Load", chart.None)
	l.Broken = "the metrics store did not answer in 5 s"
	return l
}

func bars() chart.Bars {
	b := chart.Bars{Title: "Log lines", Unit: chart.Count, From: now.Add(-4 * time.Hour), To: now}
	for i, v := range values(60, 420, 160) {
		from := b.From.Add(time.Duration(i) * 4 * time.Minute)
		bar := chart.Bar{From: from, To: from.Add(4 * time.Minute), V: math.Round(v), Kind: "info"}
		if i > 50 {
			bar.V, bar.Kind = bar.V*2, "bad"
		}
		b.Bars = append(b.Bars, bar)
	}
	return b
}

func address() *url.URL { return &url.URL{Path: "/dev/kit", RawQuery: "q=nginx&from=1&to=2"} }

const prose = `Release **4.12.1** reached app-07 two minutes before the first error. The same release
runs on staging since 19:20, with one difference: ` + "`workers: 8`" + `.

- [x] rolled back
- [ ] told the client, see [the runbook](https://example.org/runbook)

| server | errors |
|---|---:|
| app-07 | 212 |

> HTML is dropped: <script>alert(1)</script> <b onclick="x()">text</b>
`

const diff = `--- a/instances/borealis.yaml
+++ b/instances/borealis.yaml
@@ -12,4 +12,4 @@ borealis
   version: 4.12.0
-  workers: 4
+  workers: 8
   queue: default
`
