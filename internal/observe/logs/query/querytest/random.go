package querytest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// Epoch is when the lines of Records begin.
var Epoch = time.Date(2026, 3, 28, 20, 0, 0, 0, time.UTC).UnixNano() // clocks change in Europe that night

var (
	words    = []string{"error", "ERROR", "timeout", "upstream", "timed", "out", "été", "Größe", "k", "\u212a", "x_1", "10.0.0.1", "-", "", "(", "\x00", "日本", "a", "GET", "/index.html"}
	services = []string{"nginx", "sshd", "api", "Worker"}
	fields   = []string{"service.name", "http.response.status_code", "user.name", "trace.id", "event.duration", "ok", "at", "tags", "raw", "mixed"}
)

// Text is words of a small vocabulary, so that questions find some.
func Text(r *rand.Rand) string {
	var b strings.Builder
	for range r.IntN(7) {
		b.WriteString(words[r.IntN(len(words))])
		b.WriteByte(" .\t-/"[r.IntN(5)])
	}
	if r.IntN(40) == 0 {
		b.WriteString(strings.Repeat("long", 70))
	}
	return b.String()
}

func value(r *rand.Rand, field string) record.Value {
	switch field {
	case "service.name":
		return record.StringValue(services[r.IntN(len(services))])
	case "http.response.status_code":
		return record.IntValue([]int64{200, 404, 502}[r.IntN(3)])
	case "user.name":
		return record.StringValue(Text(r))
	case "trace.id":
		return record.StringValue(fmt.Sprintf("%08x", r.IntN(50)))
	case "event.duration":
		return record.FloatValue(float64(r.IntN(2000))/8 - 20)
	case "ok":
		return record.BoolValue(r.IntN(2) == 0)
	case "at":
		return record.TimeValue(Epoch + int64(r.IntN(1000))*int64(time.Minute))
	case "raw":
		return record.JSONValue(fmt.Sprintf(`[{"error":%d}]`, r.IntN(3)))
	}
	switch r.IntN(5) {
	case 0:
		return record.IntValue(int64(r.IntN(4)))
	case 1:
		return record.StringValue(fmt.Sprint(r.IntN(4)))
	case 2:
		return record.BoolValue(true)
	case 3:
		return record.TimeValue(Epoch)
	}
	return record.StringValue(words[r.IntN(len(words))])
}

// Records makes lines at random, with numbers from 1 on and times that do not
// grow with them.
func Records(r *rand.Rand, n int) []record.Record {
	out := make([]record.Record, n)
	for i := range out {
		one := &out[i]
		*one = record.Record{
			Time: Epoch + int64(r.IntN(3000))*int64(30*time.Second), Ingested: Epoch + int64(i), Seq: uint64(i + 1), //nolint:gosec // small
			Owner: record.InstanceOwner([]string{"borealis", "fjord"}[r.IntN(2)]), Class: record.ClassWeb, Message: Text(r),
		}
		if r.IntN(5) == 0 {
			one.Index, one.ID = "app", fmt.Sprint("id", i)
		}
		for _, name := range fields {
			if r.IntN(3) == 0 {
				continue
			}
			n := 1
			if name == "tags" || r.IntN(30) == 0 {
				n += r.IntN(3)
			}
			for range n {
				one.Fields = append(one.Fields, record.Field{Name: name, Value: value(r, name)})
			}
		}
		one.Sort()
	}
	return out
}

func anyField(r *rand.Rand) string {
	all := append([]string{record.Message, record.Time, record.OwnerField, record.Class, "no.such"}, fields...)
	return all[r.IntN(len(all))]
}

// Filter makes a question at random.
func Filter(r *rand.Rand, depth int) query.Filter {
	n := r.IntN(14)
	if depth <= 0 {
		n = 4 + r.IntN(10)
	}
	some := func() []query.Filter {
		out := make([]query.Filter, r.IntN(4))
		for i := range out {
			out[i] = Filter(r, depth-1)
		}
		return out
	}
	field := anyField(r)
	switch n {
	case 0:
		return query.And(some())
	case 1:
		return query.Or(some())
	case 2:
		return query.Not{Filter: Filter(r, depth-1)}
	case 3:
		return query.AtLeast{N: r.IntN(3), Of: some()}
	case 4, 5, 6:
		w := query.Words{Field: record.Message, Words: query.WordsOf(Text(r)), Phrase: r.IntN(2) == 0, Slop: r.IntN(2), Prefix: r.IntN(3) == 0}
		switch r.IntN(3) {
		case 0:
			w.Field = query.AnyField
		case 1:
			w.Field = field
		}
		if len(w.Words) > 2 && r.IntN(3) > 0 {
			w.Words = w.Words[:1+r.IntN(2)]
		}
		if k := len(w.Words); w.Prefix && k > 0 && len(w.Words[k-1]) > 1 {
			w.Words[k-1] = w.Words[k-1][:1]
		}
		return w
	case 7:
		return query.Equal{Field: field, Value: value(r, field), Fold: r.IntN(4) == 0}
	case 8:
		return query.OneOf{Field: field, Values: []record.Value{value(r, field), value(r, "mixed")}}
	case 9:
		kind := []query.PatternKind{query.Prefix, query.Wildcard, query.Regexp}[r.IntN(3)]
		text := map[query.PatternKind]string{query.Prefix: "e", query.Wildcard: "*r?o*", query.Regexp: "[a-f0-9]+|.*time.*"}[kind]
		if r.IntN(3) == 0 {
			field = query.AnyField
		}
		p, err := query.NewPattern(field, kind, text, r.IntN(2) == 0)
		if err != nil {
			panic(err)
		}
		return p
	case 10, 11:
		f := query.Range{Field: field, FromOpen: r.IntN(2) == 0, ToOpen: r.IntN(2) == 0}
		if r.IntN(3) > 0 {
			f.From = value(r, field)
		}
		if r.IntN(3) > 0 {
			f.To = value(r, field)
		}
		return f
	case 12:
		return query.Exists{Field: field}
	}
	if r.IntN(4) == 0 {
		return query.None{}
	}
	return query.All{}
}

