package record_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

func batch() record.Batch {
	return record.Batch{
		Records: []record.Record{
			{Time: 5, Message: "one", Class: "web", Fields: []record.Field{{Name: "a", Value: record.IntValue(7)}}},
			{Time: -5, Message: "two"}, {Message: ""},
		},
		Marks: []record.Mark{{Stream: "a", Offset: 1}, {Stream: "b", Offset: -1}, {Stream: "a", Offset: 1 << 40}},
	}
}

func TestABatchArrivesAsItWasSent(t *testing.T) {
	want := batch()
	got, err := record.DecodeBatch(record.AppendBatch(nil, &want))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

func FuzzBatchesAreReadOrRefused(f *testing.F) {
	b := batch()
	f.Add(record.AppendBatch(nil, &b))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := record.DecodeBatch(data)
		if err != nil {
			return
		}
		again, err := record.DecodeBatch(record.AppendBatch(nil, &got))
		if err != nil || !cmp.Equal(got, again, cmpopts.EquateEmpty()) {
			t.Errorf("%+v is read again as %+v, %v", got, again, err)
		}
	})
}
