package part_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/parquet-go/parquet-go"

	"github.com/vigie-ops/vigie/internal/observe/logs/part"
	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/query/querytest"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

var info = part.Info{Owner: record.InstanceOwner("borealis"), Class: record.ClassWeb, Day: "2026-03-28"}

// written writes lines into a file with small groups and pages.
func written(t testing.TB, lines []record.Record) *part.Part {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.parquet")
	meta, err := part.WriteSmall(path, info, lines, 100, 30)
	if err != nil {
		t.Fatal(err)
	}
	p, err := part.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(meta, p.Meta()); d != "" {
		t.Fatalf("what Write says is not what Open says:\n%s", d)
	}
	return p
}

// encoded are lines as bytes, by number: the same if every kind and bit is.
func encoded(lines []record.Record) [][]byte {
	lines = slices.Clone(lines)
	slices.SortFunc(lines, func(a, b record.Record) int { return int(a.Seq) - int(b.Seq) })
	var all [][]byte
	for i := range lines {
		all = append(all, record.Append(nil, &lines[i]))
	}
	return all
}

// all reads a file whole.
func all(p *part.Part, order part.Order) (lines []record.Record, err error) {
	err = p.Each(contextOf, nil, 0, 0, order, func(r *record.Record) error {
		lines = append(lines, r.Clone())
		return nil
	})
	return lines, err
}

func same(t testing.TB, want, got []record.Record) {
	t.Helper()
	a, b := encoded(want), encoded(got)
	if len(a) != len(b) {
		t.Fatalf("%d lines became %d", len(a), len(b))
	}
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			var x, y record.Record
			_, _ = record.Decode(a[i], &x)
			_, _ = record.Decode(b[i], &y)
			t.Fatalf("a line became another (-want +got):\n%s", cmp.Diff(x, y))
		}
	}
}

// odd are values that columns have trouble with.
var odd = []record.Value{
	record.StringValue(""), record.StringValue("\xff\xfe"), record.StringValue("a\x00b"), record.StringValue("200"), record.StringValue("2026-01-02T03:04:05Z"),
	record.IntValue(math.MinInt64), record.IntValue(math.MaxInt64), record.IntValue(200), record.IntValue(1 << 60), record.FloatValue(0.5),
	record.FloatValue(math.NaN()), record.FloatValue(math.Inf(-1)), {Kind: record.Float, Num: int64(math.Float64bits(2))}, {Kind: record.Float, Num: math.MinInt64},
	record.BoolValue(true), record.BoolValue(false), record.TimeValue(0), record.TimeValue(-1), record.JSONValue(`[{"a":1}]`), record.JSONValue("\xff"), {},
}

// oddLines are lines of all kinds with many odd values.
func oddLines(r *rand.Rand, n int) []record.Record {
	lines := make([]record.Record, n)
	for i := range lines {
		one := &lines[i]
		*one = record.Record{Time: r.Int64N(1000) - 500, Ingested: r.Int64N(3), Seq: uint64(i), Owner: info.Owner, Class: info.Class}
		one.Message = []string{"", "a word", "\xff broken", querytest.Text(r)}[r.IntN(4)]
		one.ID = []string{"", "x", "\xc0"}[r.IntN(3)]
		one.Index = []string{"", "logs"}[r.IntN(2)]
		for j, name := range []string{"", "0", "_exact", "_rest", "a b", "bad \xff name", "float", "service.name", "text", "whole", strings.Repeat("n", 300), "ä"} {
			for range r.IntN(3) {
				v := odd[r.IntN(len(odd))]
				if r.IntN(3) > 0 {
					v = []record.Value{record.StringValue("s"), record.IntValue(7), record.FloatValue(1.5), record.TimeValue(9)}[j%4]
				}
				one.Fields = append(one.Fields, record.Field{Name: name, Value: v})
			}
		}
		one.Sort()
	}
	return lines
}

