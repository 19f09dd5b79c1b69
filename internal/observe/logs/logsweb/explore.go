package logsweb

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/lib/logattr"
	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/query/querytext"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
	"github.com/vigie-ops/vigie/internal/ui"
	"github.com/vigie-ops/vigie/internal/ui/chart"
)

// What one page shows.
const (
	linesShown  = 100
	barsShown   = 80
	fieldsShown = 60
	longest     = 10_000 // bytes of a query
	pageTimeout = 20 * time.Second
)

// params are what stays in addresses of the page.
var params = []string{"q", "range", "from", "to", "col", "wrap", "live"}

func zoneOf(r *http.Request) *time.Location { return ui.Zone(r.Context()) }

type exploreView struct {
	q        string
	address  *url.URL
	shown    ui.Range
	keep     []ui.Pair
	problem  string
	where    string
	hint     string
	total    string
	partial  string
	took     string
	bars     chart.Bars
	lines    []lineRow
	columns  []string
	fields   []fieldRow
	older    string
	wrap     bool
	live     bool
	liveHref string // switches it
	wrapHref string
	tailPath string
	csv      string
	ndjson   string
	nothing  bool // there is no line at all
	saved    savedView
	share    string // address of just these lines, whenever it is opened
}

type lineRow struct {
	at      time.Time
	clock   string
	kind    ui.Kind
	level   string
	service string
	host    string
	cells   []string
	parts   []piece
	seq     string
	href    string
	day     string // set on the first line of a day
}

// piece is a part of a message; marked are the words that were searched for.
type piece struct {
	text   string
	marked bool
}

type fieldRow struct {
	name  string
	share string // of the lines on the page
	href  string // its values
	open  bool
	col   string // address that shows it as a column, or hides it
	isCol bool
}

func (f *face) explore(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	v := exploreView{q: strings.TrimSpace(q.Get("q")), address: r.URL, shown: ui.ParseRange(q, f.o.Now(), "1h"), wrap: q.Get("wrap") != "", live: q.Get("live") != ""}
	for _, k := range []string{"range", "from", "to", "wrap", "live"} {
		if s := q.Get(k); s != "" {
			v.keep = append(v.keep, ui.Pair{Name: k, Value: s})
		}
	}
	for _, c := range q["col"] {
		if c != "" && len(v.columns) < 8 {
			v.columns = append(v.columns, c)
			v.keep = append(v.keep, ui.Pair{Name: "col", Value: c})
		}
	}
	v.liveHref, v.wrapHref = toggled(r.URL, "live"), toggled(r.URL, "wrap")
	v.tailPath = "/logs/tail?" + url.Values{"q": {v.q}}.Encode()
	out := url.Values{"q": {v.q}, "from": {strconv.FormatInt(v.shown.From.UnixMilli(), 10)}, "to": {strconv.FormatInt(v.shown.To.UnixMilli(), 10)}}
	share := url.Values{"q": {v.q}, "from": out["from"], "to": out["to"]}
	if len(v.columns) > 0 {
		share["col"] = v.columns
	}
	v.share = home + "?" + share.Encode()
	for _, format := range []string{"csv", "ndjson"} {
		out.Set("format", format)
		address := "/api/vigie/v1/logs/export?" + out.Encode()
		if v.ndjson = address; format == "csv" {
			v.csv = address
		}
	}
	filter, err := f.parse(r, v.q)
	switch {
	case len(v.q) > longest:
		v.problem = "The query is too long; 10,000 bytes are the most"
	case err != nil:
		v.explain(err)
	default:
		if err := f.answer(r, filter, &v); err != nil {
			if r.Context().Err() != nil {
				return err
			}
			f.o.Log.Warn("a question of the page for logs failed", logattr.Err(err))
			v.problem = err.Error()
		}
	}
	if v.saved, err = f.saved(r); err != nil {
		return err
	}
	return f.c.Render(w, r, console.View{Title: "Logs", Current: home, Body: explorePage(v)})
}

