package query_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/query/querytest"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

func TestWordsAreWhatPeopleSearchFor(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "",
		"GET /index.html HTTP/1.1":        "get index html http 1 1",
		"user_id=7 took 3ms":              "user_id 7 took 3ms",
		"10.0.0.1":                        "10 0 0 1",
		"Été à Größe, naïve":              "été à größe naïve",
		"日本語 text":                        "日本語 text",
		"\x00\xff bad\xfe":                "bad",
		"\u212a (kelvin)":                 "\u212a kelvin", // never a letter of ASCII
		strings.Repeat("a", 300):          strings.Repeat("a", 255) + " " + strings.Repeat("a", 45),
		"e\u0301 combined":                "e\u0301 combined",
		"panic: runtime error: index out": "panic runtime error index out",
	} {
		if got := strings.Join(query.WordsOf(text), " "); got != want {
			t.Errorf("%q has the words %q, want %q", text, got, want)
		}
	}
}

func line(message string, fields ...record.Field) *record.Record {
	r := &record.Record{Time: querytest.Epoch, Seq: 1, Owner: record.InstanceOwner("borealis"), Class: "web", Message: message, Fields: fields}
	r.Sort()
	return r
}

func field(name string, v record.Value) record.Field { return record.Field{Name: name, Value: v} }

func pattern(t testing.TB, field string, kind query.PatternKind, text string, fold bool) query.Filter {
	t.Helper()
	p, err := query.NewPattern(field, kind, text, fold)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestFiltersTakeWhatTheySay(t *testing.T) {
	r := line("upstream Timed out (110) while reading", field("http.response.status_code", record.IntValue(502)), field("took", record.StringValue("0.250")),
		field("tags", record.StringValue("Red")), field("tags", record.StringValue("green tea")), field("ok", record.BoolValue(true)), field("at", record.TimeValue(querytest.Epoch)))
	words := func(field string, phrase, prefix bool, slop int, w ...string) query.Filter {
		return query.Words{Field: field, Words: w, Phrase: phrase, Prefix: prefix, Slop: slop}
	}
	str, num := record.StringValue, record.IntValue
	for _, c := range []struct {
		what   string
		filter query.Filter
		want   bool
	}{
		{"a word", words("message", false, false, 0, "timed"), true},
		{"words in any order", words("message", false, false, 0, "out", "upstream"), true},
		{"a phrase", words("message", true, false, 0, "timed", "out"), true},
		{"a phrase in the wrong order", words("message", true, false, 0, "out", "timed"), false},
		{"a phrase with a hole", words("message", true, false, 0, "upstream", "out"), false},
		{"a phrase that may have a hole", words("message", true, false, 1, "upstream", "out"), true},
		{"the beginning of a word", words("message", false, true, 0, "readi"), true},
		{"a part of a word", words("message", false, false, 0, "stream"), false},
		{"words of two values", words("tags", false, false, 0, "red", "tea"), false},
		{"a word of any field", words(query.AnyField, false, false, 0, "tea"), true},
		{"a number in any field", words(query.AnyField, false, false, 0, "502"), false},
		{"a number as a word of its field", words("http.response.status_code", false, false, 0, "502"), true},
		{"no words", words("message", false, false, 0), false},
		{"a number", query.Equal{Field: "http.response.status_code", Value: num(502)}, true},
		{"a number as text", query.Equal{Field: "http.response.status_code", Value: str("502")}, true},
		{"text in another case", query.Equal{Field: "tags", Value: str("red")}, false},
		{"text in another case that does not count", query.Equal{Field: "tags", Value: str("red"), Fold: true}, true},
		{"true as text", query.Equal{Field: "ok", Value: str("true")}, true},
		{"a time in another zone", query.Equal{Field: "at", Value: str("2026-03-28T21:00:00+01:00")}, true},
		{"one of many", query.OneOf{Field: "tags", Values: []record.Value{str("blue"), str("green tea")}}, true},
		{"a range of numbers", query.Range{Field: "http.response.status_code", From: num(500), To: num(599)}, true},
		{"an open bound", query.Range{Field: "http.response.status_code", From: num(502), FromOpen: true}, false},
		{"text that reads as a number", query.Range{Field: "took", From: record.FloatValue(0.2)}, true},
		{"a number against text", query.Range{Field: "http.response.status_code", From: str("abc")}, false},
		{"a time", query.Range{Field: "at", From: record.TimeValue(querytest.Epoch), To: record.TimeValue(querytest.Epoch)}, true},
		{"a wildcard", pattern(t, "tags", query.Wildcard, "g*t?a", false), true},
		{"a wildcard of a part", pattern(t, "tags", query.Wildcard, "gree", false), false},
		{"a wildcard in its own case", pattern(t, "tags", query.Wildcard, "R*", false), true},
		{"an escaped wildcard", pattern(t, "tags", query.Wildcard, `R\*`, false), false},
		{"a prefix", pattern(t, "tags", query.Prefix, "gr", false), true},
		{"an expression with alternatives", pattern(t, "tags", query.Regexp, "blue|green", false), false},
		{"a field that is there", query.Exists{Field: "took"}, true},
		{"a field that is not", query.Exists{Field: "no"}, false},
		{"an owner", query.Equal{Field: record.OwnerField, Value: str("instance:borealis")}, true},
		{"two of three", query.AtLeast{N: 2, Of: []query.Filter{query.None{}, query.All{}, query.All{}}}, true},
		{"nothing of nothing", query.Or{}, false},
		{"all of nothing", query.And{}, true},
		{"not", query.Not{Filter: query.All{}}, false},
	} {
		if got := query.Match(c.filter, r); got != c.want {
			t.Errorf("%s: %t", c.what, got)
		}
	}
}

// blocks cuts lines into blocks of every form.
func blocks(r *rand.Rand, lines []record.Record) (out []*querytest.Block) {
	for len(lines) > 0 {
		n := min(len(lines), 1+r.IntN(90))
		out = append(out, querytest.NewBlock(lines[:n], querytest.Form(r.IntN(int(querytest.Forms)))))
		lines = lines[n:]
	}
	return out
}

func selectsWhatMatches(t *testing.T, seed uint64) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	lines := querytest.Records(r, 70)
	f := querytest.Filter(r, 3)
	for form := range querytest.Forms {
		b := querytest.NewBlock(lines, form)
		got := query.Select(f, b)
		for i := range lines {
			if want := query.Match(f, &lines[i]); got.Has(i) != want {
				t.Fatalf("seed %d, form %d: %#v takes %+v: %t, want %t", seed, form, f, lines[i], got.Has(i), want)
			}
		}
	}
}

