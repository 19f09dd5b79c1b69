package chart_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/ui/chart"
)

// elements parses a drawing and returns how often each element occurs and the
// value of one attribute of the outermost. It fails on markup that is not
// well-formed and on anything the page's policy forbids.
func elements(t *testing.T, svg string) (map[string]int, map[string]string) {
	t.Helper()
	count, attrs := map[string]int{}, map[string]string{}
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return count, attrs
		}
		if err != nil {
			t.Fatalf("not well-formed: %v\n%s", err, svg)
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		count[e.Name.Local]++
		for _, a := range e.Attr {
			if a.Name.Local == "style" || strings.HasPrefix(a.Name.Local, "on") {
				t.Fatalf("forbidden attribute %s in %s", a.Name.Local, svg)
			}
			if count["svg"] == 1 && e.Name.Local == "svg" {
				attrs[a.Name.Local] = a.Value
			}
		}
	}
}

func paths(svg string) (moves int) {
	_, d, _ := strings.Cut(svg, `class="series k0" fill="none" d="`)
	d, _, _ = strings.Cut(d, `"`)
	return strings.Count(d, "M")
}

func TestNothingMeasuredIsNotBridged(t *testing.T) {
	f := func(what string, points []chart.Point, runs int) {
		t.Helper()
		l := line()
		l.Series = []chart.Series{{Name: "cpu", Points: points}}
		if got := paths(l.SVG()); got != runs {
			t.Errorf("%s: %d strokes, want %d", what, got, runs)
		}
	}
	whole := wave(40, 30, 5)
	f("all there", whole, 1)
	nan := wave(40, 30, 5)
	nan[10].V = math.NaN()
	f("one value missing", nan, 2)
	nan[12].V = math.Inf(1)
	f("one value between two gaps", nan, 3)
	f("a hole in time", append(wave(40, 30, 5)[:10], whole[20:]...), 2)
}

func TestPointsReachTheCrosshair(t *testing.T) {
	l := line()
	l.Series = []chart.Series{{Name: `a "b" </script>`, Points: wave(4, 30, 5)}}
	l.Series[0].Points[2].V = math.NaN()
	_, attrs := elements(t, l.SVG())
	var got []struct {
		Name  string     `json:"n"`
		Start int64      `json:"t"`
		Step  int64      `json:"s"`
		V     []*float64 `json:"v"`
	}
	if err := json.Unmarshal([]byte(attrs["data-points"]), &got); err != nil {
		t.Fatalf("data-points: %v", err)
	}
	if len(got) != 1 || got[0].Name != `a "b" </script>` || got[0].Start != start.UnixMilli() || got[0].Step != time.Hour.Milliseconds() || len(got[0].V) != 4 {
		t.Errorf("got %+v", got)
	}
	if got[0].V[2] != nil {
		t.Errorf("a gap is %v, want null", *got[0].V[2])
	}
	if attrs["data-zone"] != "Europe/Paris" || attrs["data-unit"] != "percent" {
		t.Errorf("zone %q, unit %q", attrs["data-zone"], attrs["data-unit"])
	}
}

func TestSentenceSaysWhatTheDrawingShows(t *testing.T) {
	l := line()
	l.Series = []chart.Series{{Name: "busy", Points: []chart.Point{{T: start, V: 18}, {T: start.Add(time.Hour), V: 71}}}}
	l.Limits = []chart.Limit{{Value: 90}}
	_, attrs := elements(t, l.SVG())
	want := "CPU, 23 Nov 19:00 to 23:00: last 71 %, lowest 18 %, highest 71 %; limit at 90 %."
	if got := strings.ReplaceAll(attrs["aria-label"], "\u00a0", " "); got != want {
		t.Errorf("aria-label\n got %s\nwant %s", got, want)
	}
}

func FuzzLabelsStayText(f *testing.F) {
	f.Add("CPU", "cpu")
	f.Add(`"><script>alert(1)</script>`, `' onload=alert(1) x='`)
	f.Add("a\x00b\ufffe", "</title></svg><img src=x onerror=alert(1)>")
	f.Add("]]>&amp;<!--", "\xff\xfe")
	f.Fuzz(func(t *testing.T, title, name string) {
		l := line()
		l.Title, l.Marks, l.Limits = title, []chart.Mark{{T: start.Add(time.Hour), Label: name}}, []chart.Limit{{Value: 4, Label: name}}
		l.Series = []chart.Series{{Name: name, Points: wave(3, 4, 1)}}
		var box strings.Builder
		if err := l.Render(t.Context(), &box); err != nil {
			t.Fatal(err)
		}
		plain := line()
		plain.Title, plain.Marks, plain.Limits = "t", []chart.Mark{{T: start.Add(time.Hour), Label: "n"}}, []chart.Limit{{Value: 4, Label: "n"}}
		plain.Series = []chart.Series{{Name: "n", Points: wave(3, 4, 1)}}
		want, _ := elements(t, plain.SVG())
		if name == "" {
			want["text"]-- // an empty label of a limit is left out
		}
		got, _ := elements(t, l.SVG())
		for e, n := range got {
			if want[e] != n {
				t.Errorf("labels made %d <%s>, want %d", n, e, want[e])
			}
		}
		elements(t, box.String())
		elements(t, chart.Strip{Label: title, Cells: []chart.Cell{{Kind: name, Title: name}}}.SVG())
		elements(t, chart.Spark{Label: title, Kind: name, Values: []float64{1, 2}}.SVG())
		elements(t, chart.Bars{Title: title, From: start, To: start.Add(time.Hour), Broken: name}.SVG())
	})
}

func FuzzValuesStayInside(f *testing.F) {
	f.Add(1.0, 2.0)
	f.Add(math.MaxFloat64, -math.MaxFloat64)
	f.Add(5e-324, 0.0)
	f.Fuzz(func(t *testing.T, a, b float64) {
		for _, u := range []chart.Unit{chart.None, chart.Percent, chart.Bytes, chart.Seconds, chart.Count} {
			l := line()
			l.Unit = u
			l.Series = []chart.Series{{Name: "s", Points: []chart.Point{{T: start, V: a}, {T: start.Add(time.Hour), V: b}}}}
			svg := l.SVG()
			elements(t, svg)
			if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
				t.Fatalf("%s %v %v: %s", u, a, b, svg)
			}
		}
	})
}
