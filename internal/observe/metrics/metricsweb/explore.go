package metricsweb

import (
	"cmp"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/lib/logattr"
	"github.com/vigie-ops/vigie/internal/observe/metrics/query"
	"github.com/vigie-ops/vigie/internal/ui"
	"github.com/vigie-ops/vigie/internal/ui/chart"
)

const (
	// linesShown is how many series the chart of the page for metrics draws.
	linesShown = 12
	// valuesShown is how many the table below it lists.
	valuesShown = 200
	// longest is how long a question may be.
	longest = 8 << 10
)

// explorePage is the page for any question.
type explorePage struct {
	expr    string
	shown   ui.Range
	address *url.URL
	keep    []ui.Pair // the range, for the form
	broken  string    // what is wrong with the question
	where   string    // the question with a caret below the place
	line    chart.Line
	note    string
	columns []ui.Column
	rows    [][]string
	rest    int
	asked   bool
	ideas   []idea
}

// idea is a question to begin with.
type idea struct{ words, href string }

func (f *Face) explore(c *console.Console) console.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		v := explorePage{
			expr:    strings.TrimSpace(r.URL.Query().Get("expr")),
			shown:   ui.ParseRange(r.URL.Query(), f.o.Now(), "4h"),
			address: r.URL,
		}
		for _, k := range []string{"range", "from", "to"} {
			if s := r.URL.Query().Get(k); s != "" {
				v.keep = append(v.keep, ui.Pair{Name: k, Value: s})
			}
		}
		switch {
		case len(v.expr) > longest:
			return console.Invalid("The question is too long; 8 KiB is the most.")
		case v.expr == "":
			v.ideas = ideas(v.shown)
		default:
			v.asked = true
			v.broken, v.where = wrongWith(v.expr)
		}
		if v.asked && v.broken == "" {
			if err := f.answer(r, &v); err != nil {
				// The engine's own words help whoever wrote the question: too many
				// samples, too slow, two series that match one.
				f.o.Log.Warn("question of the page for metrics failed", logattr.Err(err))
				v.broken = engineWords(err, v.expr)
			}
		}
		return c.Render(w, r, console.View{Title: "Metrics", Current: "/metrics", Body: exploreBody(v)})
	}
}

// answer fills in the chart and the table.
func (f *Face) answer(r *http.Request, v *explorePage) error {
	series, err := f.engine.rangeOf(r.Context(), v.expr, v.shown.From, v.shown.To, stepOf(v.shown))
	if err != nil {
		return err
	}
	now, err := f.engine.at(r.Context(), v.expr, v.shown.To)
	if err != nil {
		return err
	}
	series = slices.SortedStableFunc(slices.Values(series), func(a, b query.Series) int { return cmp.Compare(name(a.Labels), name(b.Labels)) })
	v.note = ui.Count(len(series), "series", "series")
	if len(series) > linesShown {
		v.note = "the first " + strconv.Itoa(linesShown) + " of " + v.note
		series = series[:linesShown]
	}
	common := commonLabels(series)
	v.line = chart.Line{Title: v.expr, From: v.shown.From, To: v.shown.To, Zone: ui.Zone(r.Context()), Height: 260}
	for _, s := range series {
		v.line.Series = append(v.line.Series, chart.Series{Name: name(without(s.Labels, common)), Points: pointsOf(s)})
	}
	v.columns, v.rows, v.rest = tableOf(now)
	return nil
}

// tableOf lists the values of one time, a column for each label that differs.
func tableOf(samples []query.Sample) (columns []ui.Column, rows [][]string, rest int) {
	samples = slices.SortedStableFunc(slices.Values(samples), func(a, b query.Sample) int { return cmp.Compare(b.V, a.V) })
	if len(samples) > valuesShown {
		rest = len(samples) - valuesShown
		samples = samples[:valuesShown]
	}
	labels := map[string]bool{}
	for _, s := range samples {
		for k := range s.Labels {
			labels[k] = true
		}
	}
	names := slices.Sorted(maps.Keys(labels))
	for _, n := range names {
		if n == "__name__" {
			n = "metric"
		}
		columns = append(columns, ui.Column{Text: n})
	}
	columns = append(columns, ui.Column{Text: "value", Numeric: true})
	for _, s := range samples {
		row := make([]string, 0, len(names)+1)
		for _, n := range names {
			row = append(row, s.Labels[n])
		}
		rows = append(rows, append(row, chart.None.Words(s.V)))
	}
	return columns, rows, rest
}

// commonLabels are those that all series share: they tell nothing apart.
func commonLabels(series []query.Series) map[string]string {
	if len(series) < 2 {
		return nil
	}
	common := maps.Clone(series[0].Labels)
	for _, s := range series[1:] {
		maps.DeleteFunc(common, func(k, v string) bool { return s.Labels[k] != v })
	}
	return common
}

func without(labels, common map[string]string) map[string]string {
	out := maps.Clone(labels)
	maps.DeleteFunc(out, func(k, _ string) bool { _, ok := common[k]; return ok })
	return out
}

// name writes labels as PromQL does: up{server="app-07"}.
func name(labels map[string]string) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		if k != "__name__" {
			parts = append(parts, k+"="+quoted(labels[k]))
		}
	}
	if len(parts) == 0 {
		return cmp.Or(labels["__name__"], "value")
	}
	return labels["__name__"] + "{" + strings.Join(parts, ", ") + "}"
}

// wrongWith says what is wrong with a question before anybody is asked, and
// shows the place.
func wrongWith(expr string) (what, where string) {
	_, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err == nil {
		return "", ""
	}
	var all parser.ParseErrors
	if errors.As(err, &all) && len(all) > 0 {
		at := int(all[0].PositionRange.Start)
		return all[0].Err.Error() + ", at character " + strconv.Itoa(at+1), caret(expr, at)
	}
	return err.Error(), ""
}

// caret shows the line of the place with a mark below it.
func caret(expr string, at int) string {
	at = min(max(at, 0), len(expr))
	from := strings.LastIndexByte(expr[:at], '\n') + 1
	to := len(expr)
	if n := strings.IndexByte(expr[at:], '\n'); n >= 0 {
		to = at + n
	}
	return expr[from:to] + "\n" + strings.Repeat(" ", len([]rune(expr[from:at]))) + "^"
}

// engineWords takes our own wrapping off an error of the engine.
func engineWords(err error, expr string) string {
	words := err.Error()
	if i := strings.LastIndex(words, quoted(expr)+": "); i >= 0 {
		words = words[i+len(quoted(expr))+2:]
	}
	return words
}

func ideas(r ui.Range) []idea {
	var out []idea
	for _, i := range []struct{ words, expr string }{
		{"Servers that are heard", `count(up{job="node"} == 1)`},
		{"CPU by server, the ten busiest", `topk(10, 100 * (1 - avg by (server) (rate(node_cpu_seconds_total{mode="idle"}[5m]))))`},
		{"The fullest file systems", `topk(10, 100 * (1 - node_filesystem_avail_bytes / node_filesystem_size_bytes))`},
		{"Memory in use by server", `topk(10, node_memory_MemTotal_bytes - node_memory_MemAvailable_bytes)`},
	} {
		out = append(out, idea{i.words, exploreLink(i.expr, r)})
	}
	return out
}