func TestRowsAreSelectedAsLinesMatch(t *testing.T) {
	for seed := range uint64(3000) {
		selectsWhatMatches(t, seed)
	}
}

func FuzzRowsAreSelectedAsLinesMatch(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { selectsWhatMatches(t, seed) })
}

// marks is what lines leave in the filters of a file.
type marks struct {
	lines []record.Record
	words map[uint64]bool
	value map[uint64]bool
}

func marksOf(lines []record.Record) *marks {
	m := &marks{lines: lines, words: map[uint64]bool{}, value: map[uint64]bool{}}
	for i := range lines {
		add := func(text string) {
			for _, w := range query.WordsOf(text) {
				m.words[query.WordToken(w)] = true
			}
		}
		add(lines[i].Message)
		for _, f := range lines[i].Fields {
			if f.Value.Kind == record.String || f.Value.Kind == record.JSON {
				add(f.Value.Str)
			}
			if token, ok := query.ValueToken(f.Name, f.Value); ok {
				m.value[token] = true
			}
		}
	}
	return m
}

func (m *marks) Word(token uint64) bool            { return m.words[token] }
func (m *marks) Value(_ string, token uint64) bool { return m.value[token] }
func (m *marks) Has(field string) bool {
	return slices.ContainsFunc(m.lines, func(r record.Record) bool { _, ok := r.Get(field); return ok })
}

func (m *marks) Bounds(field string) (least, most record.Value, ok bool) {
	for i := range m.lines {
		for v := range m.lines[i].All(field) {
			number := v.Kind == record.Int || v.Kind == record.Float
			if !number && v.Kind != record.Moment || ok && (least.Kind == record.Moment) != (v.Kind == record.Moment) {
				return record.Value{}, record.Value{}, false
			}
			if !ok || v.Compare(least) < 0 {
				least = v
			}
			if !ok || v.Compare(most) > 0 {
				most = v
			}
			ok = true
		}
	}
	return least, most, ok
}

