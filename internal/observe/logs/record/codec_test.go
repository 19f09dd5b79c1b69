package record_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

func line() record.Record {
	return record.Record{
		Time: 1764160000123456789, Ingested: -1, Seq: 7, Owner: record.InstanceOwner("halyard-prod"), Class: record.ClassWeb,
		Index: "logs", ID: "a", Message: "a \x00 line\nof two",
		Fields: []record.Field{
			{Name: "b", Value: record.BoolValue(true)}, {Name: "f", Value: record.FloatValue(-0.25)},
			{Name: "n", Value: record.IntValue(math.MinInt64)}, {Name: "o", Value: record.JSONValue(`[{"a":1}]`)},
			{Name: "tags", Value: record.StringValue("x")}, {Name: "tags", Value: record.StringValue("")},
			{Name: "when", Value: record.TimeValue(12)},
		},
	}
}

func TestALineIsReadAsItWasWritten(t *testing.T) {
	want := line()
	b := record.Append(nil, &want)
	b = record.Append(b, &record.Record{})
	var got record.Record
	rest, err := record.Decode(b, &got)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("read back (-want +got):\n%s", d)
	}
	var empty record.Record
	if rest, err = record.Decode(rest, &empty); err != nil || len(rest) != 0 || empty.Message != "" {
		t.Errorf("the second line: %+v, %d bytes left, %v", empty, len(rest), err)
	}
}

func TestACutLineIsNotRead(t *testing.T) {
	l := line()
	b := record.Append(nil, &l)
	for i := range b {
		var r record.Record
		if _, err := record.Decode(b[:i], &r); err == nil {
			t.Errorf("%d of %d bytes were read as a line", i, len(b))
		}
	}
}

func FuzzDecode(f *testing.F) {
	l := line()
	f.Add(record.Append(nil, &l))
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 15})
	f.Fuzz(func(t *testing.T, b []byte) {
		var r, again record.Record
		if _, err := record.Decode(b, &r); err != nil {
			return
		}
		if _, err := record.Decode(record.Append(nil, &r), &again); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if d := cmp.Diff(r, again); d != "" {
			t.Fatalf("written and read again (-want +got):\n%s", d)
		}
	})
}
