package logsweb

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/query/querytext"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
	"github.com/vigie-ops/vigie/internal/ui"
)

type valuesView struct {
	field string
	rows  []valueRow
	note  string
	back  string
}

type valueRow struct {
	text         string
	count, share string
	width        string // of ten
	with, not    string // addresses
}

// values shows the most frequent values of a field, for the list beside the
// lines.
func (f *face) values(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	field := q.Get("field")
	if field == "" || len(field) > 512 {
		return console.NotFound("There is no such field.")
	}
	v := valuesView{field: field, back: console.Address(home, q, params)}
	filter, err := f.parse(r, q.Get("q"))
	if err != nil {
		return wrongQuery(err)
	}
	shown := ui.ParseRange(q, f.o.Now(), "1h")
	res, err := f.o.Store.Search(r.Context(), query.Request{
		Filter: filter, From: shown.From.UnixNano(), To: shown.To.UnixNano(), Timeout: pageTimeout,
		Aggs: map[string]query.Agg{
			"top": {Kind: query.Terms, Field: field, Size: 8}, "all": {Kind: query.Cardinality, Field: field}, "with": {Kind: query.ValueCount, Field: field},
		},
	})
	if err != nil {
		return err
	}
	with := res.Aggs["with"].Value
	for _, b := range res.Aggs["top"].Buckets {
		share := 0.0
		if with > 0 {
			share = float64(b.Count) / with
		}
		v.rows = append(v.rows, valueRow{
			text: b.Key.Text(), count: ui.Digits(b.Count), share: ui.Percent(100 * share), width: tenths(share),
			with: f.filtered(q, field, b.Key, false), not: f.filtered(q, field, b.Key, true),
		})
	}
	if n := int64(res.Aggs["all"].Value); n > int64(len(v.rows)) {
		v.note = ui.Digits(n) + " values"
	}
	return f.c.Render(w, r, console.View{Title: field, Current: home, Crumbs: []ui.Link{{Text: "Logs", Href: v.back}}, Body: valuesPage(v)})
}

func tenths(share float64) string { return "w" + string(rune('0'+min(9, int(share*10)))) }

// filtered is the address of the page with a condition more.
func (f *face) filtered(q url.Values, field string, v record.Value, not bool) string {
	var cond query.Filter = query.Equal{Field: field, Value: v}
	if not {
		cond = query.Not{Filter: cond}
	}
	next := url.Values{}
	for _, k := range params {
		if all := q[k]; len(all) > 0 {
			next[k] = all
		}
	}
	text := strings.TrimSpace(q.Get("q"))
	next.Set("q", querytext.And(text, cond))
	return home + "?" + next.Encode()
}
