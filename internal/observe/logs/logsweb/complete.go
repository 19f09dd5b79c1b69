package logsweb

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/query/querytext"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// candidate is what may be written at the cursor.
type candidate struct {
	Text   string `json:"text"`
	Note   string `json:"note"`
	Query  string `json:"query"`  // the whole text with it
	Cursor int    `json:"cursor"` // where the cursor is then, in bytes
}

// mostCandidates is how many are offered.
const mostCandidates = 12

// complete answers what may be written at the cursor of a query: fields that
// lines of the last six hours have, their values, and operators.
func (f *face) complete(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	text := q.Get("q")
	at, err := strconv.Atoi(q.Get("at"))
	if err != nil || at < 0 || at > len(text) || len(text) > longest {
		return console.WriteItems(w, []candidate{}, "")
	}
	c := querytext.Complete(text, at)
	now := f.o.Now()
	req := query.Request{From: now.Add(-6 * time.Hour).UnixNano(), To: now.Add(time.Minute).UnixNano(), Timeout: time.Second}
	out := []candidate{}
	add := func(word, note string) {
		if len(out) < mostCandidates {
			whole, cursor := c.Insert(text, word)
			out = append(out, candidate{word, note, whole, cursor})
		}
	}
	switch c.Wants {
	case querytext.WantsField:
		res, err := f.o.Store.Search(r.Context(), query.Sample(req))
		if err != nil {
			return err
		}
		names := []string{record.Message, record.Time, record.Class, record.OwnerField}
		query.SampleOf(res, func(line *record.Record) {
			for _, one := range line.Fields {
				names = append(names, one.Name)
			}
		})
		slices.Sort(names)
		for _, n := range slices.Compact(names) {
			if strings.HasPrefix(strings.ToLower(n), strings.ToLower(c.Prefix)) && n != c.Prefix {
				add(n, "field")
			}
		}
	case querytext.WantsValue:
		p, err := query.NewPattern(c.Field, query.Prefix, c.Prefix, true)
		if err != nil {
			break
		}
		req.Filter = query.Exists{Field: c.Field}
		req.Aggs = map[string]query.Agg{"v": {Kind: query.Terms, Field: c.Field, Size: mostCandidates, Include: &p}}
		res, err := f.o.Store.Search(r.Context(), req)
		if err != nil {
			return err
		}
		for _, b := range res.Aggs["v"].Buckets {
			if s := b.Key.Text(); len(s) <= 200 {
				add(s, strconv.FormatInt(b.Count, 10)+" lines")
			}
		}
	}
	for _, o := range c.Operators {
		add(o, "")
	}
	return console.WriteItems(w, out, "")
}
