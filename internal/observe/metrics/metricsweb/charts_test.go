package metricsweb

import (
	"math"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/vigie-ops/vigie/internal/observe/metrics/query"
	"github.com/vigie-ops/vigie/internal/ui"
	"github.com/vigie-ops/vigie/internal/ui/chart"
)

func TestEveryQuestionIsPromQL(t *testing.T) {
	for _, step := range []time.Duration{10 * time.Second, time.Minute, coarse, 3 * time.Hour} {
		for _, s := range append(serverSpecs(`a"b\c`, step), containerSpecs("sh.op", []string{"a.b", `c"d`}, step)...) {
			exprs := []string{s.ceiling}
			for _, l := range s.lines {
				exprs = append(exprs, l.expr)
			}
			if s.band != nil {
				exprs = append(exprs, s.band.lower, s.band.upper)
			}
			for _, e := range exprs {
				if e == "" {
					continue
				}
				if _, err := parser.NewParser(parser.Options{}).ParseExpr(e); err != nil {
					t.Errorf("%s at %s: %s: %v", s.key, step, e, err)
				}
			}
		}
	}
}

func TestStepsAreRoundAndGiveAboutSoManyPoints(t *testing.T) {
	f := func(length, want time.Duration) {
		t.Helper()
		if got := stepFor(length); got != want {
			t.Errorf("%s: got %s, want %s", length, got, want)
		}
	}
	f(time.Minute, 10*time.Second)
	f(time.Hour, 15*time.Second)
	f(4*time.Hour, time.Minute)
	f(24*time.Hour, 10*time.Minute)
	f(7*24*time.Hour, time.Hour)
	f(30*24*time.Hour, 3*time.Hour)
	f(5*366*24*time.Hour, 24*time.Hour)
}

// flat is a series that stands still.
func flat(v float64, labels ...string) query.Series {
	s := query.Series{Labels: map[string]string{}}
	for i := 0; i < len(labels); i += 2 {
		s.Labels[labels[i]] = labels[i+1]
	}
	for m := range 3 {
		s.Points = append(s.Points, query.Point{T: time.Unix(int64(m)*60, 0), V: v})
	}
	return s
}

func TestTheFullestMountIsShown(t *testing.T) {
	s := spec{title: "Disk", unit: chart.Percent, worst: "mountpoint", limit: 90, lines: []lineSpec{{by: "mountpoint"}}}
	lines := [][]query.Series{{flat(30, "mountpoint", "/"), flat(math.NaN(), "mountpoint", "/dead"), flat(80, "mountpoint", "/var")}}
	d := draw(s, answers{lines: lines, ceiling: math.NaN()}, nil, ui.Range{}, time.UTC)
	if d.title != "Disk /var" || len(d.line.Series) != 1 || plain(d.note) != "80 %" {
		t.Errorf("got %q, %d series, %q; want Disk /var alone at 80 %%", d.title, len(d.line.Series), d.note)
	}
}

func TestPointsOutsideTheBandAreMarked(t *testing.T) {
	band := []chart.Band{{T: time.Unix(0, 0), Low: 10, High: 20}, {T: time.Unix(60, 0), Low: 10, High: 20}, {T: time.Unix(120, 0), Low: 10, High: 20}}
	series := []chart.Series{{Points: []chart.Point{{T: time.Unix(0, 0), V: 15}, {T: time.Unix(60, 0), V: 21}, {T: time.Unix(120, 0), V: 9}, {T: time.Unix(180, 0), V: 99}}}}
	if got := unusual(series, band); len(got) != 2 || got[0].V != 21 || got[1].V != 9 {
		t.Errorf("got %v, want 21 and 9", got)
	}
}

func TestABandStaysWithinTheAxis(t *testing.T) {
	got := bandOf(answers{lower: []query.Series{flat(-5)}, upper: []query.Series{flat(130)}}, 100)
	if len(got) != 3 || got[0].Low != 0 || got[0].High != 100 {
		t.Errorf("got %v, want 0 to 100", got)
	}
}

func TestAFailedChartSaysSoAndNothingElse(t *testing.T) {
	d := draw(spec{title: "CPU", lines: []lineSpec{{}}}, answers{err: errNothing, ceiling: math.NaN()}, nil, ui.Range{}, time.UTC)
	if d.line.Broken == "" || d.note != "" || strings.Contains(d.line.Broken, errNothing.Error()) {
		t.Errorf("got %+v, want a broken chart without the error's words", d)
	}
}

var errNothing = url.InvalidHostError("secret")

func TestTheCaretStandsBelowThePlace(t *testing.T) {
	f := func(expr string, at int, want string) {
		t.Helper()
		if got := caret(expr, at); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f("sum(x", 4, "sum(x\n    ^")
	f("a +\nsum(x", 8, "sum(x\n    ^")
	f("é(", 2, "é(\n ^")
	f("x", 99, "x\n ^")
}

func FuzzCaret(f *testing.F) {
	f.Add("sum(rate(x[5m])", 3)
	f.Add("\n\n", 1)
	f.Fuzz(func(_ *testing.T, expr string, at int) {
		caret(expr, at)
		wrongWith(expr)
	})
}

func plain(s string) string { return strings.ReplaceAll(s, "\u00a0", " ") }
