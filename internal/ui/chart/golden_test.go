package chart_test

import (
	"flag"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/ui/chart"
)

var update = flag.Bool("update", false, "write the golden files anew")

var start = time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)

// wave is a series of n points over four hours without anything random.
func wave(n int, base, swing float64) []chart.Point {
	points := make([]chart.Point, n)
	for i := range points {
		at := start.Add(4 * time.Hour * time.Duration(i) / time.Duration(n))
		points[i] = chart.Point{T: at, V: base + swing*math.Sin(float64(i)/float64(n)*6.3)}
	}
	return points
}

func line() chart.Line {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		panic(err)
	}
	return chart.Line{Title: "CPU", Unit: chart.Percent, From: start, To: start.Add(4 * time.Hour), Zone: paris}
}

func TestDrawings(t *testing.T) {
	full := line()
	full.Series = []chart.Series{{Name: "busy", Points: wave(24, 30, 10)}}
	full.Series[0].Points[5].V = math.NaN()
	full.Area = true
	for _, p := range wave(24, 30, 10) {
		full.Band = append(full.Band, chart.Band{T: p.T, Low: p.V - 8, High: p.V + 8})
	}
	full.Limits = []chart.Limit{{Value: 90, Label: "limit 90 %"}}
	full.Marks = []chart.Mark{{T: start.Add(3 * time.Hour), Label: "release 4.12.1"}, {T: start.Add(185 * time.Minute), Label: "patch"}}
	full.Unusual = full.Series[0].Points[20:22]

	several := line()
	several.Title, several.Unit = "Network", chart.BytesPerSecond
	several.Series = []chart.Series{{Name: "in", Points: wave(12, 31e6, 4e6)}, {Name: "out", Points: wave(12, 12e6, 2e6)}}

	broken := line()
	broken.Broken = "the metrics store did not answer in 5 s"

	golden := map[string]string{
		"line":    full.SVG(),
		"several": several.SVG(),
		"empty":   line().SVG(),
		"broken":  broken.SVG(),
		"bars": chart.Bars{Title: "Lines", Unit: chart.Count, From: start, To: start.Add(time.Hour), Bars: []chart.Bar{
			{From: start, To: start.Add(20 * time.Minute), V: 120},
			{From: start.Add(20 * time.Minute), To: start.Add(40 * time.Minute), V: 1, Kind: "bad"},
			{From: start.Add(40 * time.Minute), To: start.Add(60 * time.Minute), V: 0},
		}}.SVG(),
		"bars-empty":  chart.Bars{Title: "Lines", Unit: chart.Count, From: start, To: start.Add(time.Hour)}.SVG(),
		"spark":       chart.Spark{Label: "p95 of borealis", Values: []float64{1, 3, math.NaN(), 2, 5}}.SVG(),
		"spark-empty": chart.Spark{Label: "p95 of borealis"}.SVG(),
		"strip": chart.Strip{Label: "borealis", Cells: []chart.Cell{
			{Kind: "ok", Title: "21 Nov: up"}, {Kind: "bad", Title: "22 Nov: down for 6 min"}, {Kind: "none", Title: "23 Nov: no data"},
		}}.SVG(),
	}
	for name, got := range golden {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", name+".svg")
			if *update {
				if err := os.WriteFile(file, []byte(got+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got+"\n"); diff != "" {
				t.Errorf("drawing differs; run go test -update if it is meant (-want +got):\n%s", diff)
			}
		})
	}
}

func BenchmarkLine(b *testing.B) {
	l := line()
	for range 4 {
		l.Series = append(l.Series, chart.Series{Name: "s", Points: wave(500, 40, 20)})
	}
	b.ReportAllocs()
	for b.Loop() {
		if len(l.SVG()) == 0 {
			b.Fatal("nothing drawn")
		}
	}
}