func TestLinesComeBackAsTheyWere(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		lines := oddLines(r, 1+r.IntN(400))
		p := written(t, lines)
		for _, o := range []part.Order{part.AsWritten, part.OldestFirst, part.NewestFirst} {
			got, err := all(p, o)
			if err != nil {
				t.Fatal(err)
			}
			same(t, lines, got)
			byTime := func(a, b record.Record) int {
				return int(a.Time-b.Time)*1_000_000 + int(a.Seq) - int(b.Seq)
			}
			if o == part.NewestFirst {
				slices.Reverse(got)
			}
			if o != part.AsWritten && !slices.IsSortedFunc(got, byTime) {
				t.Errorf("order %d is none", o)
			}
		}
		if err := p.Verify(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestLinesOfRealisticKindsComeBackAsTheyWere(t *testing.T) {
	for i := range 3 {
		info, lines := generate(i, 20_000)
		path := filepath.Join(t.TempDir(), "a.parquet")
		if _, err := part.Write(path, info, lines); err != nil {
			t.Fatal(err)
		}
		p, err := part.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := all(p, part.OldestFirst)
		if err != nil {
			t.Fatal(err)
		}
		same(t, lines, got)
	}
}

func TestHugeLinesComeBack(t *testing.T) {
	var lines []record.Record
	for i := range 50 {
		text := strings.Repeat(fmt.Sprintf("%d and on ", i), 100_000+i)
		lines = append(lines, record.Record{Time: int64(i), Seq: uint64(i), Owner: info.Owner, Class: info.Class, Message: text, Fields: []record.Field{{Name: "big", Value: record.StringValue(text[:1<<19])}}})
	}
	path := filepath.Join(t.TempDir(), "a.parquet")
	meta, err := part.Write(path, info, lines)
	if err != nil {
		t.Fatal(err)
	}
	if meta.Groups < 2 {
		t.Errorf("%d row groups for 75 MB", meta.Groups)
	}
	p, err := part.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := all(p, part.AsWritten)
	if err != nil {
		t.Fatal(err)
	}
	same(t, lines, got)
}

func TestTheLongestLineIsKeptAndFound(t *testing.T) {
	half := strings.Repeat("\x01\xff_ ", part.MaxLine/8-2000)
	lines := []record.Record{{Owner: info.Owner, Class: info.Class, Message: half + " needle " + strings.Repeat("n", 300), Fields: []record.Field{
		{Name: "big", Value: record.StringValue(half[:len(half)/2])}, {Name: "big", Value: record.StringValue(half[:len(half)/2])},
	}}}
	path := filepath.Join(t.TempDir(), "a.parquet")
	if _, err := part.Write(path, info, lines); err != nil {
		t.Fatal(err)
	}
	p, err := part.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := all(p, part.AsWritten)
	if err != nil || !bytes.Equal(encoded(lines)[0], encoded(got)[0]) {
		t.Errorf("it became another, %v", err)
	}
	for _, word := range []string{"needle", "_", strings.Repeat("n", 300)} {
		if r := search(t, p, query.Request{Filter: query.NewWords(query.AnyField, word)}); r.Total != 1 {
			t.Errorf("%.10s: %d", word, r.Total)
		}
	}
	lines[0].Message += half
	if _, err := part.Write(path, info, lines); !errors.Is(err, part.ErrTooLarge) {
		t.Errorf("%v", err)
	}
}

func TestFieldsBeyondTheColumnsAreKept(t *testing.T) {
	var lines []record.Record
	for i := range 500 {
		one := record.Record{Time: int64(i), Seq: uint64(i), Owner: info.Owner, Class: info.Class}
		for j := range 20 {
			one.Fields = append(one.Fields, record.Field{Name: fmt.Sprintf("f%04d", (i*7+j*13)%6000), Value: record.IntValue(int64(i))})
		}
		one.Sort()
		lines = append(lines, one)
	}
	p := written(t, lines)
	got, err := all(p, part.AsWritten)
	if err != nil {
		t.Fatal(err)
	}
	same(t, lines, got)
	for _, name := range []string{"f0000", "f3000", "f5999", "none"} {
		f := query.Exists{Field: name}
		want, err := query.Naive(lines).Search(t.Context(), query.Request{Filter: f})
		if err != nil {
			t.Fatal(err)
		}
		if got := search(t, p, query.Request{Filter: f}); got.Total != want.Total {
			t.Errorf("%s: %d lines, want %d", name, got.Total, want.Total)
		}
	}
}

// search asks one file.
func search(t testing.TB, p *part.Part, q query.Request) *query.Result {
	t.Helper()
	c, err := query.NewCollector(q)
	if err != nil {
		t.Fatal(err)
	}
	var s query.Scanned
	if err := p.Search(contextOf, query.NewPlan(q.Filter), q.Filter, c, &s); err != nil {
		t.Fatal(err)
	}
	res, err := c.Result()
	if err != nil {
		t.Fatal(err)
	}
	res.Scanned = s
	return res
}

var alike = cmp.Options{
	cmpopts.EquateEmpty(), cmpopts.IgnoreFields(query.Result{}, "Took", "Scanned"),
	cmp.Comparer(func(a, b float64) bool {
		return a == b || math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) <= 1e-9*max(math.Abs(a), math.Abs(b))
	}),
}

func answersAsNaive(t *testing.T, p *part.Part, lines []record.Record, q query.Request) {
	t.Helper()
	want, err := query.Naive(lines).Search(t.Context(), q)
	if err != nil {
		return
	}
	if d := cmp.Diff(want, search(t, p, q), alike); d != "" {
		t.Fatalf("%#v (-want +got)\n%s", q, d)
	}
}

func TestAFileAnswersAsReadingEveryLineDoes(t *testing.T) {
	skipped := 0
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 2))
		lines := querytest.Records(r, 300)
		for i := range lines {
			lines[i].Owner = info.Owner
			for j, f := range lines[i].Fields {
				// In the order of values true is 1, so that buckets of both have none.
				if f.Value.Kind == record.Bool && f.Name != "ok" {
					lines[i].Fields[j].Value = record.StringValue("true")
				}
			}
		}
		p := written(t, lines)
		for range 40 {
			q := querytest.Request(r)
			answersAsNaive(t, p, lines, q)
			skipped += search(t, p, q).Scanned.Skipped
		}
	}
	if skipped < 25 {
		t.Errorf("only %d questions of 800 were answered without reading a page", skipped)
	}
}