// Request makes a question with hits and aggregations at random.
func Request(r *rand.Rand) query.Request {
	q := query.Request{Filter: Filter(r, 3), Size: r.IntN(20), Skip: r.IntN(3)}
	switch r.IntN(4) {
	case 0:
		q.Sort = []query.Sort{{Field: record.Time, Desc: r.IntN(2) == 0}}
	case 1:
		q.Sort = []query.Sort{{Field: anyField(r), Desc: r.IntN(2) == 0, Missing: []string{"", "_first", "_last"}[r.IntN(3)]}, {Field: record.Seq}}
	case 2:
		q.Sort = []query.Sort{{Field: record.Seq, Desc: true}}
	}
	if r.IntN(3) == 0 {
		q.TotalUpTo = int64(r.IntN(50) + 1)
	}
	if r.IntN(2) == 0 {
		q.Fields = []string{"service.name", "tags"}
	}
	if r.IntN(3) == 0 {
		q.Highlight = &query.Highlight{Pre: "<", Post: ">", Size: r.IntN(2) * 20}
	}
	if r.IntN(3) > 0 {
		q.Aggs = Aggs(r, 2)
	}
	return q
}

// Aggs makes aggregations at random.
func Aggs(r *rand.Rand, depth int) map[string]query.Agg {
	out := map[string]query.Agg{}
	for i := range r.IntN(3) {
		out[fmt.Sprint("a", i)] = agg(r, depth)
	}
	return out
}

func agg(r *rand.Rand, depth int) query.Agg {
	a := query.Agg{Field: anyField(r)}
	if r.IntN(4) == 0 {
		a.Missing = value(r, "mixed")
	}
	n := r.IntN(12)
	if depth > 0 && n < 3 {
		a.Subs = Aggs(r, depth-1)
	}
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		panic(err)
	}
	switch n {
	case 0:
		a.Kind, a.Field, a.Missing = query.DateHistogram, []string{record.Time, "at"}[r.IntN(2)], record.Value{}
		if r.IntN(2) == 0 {
			a.Interval = []time.Duration{time.Minute, time.Hour, 7 * time.Hour}[r.IntN(3)]
		} else {
			a.Calendar = []string{"minute", "hour", "day", "week", "month", "quarter", "year"}[r.IntN(7)]
		}
		if r.IntN(2) == 0 {
			a.Zone = paris
		}
		if r.IntN(3) == 0 {
			a.Offset = time.Duration(r.IntN(90)) * time.Minute
		}
		a.MinCount = int64(r.IntN(3))
	case 1:
		a.Kind, a.Size, a.MinCount = query.Terms, r.IntN(5)+1, int64(r.IntN(3))
		if r.IntN(2) == 0 {
			a.Order = []query.AggOrder{{By: []string{"_key", "_count"}[r.IntN(2)], Desc: r.IntN(2) == 0}}
		}
		if r.IntN(4) == 0 {
			p, err := query.NewPattern(a.Field, query.Regexp, ".*[e2].*", false)
			if err != nil {
				panic(err)
			}
			a.Include = &p
		}
	case 2:
		a.Kind, a.Filters, a.Other = query.Filters, map[string]query.Filter{"one": Filter(r, 1), "two": Filter(r, 1)}, []string{"", "rest"}[r.IntN(2)]
	case 3:
		a.Kind = query.Cardinality
	case 4:
		a.Kind = query.ValueCount
	case 5:
		a.Kind = query.Min
	case 6:
		a.Kind = query.Max
	case 7:
		a.Kind = query.Avg
	case 8:
		a.Kind = query.Sum
	case 9:
		a.Kind = query.Stats
	case 10:
		a.Kind, a.Percents = query.Percentiles, []float64{0, 50, 99.9}
	case 11:
		a.Kind, a.Top = query.TopHits, &query.Request{Size: r.IntN(4), Sort: []query.Sort{{Field: record.Time, Desc: true}}}
	}
	return a
}
