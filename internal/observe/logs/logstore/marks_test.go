package logstore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

func TestAValueIsFoundAmongManyLinesInMemoryAndOthersAreNotLookedAt(t *testing.T) {
	h := open(t, nil)
	const n = 13_000
	var lines []record.Record
	for i := range n {
		one := line(borealis, "web", epoch.Add(time.Duration(i)*time.Millisecond), "x")
		one.Fields = []record.Field{{Name: "n", Value: record.IntValue(int64(i))}, {Name: record.Service, Value: record.StringValue("svc")}, {Name: "trace.id", Value: record.StringValue(fmt.Sprintf("trace-%06d", i))}}
		lines = append(lines, one)
	}
	h.append(lines...)
	for i := 0; i < n; i += 997 {
		for _, f := range []query.Filter{
			query.Equal{Field: "trace.id", Value: record.StringValue(fmt.Sprintf("trace-%06d", i))},
			query.Equal{Field: "n", Value: record.IntValue(int64(i))}, query.Equal{Field: "n", Value: record.StringValue(fmt.Sprint(i))},
			query.OneOf{Field: "trace.id", Values: []record.Value{record.StringValue("none"), record.StringValue(fmt.Sprintf("trace-%06d", i))}},
			query.And{query.Equal{Field: record.Service, Value: record.StringValue("svc")}, query.Equal{Field: "n", Value: record.IntValue(int64(i))}},
		} {
			got := h.search(query.Request{Filter: f, Size: 1})
			if got.Total != 1 || got.Hits[0].Time != lines[i].Time {
				t.Errorf("%v: %d lines are found", f, got.Total)
			}
		}
	}
	got := h.search(query.Request{Filter: query.Equal{Field: "trace.id", Value: record.StringValue("trace-nowhere")}})
	if got.Total != 0 || got.Scanned.Skipped < 2 {
		t.Errorf("what is nowhere: %+v", got)
	}
	if all := h.search(query.Request{Filter: query.Equal{Field: record.Service, Value: record.StringValue("svc")}}); all.Total != n {
		t.Errorf("what is everywhere: %d", all.Total)
	}
}
