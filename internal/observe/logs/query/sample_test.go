package query_test

import (
	"testing"

	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

func TestASampleHasLinesOfTheQuietServicesToo(t *testing.T) {
	var lines query.Naive
	for i := range 2000 {
		one := record.Record{Time: int64(i + 1), Seq: uint64(i + 1), Message: "x", Fields: []record.Field{{Name: record.Service, Value: record.StringValue("loud")}}}
		if i == 7 {
			one.Fields = []record.Field{{Name: "only.here", Value: record.IntValue(1)}, {Name: record.Service, Value: record.StringValue("quiet")}}
		}
		lines = append(lines, one)
	}
	res, err := lines.Search(t.Context(), query.Sample(query.Request{Filter: query.All{}}))
	if err != nil {
		t.Fatal(err)
	}
	seen, n := false, 0
	query.SampleOf(res, func(r *record.Record) {
		n++
		_, there := r.Get("only.here")
		seen = seen || there
	})
	if !seen || n > 250 {
		t.Errorf("the line of the quiet service is seen: %v, of %d lines", seen, n)
	}
}