// toggled is the address of the page with a switch turned round.
func toggled(u *url.URL, name string) string {
	q := u.Query()
	if q.Get(name) != "" {
		q.Del(name)
	} else {
		q.Set(name, "1")
	}
	return u.Path + "?" + q.Encode()
}

// explain says what in a query cannot be read, and shows where.
func (v *exploreView) explain(err error) {
	var wrong *querytext.SyntaxError
	if !errors.As(err, &wrong) {
		v.problem = err.Error()
		return
	}
	v.problem, v.hint = wrong.Message, wrong.Hint
	if strings.ContainsAny(v.q, "\n\r") || len(v.q) > 300 {
		return
	}
	before := []rune(v.q[:min(wrong.At, len(v.q))])
	marked := []rune(v.q[min(wrong.At, len(v.q)):min(max(wrong.End, wrong.At), len(v.q))])
	v.where = v.q + "\n" + strings.Repeat(" ", len(before)) + strings.Repeat("^", max(1, len(marked)))
}

// answer fills in lines, histogram and fields.
func (f *face) answer(r *http.Request, filter query.Filter, v *exploreView) error {
	q := r.URL.Query()
	from, to := v.shown.From.UnixNano(), v.shown.To.UnixNano()
	every := niceStep(v.shown.To.Sub(v.shown.From), barsShown)
	req := query.Request{
		Filter: filter, From: from, To: to, Size: linesShown + 1, Timeout: pageTimeout,
		Aggs: map[string]query.Agg{"at": {Kind: query.DateHistogram, Field: record.Time, Interval: every, Zone: zoneOf(r)}},
	}
	after, ok := parseCursor(q.Get("after"))
	if ok {
		req.After = after
	}
	res, err := f.o.Store.Search(r.Context(), req)
	if err != nil {
		return err
	}
	v.total = ui.Digits(res.Total) + " " + plural(res.Total, "line", "lines")
	v.partial = res.Partial
	v.took = ui.Duration(res.Took.Round(time.Millisecond))
	v.bars = chart.Bars{Title: "Lines", From: v.shown.From, To: v.shown.To, Zone: zoneOf(r), Height: 84}
	for _, b := range res.Aggs["at"].Buckets {
		at := time.Unix(0, b.Key.Num)
		v.bars.Bars = append(v.bars.Bars, chart.Bar{From: at, To: at.Add(every), V: float64(b.Count), Kind: "info"})
	}
	hits := res.Hits
	if len(hits) > linesShown {
		hits = hits[:linesShown]
		v.older = cursor(r.URL, hits[linesShown-1])
	}
	day := ""
	for i := range hits {
		row := f.row(r, filter, &hits[i].Record, v.columns)
		if d := row.at.Format("Monday 2 January 2006"); d != day {
			row.day, day = d, d
		}
		v.lines = append(v.lines, row)
	}
	v.fields = fieldsOf(r.URL, hits, v.columns)
	if res.Total == 0 && v.q == "" {
		v.nothing = len(f.o.Store.Amounts()) == 0
	}
	return nil
}

