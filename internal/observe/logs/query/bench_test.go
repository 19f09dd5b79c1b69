package query_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/query/querytest"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// page is a block as a file has it: 40,000 lines of a web server.
func page(form querytest.Form) *querytest.Block {
	r := rand.New(rand.NewPCG(7, 7))
	lines := make([]record.Record, 40_000)
	for i := range lines {
		status := []int64{200, 200, 200, 304, 404, 502}[r.IntN(6)]
		ip := fmt.Sprintf("%d.%d.%d.%d", 10+r.IntN(200), r.IntN(256), r.IntN(4), r.IntN(256))
		lines[i] = record.Record{
			Time: querytest.Epoch + int64(i)*1e7, Seq: uint64(i + 1), Owner: record.InstanceOwner("borealis"), Class: record.ClassWeb,
			Message: fmt.Sprintf(`%s - - [28/Mar/2026:20:00:00 +0000] "GET /api/v1/reports/%d HTTP/1.1" %d %d "-" "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36" 0.%d`, ip, r.IntN(50000), status, r.IntN(200000), r.IntN(1000)),
			Fields: []record.Field{
				field("http.response.status_code", record.IntValue(status)), field("service.name", record.StringValue("nginx")), field("source.ip", record.StringValue(ip)),
			},
		}
	}
	return querytest.NewBlock(lines, form)
}

func benchSelect(b *testing.B, form querytest.Form, f query.Filter, column string) {
	p := page(form)
	p.Column(column)
	n := 0
	for b.Loop() {
		n = query.Select(f, p).Count()
	}
	b.ReportMetric(float64(p.Len()*b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
	b.ReportMetric(float64(n), "rows")
}

func BenchmarkSelect(b *testing.B) {
	num := record.IntValue
	b.Run("rare word", func(b *testing.B) {
		benchSelect(b, querytest.Native, query.NewWords(record.Message, "timeout"), record.Message)
	})
	b.Run("common word", func(b *testing.B) {
		benchSelect(b, querytest.Native, query.NewWords(record.Message, "chrome"), record.Message)
	})
	b.Run("phrase", func(b *testing.B) {
		benchSelect(b, querytest.Native, query.NewWords(record.Message, "like gecko"), record.Message)
	})
	b.Run("equal", func(b *testing.B) {
		benchSelect(b, querytest.Dict, query.Equal{Field: "http.response.status_code", Value: num(502)}, "http.response.status_code")
	})
	b.Run("range", func(b *testing.B) {
		benchSelect(b, querytest.Native, query.Range{Field: "http.response.status_code", From: num(500)}, "http.response.status_code")
	})
}

func BenchmarkCollect(b *testing.B) {
	collect := func(b *testing.B, form querytest.Form, q query.Request, columns ...string) {
		p := page(form)
		for _, c := range append(columns, record.Time, record.Seq) {
			p.Column(c)
		}
		rows := query.Select(query.All{}, p)
		b.ReportAllocs()
		for b.Loop() {
			c, err := query.NewCollector(q)
			if err != nil {
				b.Fatal(err)
			}
			if err := c.Block(p, rows); err != nil {
				b.Fatal(err)
			}
			if _, err := c.Result(); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(p.Len()*b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
	}
	b.Run("newest 100", func(b *testing.B) { collect(b, querytest.Native, query.Request{Size: 100}) })
	b.Run("top addresses", func(b *testing.B) {
		collect(b, querytest.Dict, query.Request{Aggs: map[string]query.Agg{"ip": {Kind: query.Terms, Field: "source.ip"}}}, "source.ip")
	})
	b.Run("top addresses of text", func(b *testing.B) {
		collect(b, querytest.Native, query.Request{Aggs: map[string]query.Agg{"ip": {Kind: query.Terms, Field: "source.ip"}}}, "source.ip")
	})
	b.Run("histogram by status", func(b *testing.B) {
		collect(b, querytest.Native, query.Request{Aggs: map[string]query.Agg{"at": {Kind: query.DateHistogram, Field: record.Time, Interval: 1e10,
			Subs: map[string]query.Agg{"status": {Kind: query.Terms, Field: "http.response.status_code"}}}}}, "http.response.status_code")
	})
}