func TestManyReadAtOnce(t *testing.T) {
	_, lines := generate(1, 3000)
	for i := range lines {
		lines[i].Owner, lines[i].Class = info.Owner, info.Class
	}
	p := written(t, lines)
	f := query.And{query.NewWords(record.Message, "password"), query.Equal{Field: "user.name", Value: record.StringValue("root")}}
	want, err := query.Naive(lines).Search(t.Context(), query.Request{Filter: f, Size: 20})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 5 {
				switch i % 3 {
				case 0:
					if d := cmp.Diff(want, search(t, p, query.Request{Filter: f, Size: 20}), alike); d != "" {
						t.Error(d)
					}
				case 1:
					got, err := all(p, part.NewestFirst)
					if err != nil {
						t.Error(err)
					}
					if a, b := encoded(lines), encoded(got); !slices.EqualFunc(a, b, bytes.Equal) {
						t.Error("lines became others")
					}
				case 2:
					if _, err := part.Write(filepath.Join(t.TempDir(), "b.parquet"), info, lines); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
}

func TestOddLinesAreFoundAsReadingEveryLineFindsThem(t *testing.T) {
	names := []string{query.AnyField, record.Message, record.ID, record.Index, record.Seq, record.Time, record.Ingested, "", "0", "_exact", "a b", "float", "text", "whole", "ä", strings.Repeat("n", 300)}
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 3))
		lines := oddLines(r, 250)
		p := written(t, lines)
		for range 60 {
			name, v := names[r.IntN(len(names))], odd[r.IntN(len(odd))]
			var f query.Filter
			switch r.IntN(5) {
			case 0:
				f = query.Equal{Field: name, Value: v}
			case 1:
				f = query.Exists{Field: name}
			case 2:
				f = query.Range{Field: name, From: v}
			case 3:
				f = query.Range{Field: name, To: v, ToOpen: true}
			case 4:
				f = query.NewWords(name, []string{"a", "word", "s", "200", "broken"}[r.IntN(5)])
			}
			if r.IntN(3) == 0 {
				f = query.Not{Filter: f}
			}
			answersAsNaive(t, p, lines, query.Request{Filter: f, Size: 10})
		}
	}
}

