package spool

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestARecordComesBackAsItWas(t *testing.T) {
	in := Record{Seq: 7, At: time.UnixMilli(1767225600123).UTC(), Kind: "metrics", ID: "01K", Payload: []byte("x")}
	b := in.appendTo([]byte("before"))[len("before"):]
	got, n, err := decode(b)
	if err != nil || n != int64(len(b)) || n != in.size() {
		t.Fatalf("decoded %d of %d bytes, size says %d: %v", n, len(b), in.size(), err)
	}
	if d := cmp.Diff(in, got); d != "" {
		t.Error(d)
	}
}

func TestEveryFlippedByteIsNoticed(t *testing.T) {
	good := Record{Seq: 7, Kind: "k", ID: "id", Payload: []byte("payload")}.appendTo(nil)
	for i := range good {
		b := bytes.Clone(good)
		b[i] ^= 0x10
		if _, _, err := decode(b); err == nil {
			t.Errorf("byte %d flipped, and nobody noticed", i)
		}
	}
}

func TestTooLargeRecordsAreRefused(t *testing.T) {
	for _, r := range []Record{{}, {Kind: string(make([]byte, 256))}, {Kind: "k", ID: string(make([]byte, 256))}, {Kind: "k", Payload: make([]byte, MaxPayload+1)}} {
		if r.check() == nil {
			t.Errorf("kind of %d, id of %d, payload of %d bytes was taken", len(r.Kind), len(r.ID), len(r.Payload))
		}
	}
}

func FuzzDecode(f *testing.F) {
	one := Record{Seq: 1, At: time.UnixMilli(1), Kind: "k", ID: "i", Payload: []byte("p")}.appendTo(nil)
	f.Add(one)
	f.Add(append(bytes.Repeat([]byte(magic), 20), one...))
	f.Add(one[:len(one)-3])
	f.Fuzz(func(t *testing.T, b []byte) {
		rec, n, skipped, ok := nextRecord(b)
		if !ok {
			return
		}
		if skipped+n > int64(len(b)) {
			t.Fatalf("a record of %d bytes behind %d in %d", n, skipped, len(b))
		}
		if again := rec.appendTo(nil); !bytes.Equal(again[:24], b[skipped:skipped+24]) || int64(len(again)) != n {
			t.Fatalf("the record encodes to something else")
		}
	})
}

func BenchmarkAppendAndRead(b *testing.B) {
	s, err := Open(b.TempDir(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	r, err := s.Reader("hub")
	if err != nil {
		b.Fatal(err)
	}
	rec := Record{Kind: "metrics", ID: "01KAAAAAAAAAAAAAAAAAAAAAAA", Payload: make([]byte, 12<<10)}
	b.SetBytes(int64(len(rec.Payload)))
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Append(rec); err != nil {
			b.Fatal(err)
		}
		got, ok, err := r.Peek()
		if !ok || err != nil {
			b.Fatal(ok, err)
		}
		if err := r.Ack(got); err != nil {
			b.Fatal(err)
		}
	}
}