func plural(n int64, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// niceStep is a length of bars that people can read, so that about so many
// fill the range.
func niceStep(length time.Duration, bars int) time.Duration {
	for _, s := range []time.Duration{
		100 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute,
		2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	} {
		if length/s <= time.Duration(bars) {
			return s
		}
	}
	days := int64(length)/int64(bars)/int64(24*time.Hour) + 1
	return time.Duration(days * int64(24*time.Hour))
}

// cursor is the address of the lines behind one.
func cursor(u *url.URL, last query.Hit) string {
	q := u.Query()
	q.Set("after", fmt.Sprintf("%d.%d", last.Time, last.Seq))
	return u.Path + "?" + q.Encode()
}

func parseCursor(s string) ([]record.Value, bool) {
	at, seq, ok := strings.Cut(s, ".")
	t, err1 := strconv.ParseInt(at, 10, 64)
	n, err2 := strconv.ParseInt(seq, 10, 64)
	if !ok || err1 != nil || err2 != nil {
		return nil, false
	}
	return []record.Value{record.TimeValue(t), record.IntValue(n)}, true
}

// levelKind is how a level looks.
func levelKind(level string) ui.Kind {
	switch level {
	case record.LevelEmergency, record.LevelAlert, record.LevelCritical, record.LevelError:
		return ui.Bad
	case record.LevelWarning:
		return ui.Warn
	case record.LevelNotice, record.LevelInfo:
		return ui.Info
	}
	return ui.Quiet
}

// shownBytes is how much of a message a row of the list has; the rest is in
// its details.
const shownBytes = 1500

func (f *face) row(r *http.Request, filter query.Filter, line *record.Record, columns []string) lineRow {
	get := func(name string) string {
		v, _ := line.Get(name)
		return v.Text()
	}
	at := line.At().In(zoneOf(r))
	row := lineRow{
		at: at, clock: at.Format("15:04:05.000"), level: get(record.Level), service: get(record.Service), host: get(record.Host),
		seq: strconv.FormatUint(line.Seq, 10), href: lineHref(line, r.URL.Query().Get("q")),
	}
	row.kind = levelKind(row.level)
	if row.host == "" {
		row.host = get("host.hostname")
	}
	for _, c := range columns {
		var all []string
		for v := range line.All(c) {
			all = append(all, v.Text())
		}
		row.cells = append(row.cells, strings.Join(all, ", "))
	}
	row.parts = pieces(filter, line.Message)
	return row
}

func lineHref(line *record.Record, q string) string {
	v := url.Values{"seq": {strconv.FormatUint(line.Seq, 10)}, "t": {strconv.FormatInt(line.Time, 10)}}
	if q != "" {
		v.Set("q", q)
	}
	return home + "/line?" + v.Encode()
}

// pieces takes a message apart at the words that were searched for.
func pieces(filter query.Filter, text string) (out []piece) {
	if len(text) > shownBytes {
		text = strings.ToValidUTF8(text[:shownBytes], "") + "…"
	}
	at := 0
	for _, s := range query.Spans(filter, record.Message, text) {
		if s[0] > at {
			out = append(out, piece{text[at:s[0]], false})
		}
		out = append(out, piece{text[s[0]:s[1]], true})
		at = s[1]
	}
	if at < len(text) {
		out = append(out, piece{text[at:], false})
	}
	return out
}

// usual are the fields that people look at first; their values are there at
// once.
var usual = []string{record.Level, record.Service, record.Host, record.Instance, record.Class}

func fieldsOf(u *url.URL, hits []query.Hit, columns []string) []fieldRow {
	counts := map[string]int{}
	for i := range hits {
		last := ""
		for _, field := range hits[i].Fields {
			if field.Name != last {
				counts[field.Name]++
				last = field.Name
			}
		}
		counts[record.Class]++
	}
	var out []fieldRow
	for name, n := range counts {
		q := url.Values{"field": {name}}
		for _, k := range []string{"q", "range", "from", "to"} {
			if s := u.Query().Get(k); s != "" {
				q.Set(k, s)
			}
		}
		row := fieldRow{name: name, share: strconv.Itoa(100*n/len(hits)) + "%", href: home + "/values?" + q.Encode(), open: slices.Contains(usual, name), isCol: slices.Contains(columns, name)}
		row.col = columnHref(u, name, columns)
		out = append(out, row)
	}
	rank := func(name string) int {
		if i := slices.Index(usual, name); i >= 0 {
			return i
		}
		return len(usual)
	}
	slices.SortFunc(out, func(a, b fieldRow) int {
		return cmp.Or(cmp.Compare(rank(a.name), rank(b.name)), cmp.Compare(a.name, b.name))
	})
	return out[:min(len(out), fieldsShown)]
}

// columnHref is the address that shows a field as a column, or hides it.
func columnHref(u *url.URL, name string, columns []string) string {
	q := u.Query()
	if slices.Contains(columns, name) {
		q["col"] = slices.DeleteFunc(slices.Clone(columns), func(c string) bool { return c == name })
	} else {
		q["col"] = append(slices.Clone(columns), name)
	}
	return u.Path + "?" + q.Encode()
}
