package record_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// peeked builds a line from what Peek says of it.
func peeked(p record.Peek) record.Record {
	r := record.Record{
		Time: p.Time, Ingested: p.Ingested, Seq: p.Seq, Owner: p.Owner, Class: p.Class, Index: p.Index, ID: p.ID, Message: p.Message,
	}
	for name, v := range p.Fields {
		r.Fields = append(r.Fields, record.Field{Name: name, Value: v})
	}
	return r
}

func TestAPeekSeesWhatDecodeReads(t *testing.T) {
	want := line()
	p, err := record.PeekAt(record.Append(nil, &want))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, peeked(p)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for _, name := range []string{"a", "b", "f", "n", "o", "tags", "when", "z"} {
		var got, want []record.Value
		p.Field(name, func(v record.Value) bool { got = append(got, v); return true })
		l := line()
		for v := range l.All(name) {
			want = append(want, v)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

func FuzzPeek(f *testing.F) {
	l := line()
	f.Add(record.Append(nil, &l), "tags")
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 'a', 1, 255, 255, 15}, "b")
	f.Fuzz(func(t *testing.T, b []byte, name string) {
		p, err := record.PeekAt(b)
		if err != nil {
			return
		}
		p.Field(name, func(record.Value) bool { return true })
		got := peeked(p)
		var want record.Record
		if _, err := record.Decode(b, &want); err != nil {
			return
		}
		if len(want.Fields) == 0 {
			want.Fields = nil
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	})
}