func TestWhatMatchesIsPossible(t *testing.T) {
	impossible := 0
	for seed := range uint64(4000) {
		r := rand.New(rand.NewPCG(seed, 2))
		lines := querytest.Records(r, 1+r.IntN(3))
		f := querytest.Filter(r, 3)
		possible := query.NewPlan(f).Possible(marksOf(lines))
		if !possible {
			impossible++
		}
		for i := range lines {
			if query.Match(f, &lines[i]) && !possible {
				t.Fatalf("seed %d: %#v takes %+v and is said to be impossible", seed, f, lines[i])
			}
		}
	}
	if impossible < 500 {
		t.Errorf("only %d of 4000 are impossible: the plans say little", impossible)
	}
}

var alike = cmp.Options{
	cmpopts.EquateEmpty(), cmpopts.IgnoreFields(query.Result{}, "Took", "Scanned"),
	cmp.Comparer(func(a, b float64) bool {
		return a == b || math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) <= 1e-9*max(math.Abs(a), math.Abs(b))
	}),
}

func answersAsNaive(t *testing.T, seed uint64) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 3))
	lines := querytest.Records(r, 250)
	q := querytest.Request(r)
	want, wantErr := query.Naive(lines).Search(t.Context(), q)
	c, err := query.NewCollector(q)
	if err != nil || wantErr != nil {
		if err == nil || wantErr == nil {
			t.Fatalf("seed %d: %v, the oracle says %v", seed, err, wantErr)
		}
		return
	}
	other := c.Fork()
	for _, b := range blocks(r, lines) {
		at := []*query.Collector{c, other}[r.IntN(2)]
		if err := at.Block(b, query.Select(q.Filter, b)); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Join(other); err != nil {
		t.Fatal(err)
	}
	got, err := c.Result()
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	if diff := cmp.Diff(want, got, alike); diff != "" {
		t.Fatalf("seed %d: %#v\n%s", seed, q, diff)
	}
	// Behind its last hit an answer goes on.
	if len(want.Hits) == 0 || q.Skip > 0 {
		return
	}
	q.After, q.Aggs = want.Hits[len(want.Hits)-1].Sort, nil
	if want, err = query.Naive(lines).Search(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	if c, err = query.NewCollector(q); err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks(r, lines) {
		if err := c.Block(b, query.Select(q.Filter, b)); err != nil {
			t.Fatal(err)
		}
	}
	if got, err = c.Result(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, alike); diff != "" {
		t.Fatalf("seed %d: behind %v\n%s", seed, q.After, diff)
	}
}

func TestAnswersAreThoseOfReadingEveryLine(t *testing.T) {
	for seed := range uint64(1500) {
		answersAsNaive(t, seed)
	}
}

func FuzzAnswersAreThoseOfReadingEveryLine(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { answersAsNaive(t, seed) })
}

