package part_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/vigie-ops/vigie/internal/observe/logs/part"
	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// BenchmarkWrite writes files of 40,000 lines, sorted and synced.
func BenchmarkWrite(b *testing.B) {
	for i, class := range []string{"web", "system", "application"} {
		b.Run(class, func(b *testing.B) {
			info, lines := generate(i, 40_000)
			path := filepath.Join(b.TempDir(), "a.parquet")
			var meta part.Meta
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if meta, err = part.Write(path, info, lines); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(lines)*b.N)/b.Elapsed().Seconds()/1e3, "klines/s")
			b.ReportMetric(float64(meta.Bytes)/float64(meta.Lines), "B/line")
			b.ReportMetric(float64(meta.FilterBytes)/float64(meta.Lines), "filterB/line")
			sizes, err := part.ColumnBytes(path)
			if err != nil {
				b.Fatal(err)
			}
			for _, name := range slices.Sorted(maps.Keys(sizes)) {
				b.Logf("%-28s %6.2f B/line", name, float64(sizes[name])/float64(meta.Lines))
			}
		})
	}
}

// archive is 2.1 million lines in files of 40,000.
func archive(b *testing.B) []*part.Part {
	dir := b.TempDir()
	var all []*part.Part
	var bytes, filters, lines int64
	for i := range 53 {
		info, some := generate(i, 40_000)
		if i == 20 {
			some[777].Message += " deadlock"
		}
		path := filepath.Join(dir, fmt.Sprintf("%02d.parquet", i))
		meta, err := part.Write(path, info, some)
		if err != nil {
			b.Fatal(err)
		}
		bytes, filters, lines = bytes+meta.Bytes, filters+meta.FilterBytes, lines+meta.Lines
		all = append(all, part.Known(path, meta))
	}
	runtime.GC()
	b.Logf("%d lines, %.1f bytes a line, %.1f of them for filters", lines, float64(bytes)/float64(lines), float64(filters)/float64(lines))
	return all
}

// ask answers a question of all files, with one goroutine.
func ask(b *testing.B, parts []*part.Part, q query.Request) {
	var res *query.Result
	var s query.Scanned
	b.ReportAllocs()
	for b.Loop() {
		plan := query.NewPlan(q.Filter)
		c, err := query.NewCollector(q)
		if err != nil {
			b.Fatal(err)
		}
		s = query.Scanned{}
		for _, p := range parts {
			if err := p.Search(contextOf, plan, q.Filter, c, &s); err != nil {
				b.Fatal(err)
			}
		}
		if res, err = c.Result(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(res.Total), "lines")
	b.ReportMetric(float64(s.Files), "files")
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1000, "ms/op")
}

// BenchmarkSearch asks 2.1 million lines, with one goroutine.
func BenchmarkSearch(b *testing.B) {
	parts := archive(b)
	_, lines := generate(2, 40_000)
	trace, _ := lines[500].Get("trace.id")
	text := record.StringValue
	for _, q := range []struct {
		name string
		query.Request
	}{
		{"rare word", query.Request{Filter: query.NewWords(query.AnyField, "deadlock")}},
		{"no such word", query.Request{Filter: query.NewWords(record.Message, "nosuchword")}},
		{"word of a service", query.Request{Filter: query.NewWords(record.Message, "Failed")}},
		{"common word", query.Request{Filter: query.NewWords(record.Message, "request")}},
		{"word of long lines", query.Request{Filter: query.NewWords(record.Message, "Chrome")}},
		{"trace", query.Request{Filter: query.Equal{Field: "trace.id", Value: trace}, Size: 10}},
		{"top addresses", query.Request{
			Filter: query.Equal{Field: "service.name", Value: text("sshd")},
			Aggs:   map[string]query.Agg{"top": {Kind: "terms", Field: "source.ip", Size: 10}},
		}},
		{"top users", query.Request{
			Filter: query.Equal{Field: "service.name", Value: text("sshd")},
			Aggs:   map[string]query.Agg{"top": {Kind: "terms", Field: "user.name", Size: 10}},
		}},
		{"facet", query.Request{
			Filter: query.All{},
			Aggs:   map[string]query.Agg{"top": {Kind: "terms", Field: "log.level", Size: 10}},
		}},
		{"last errors", query.Request{Filter: query.Equal{Field: "log.level", Value: text("error")}, Size: 100, TotalUpTo: 100}},
	} {
		b.Run(q.name, func(b *testing.B) { ask(b, parts, q.Request) })
	}
}

// BenchmarkEach reads whole files as an export does.
func BenchmarkEach(b *testing.B) {
	info, lines := generate(1, 40_000)
	path := filepath.Join(b.TempDir(), "a.parquet")
	meta, err := part.Write(path, info, lines)
	if err != nil {
		b.Fatal(err)
	}
	p := part.Known(path, meta)
	for name, o := range map[string]part.Order{"as written": part.AsWritten, "oldest first": part.OldestFirst} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := p.Each(contextOf, nil, 0, 0, o, func(*record.Record) error { return nil }); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(lines)*b.N)/b.Elapsed().Seconds()/1e3, "klines/s")
		})
	}
	b.Run("merge", func(b *testing.B) {
		out := filepath.Join(b.TempDir(), "b.parquet")
		for b.Loop() {
			if _, err := part.Merge(contextOf, out, p, p, p, p); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(4*len(lines)*b.N)/b.Elapsed().Seconds()/1e3, "klines/s")
		_ = os.Remove(out)
	})
}

// BenchmarkFleet asks many small files for a word that none has: what a
// question costs where there is nothing.
func BenchmarkFleet(b *testing.B) {
	dir := b.TempDir()
	var all []*part.Part
	var bytes, lines int64
	for i := range 1000 {
		info, some := generate(i, 400)
		path := filepath.Join(dir, fmt.Sprintf("%03d.parquet", i))
		meta, err := part.Write(path, info, some)
		if err != nil {
			b.Fatal(err)
		}
		bytes, lines = bytes+meta.Bytes, lines+meta.Lines
		all = append(all, part.Known(path, meta))
	}
	b.Logf("%.1f bytes a line", float64(bytes)/float64(lines))
	ask(b, all, query.Request{Filter: query.NewWords(query.AnyField, "nosuchword")})
}

// BenchmarkSmallWrite writes small files, as a store does for owners that say
// little.
func BenchmarkSmallWrite(b *testing.B) {
	info, lines := generate(1, 400)
	path := filepath.Join(b.TempDir(), "a.parquet")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := part.Write(path, info, lines); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(lines)*b.N)/b.Elapsed().Seconds()/1e3, "klines/s")
}