func TestMergedFilesHoldTheLinesOfAll(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	lines := oddLines(r, 900)
	var parts []*part.Part
	for some := range slices.Chunk(lines, 250) {
		parts = append(parts, written(t, some))
	}
	out := filepath.Join(t.TempDir(), "b.parquet")
	meta, err := part.Merge(t.Context(), out, parts...)
	if err != nil {
		t.Fatal(err)
	}
	got, err := all(part.Known(out, meta), part.AsWritten)
	if err != nil {
		t.Fatal(err)
	}
	same(t, lines, got)
	// Of very many files, too, and nothing is left of the way there.
	parts = nil
	for some := range slices.Chunk(lines, 11) {
		parts = append(parts, written(t, some))
	}
	out = filepath.Join(t.TempDir(), "many.parquet")
	if meta, err = part.Merge(t.Context(), out, parts...); err != nil {
		t.Fatal(err)
	}
	if got, err = all(part.Known(out, meta), part.AsWritten); err != nil {
		t.Fatal(err)
	}
	same(t, lines, got)
	if left, _ := os.ReadDir(filepath.Dir(out)); len(left) != 1 {
		t.Errorf("%v is left", left)
	}
	other := info
	other.Class = record.ClassAuth
	strange := filepath.Join(t.TempDir(), "c.parquet")
	m, err := part.Write(strange, other, []record.Record{{Owner: other.Owner, Class: other.Class}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Merge(t.Context(), out, parts[0], part.Known(strange, m)); err == nil {
		t.Error("files of two classes were merged")
	}
}

func TestLinesOfATimeAreRead(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	lines := oddLines(r, 500)
	p := written(t, lines)
	for _, o := range []part.Order{part.AsWritten, part.OldestFirst, part.NewestFirst} {
		n, want := 0, 0
		err := p.Each(t.Context(), []string{"text"}, -100, 50, o, func(r *record.Record) error {
			n++
			if r.Time < -100 || r.Time >= 50 || len(r.Fields) > 0 && r.Fields[0].Name != "text" {
				t.Errorf("%+v", r)
			}
			return nil
		})
		for i := range lines {
			if lines[i].Time >= -100 && lines[i].Time < 50 {
				want++
			}
		}
		if err != nil || n != want {
			t.Errorf("order %d: %d lines, want %d, %v", o, n, want, err)
		}
	}
	stop := errors.New("enough")
	if err := p.Each(t.Context(), nil, 0, 0, part.OldestFirst, func(*record.Record) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
}

func TestAWriterTakesLinesInOrderOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.parquet")
	w, err := part.Create(path, info, part.NewShape())
	if err != nil {
		t.Fatal(err)
	}
	line := record.Record{Time: 5, Seq: 5, Owner: info.Owner, Class: info.Class}
	if err := w.Add(&line); err != nil {
		t.Fatal(err)
	}
	line.Seq = 4
	if err := w.Add(&line); !errors.Is(err, part.ErrOrder) {
		t.Errorf("%v", err)
	}
	line.Seq, line.Class = 6, "other"
	if err := w.Add(&line); err == nil {
		t.Error("a line of another class was taken")
	}
	line.Class, line.Fields = info.Class, []record.Field{{Name: "message"}}
	if err := w.Add(&line); err == nil {
		t.Error("a field with the name of a place was taken")
	}
	w.Abort()
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}

func TestAWriterThatWasKilledLeavesNoFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.parquet")
	w, err := part.Create(path, info, part.NewShape())
	if err != nil {
		t.Fatal(err)
	}
	line := record.Record{Owner: info.Owner, Class: info.Class}
	if err := w.Add(&line); err != nil {
		t.Fatal(err)
	}
	if _, err := part.Open(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("half a file has the name: %v", err)
	}
	// What it left is in nobody's way, and goes.
	if _, err := part.Write(path, info, []record.Record{line}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".tmp", []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := part.RemoveLeftovers(dir); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("%v is left", left)
	}
}

func TestParquetReadersReadIt(t *testing.T) {
	_, lines := generate(2, 1000)
	path := filepath.Join(t.TempDir(), "a.parquet")
	meta, err := part.Write(path, part.Info{Owner: lines[0].Owner, Class: lines[0].Class}, lines)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	file, err := parquet.OpenFile(f, meta.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	rows := file.RowGroups()[0].Rows()
	defer func() { _ = rows.Close() }()
	buf := make([]parquet.Row, 1000)
	n, _ := rows.ReadRows(buf)
	if n != 1000 {
		t.Fatalf("%d rows", n)
	}
	columns := file.Schema().Columns()
	for i, v := range buf[0] {
		switch columns[i][0] {
		case "@timestamp":
			if v.Int64() == 0 {
				t.Errorf("time %v", v)
			}
		case "service.name":
			if v.String() != "api" {
				t.Errorf("service %v", v)
			}
		}
	}
}