func TestPagesOfHitsMeet(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	lines := querytest.Records(r, 500)
	q := query.Request{Size: 30, Sort: []query.Sort{{Field: "http.response.status_code"}}}
	seen := map[uint64]bool{}
	for {
		res, err := query.Naive(lines).Search(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if len(res.Hits) == 0 {
			break
		}
		for _, h := range res.Hits {
			if seen[h.Seq] {
				t.Fatalf("line %d comes twice", h.Seq)
			}
			seen[h.Seq] = true
		}
		q.After = res.Hits[len(res.Hits)-1].Sort
	}
	if len(seen) != len(lines) {
		t.Errorf("%d of %d lines came", len(seen), len(lines))
	}
}

func TestManyValuesAreCountedWithinTheirError(t *testing.T) {
	var lines []record.Record
	for i := range 60_000 {
		lines = append(lines, *line("", field("id", record.IntValue(int64(i))), field("took", record.FloatValue(float64(i)/10))))
	}
	c, err := query.NewCollector(query.Request{Aggs: map[string]query.Agg{
		"ids": {Kind: query.Cardinality, Field: "id"}, "took": {Kind: query.Percentiles, Field: "took", Percents: []float64{50, 99}},
		"top": {Kind: query.Terms, Field: "id", Size: 5},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for some := range slices.Chunk(lines, 7000) {
		b := querytest.NewBlock(some, querytest.Native)
		if err := c.Block(b, query.Select(query.All{}, b)); err != nil {
			t.Fatal(err)
		}
	}
	r, err := c.Result()
	if err != nil {
		t.Fatal(err)
	}
	if n := r.Aggs["ids"].Value; math.Abs(n-60_000) > 0.03*60_000 {
		t.Errorf("%v distinct values, there are 60000", n)
	}
	for i, want := range []float64{3000, 5940} {
		if got := r.Aggs["took"].Percentiles[i].Value; math.Abs(got-want) > 0.01*want {
			t.Errorf("percentile %v is %v, want %v", r.Aggs["took"].Percentiles[i].Percent, got, want)
		}
	}
	top := r.Aggs["top"]
	sum := top.Other
	for _, b := range top.Buckets {
		sum += b.Count
	}
	if sum != 60_000 || top.Uncertain == 0 {
		t.Errorf("the buckets hold %d lines with an error of %d", sum, top.Uncertain)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	deep := query.Filter(query.All{})
	for range query.MaxDepth + 1 {
		deep = query.Not{Filter: deep}
	}
	wide := make(query.Or, query.MaxClauses+1)
	for i := range wide {
		wide[i] = query.All{}
	}
	for what, q := range map[string]query.Request{
		"deep": {Filter: deep}, "wide": {Filter: wide}, "many hits": {Size: query.MaxHits + 1}, "a part missing": {Filter: query.And{nil}},
		"no such aggregation": {Aggs: map[string]query.Agg{"a": {Kind: "no", Field: "x"}}},
		"no field":            {Aggs: map[string]query.Agg{"a": {Kind: query.Terms}}},
		"no order":            {Aggs: map[string]query.Agg{"a": {Kind: query.Terms, Field: "x", Order: []query.AggOrder{{By: "b"}}}}},
		"no interval":         {Aggs: map[string]query.Agg{"a": {Kind: query.DateHistogram, Field: "x"}}},
		"subs of a number":    {Aggs: map[string]query.Agg{"a": {Kind: query.Sum, Field: "x", Subs: map[string]query.Agg{"b": {Kind: query.Sum, Field: "x"}}}}},
	} {
		if _, err := query.NewCollector(q); err == nil {
			t.Errorf("%s is answered", what)
		}
	}
	var lines []record.Record
	for i := range query.MaxBuckets + 1 {
		lines = append(lines, record.Record{Time: int64(i) * 1e9})
	}
	c, err := query.NewCollector(query.Request{Aggs: map[string]query.Agg{"a": {Kind: query.DateHistogram, Field: record.Time, Calendar: "second"}}})
	if err != nil {
		t.Fatal(err)
	}
	b := querytest.NewBlock(lines, querytest.Native)
	if err := c.Block(b, query.Select(query.All{}, b)); err == nil || !strings.Contains(err.Error(), "buckets") {
		t.Errorf("too many buckets: %v", err)
	}
}

func TestACollectorSaysWhatItDoesNotNeed(t *testing.T) {
	lines := querytest.Records(rand.New(rand.NewPCG(1, 1)), 100)
	for i := range lines {
		lines[i].Time = int64(1000 + i)
	}
	c, err := query.NewCollector(query.Request{Size: 10, TotalUpTo: 50})
	if err != nil {
		t.Fatal(err)
	}
	if c.Skips(0, 10) {
		t.Error("an empty collector skips")
	}
	b := querytest.NewBlock(lines, querytest.Native)
	if err := c.Block(b, query.Select(query.All{}, b)); err != nil {
		t.Fatal(err)
	}
	for _, k := range []struct {
		least, most int64
		want        bool
	}{{0, 1000, true}, {0, 1089, true}, {0, 1090, false}, {2000, 3000, false}} {
		if got := c.Skips(k.least, k.most); got != k.want {
			t.Errorf("lines from %d to %d are skipped: %t", k.least, k.most, got)
		}
	}
	if r, err := c.Result(); err != nil || r.Total != 50 || !r.TotalOver {
		t.Errorf("counted %+v, %v", r, err)
	}
}

func TestHighlightsMarkWords(t *testing.T) {
	r := line("The upstream TIMED OUT; then it timed out again, and again", field("tags", record.StringValue("timed")))
	f := query.And{query.NewWords(query.AnyField, "timed out"), query.Not{Filter: query.NewWords("message", "again")}}
	res, err := query.Naive{*r}.Search(t.Context(), query.Request{Filter: query.Or{f, query.All{}}, Size: 1, Highlight: &query.Highlight{Pre: "[", Post: "]", Fields: []string{"message"}}})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{"message": {"The upstream [TIMED] [OUT]; then it [timed] [out] again, and again"}}
	if diff := cmp.Diff(want, res.Hits[0].Highlight); diff != "" {
		t.Error(diff)
	}
	if got := fmt.Sprint(query.Spans(f, "message", "out, timed")); got != "[[0 3] [5 10]]" {
		t.Errorf("spans are %s", got)
	}
}
