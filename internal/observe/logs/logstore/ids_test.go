package logstore_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/logs/logstore"
	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// documents are n documents with ids from first on.
func documents(first, n int, at time.Time) []record.Record {
	out := make([]record.Record, n)
	for i := range out {
		l := line(app01, "system", at, "d")
		l.Index, l.ID = "i", fmt.Sprintf("id-%07d", first+i)
		out[i] = l
	}
	return out
}

func (h *house) stored(records []record.Record) (n int) {
	h.t.Helper()
	for _, o := range h.append(records...) {
		if o == record.Stored {
			n++
		}
	}
	return n
}

// TestADocumentThatComesAgainAfterManyOthersIsKeptOnce has far more ids than
// stay in memory, and restarts, merges and crashed writes between.
func TestADocumentThatComesAgainAfterManyOthersIsKeptOnce(t *testing.T) {
	h := open(t, func(o *logstore.Options) { o.IDs = 1000 })
	older := filepath.Join(h.o.Dir, "older-ids")
	const rounds, each = 40, 700
	for i := range rounds {
		if n := h.stored(documents(i*each, each, epoch)); n != each {
			t.Fatalf("round %d: %d of %d are new", i, n, each)
		}
		if i%3 == 0 {
			if err := h.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if i%7 == 0 {
			if err := h.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if i%10 == 0 {
			h.restart()
		}
	}
	for i := range rounds {
		if n := h.stored(documents(i*each, each, epoch)); n != 0 {
			t.Errorf("round %d: %d documents are kept a second time", i, n)
		}
	}
	if err := os.WriteFile(filepath.Join(older, "99999999.new"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.restart()
	if n := h.stored(documents(0, rounds*each, epoch)); n != 0 {
		t.Errorf("after a restart %d documents are kept a second time", n)
	}
	names, err := os.ReadDir(older)
	if err != nil || len(names) == 0 || len(names) > 8 {
		t.Errorf("%d files of ids, %v; want a few", len(names), err)
	}
	if got := h.search(query.Request{}).Total; got != rounds*each {
		t.Errorf("there are %d documents", got)
	}
}

func TestIDsAreForgottenWithTheLinesOfTheirDays(t *testing.T) {
	h := open(t, func(o *logstore.Options) {
		o.IDs = 100
		o.Retention = func(record.Owner, string) time.Duration { return 48 * time.Hour }
	})
	older := filepath.Join(h.o.Dir, "older-ids")
	files := func() int {
		names, err := os.ReadDir(older)
		if err != nil {
			t.Fatal(err)
		}
		return len(names)
	}
	h.stored(documents(0, 500, h.clock.now()))
	if err := h.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if files() == 0 {
		t.Fatal("no file of ids was written")
	}
	h.clock.add(24 * time.Hour)
	if err := h.Sweep(t.Context()); err != nil || files() == 0 {
		t.Errorf("while the lines are kept: %d files, %v", files(), err)
	}
	h.clock.add(72 * time.Hour)
	if err := h.Sweep(t.Context()); err != nil || files() != 0 {
		t.Errorf("when the lines are gone: %d files, %v", files(), err)
	}
}

func TestADamagedFileOfIDsLosesNoDocument(t *testing.T) {
	h := open(t, func(o *logstore.Options) { o.IDs = 100 })
	for range 2 { // the second time in another segment of the log, so that the first is dropped
		h.stored(documents(0, 500, epoch))
		h.stored(documents(5000, 1, epoch.Add(time.Hour)))
		h.append(line(app01, "system", epoch, "x"))
		if err := h.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.restart()
	}
	h.close()
	names, err := filepath.Glob(filepath.Join(h.o.Dir, "older-ids", "*"))
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)-10] ^= 1
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h.open()
	if n := h.stored(documents(1000, 500, epoch)); n != 500 {
		t.Errorf("%d of 500 new documents are kept", n)
	}
	if n := h.stored(documents(0, 500, epoch)); n < 400 {
		t.Errorf("%d of 500 are kept again; their ids cannot be read", n)
	}
}

// BenchmarkADocumentAmongManyIDs is what looking for its id costs a document
// when ten million others came before.
func BenchmarkADocumentAmongManyIDs(b *testing.B) {
	h := open(b, func(o *logstore.Options) { o.IDs = 1 << 18; o.Memory = 512 << 20; o.Log = 4 << 30 })
	const before, each = 10_000_000, 20_000
	for i := 0; i < before; i += each {
		h.append(documents(i, each, epoch)...)
		if i%(100*each) == 0 {
			if err := h.Flush(b.Context()); err != nil {
				b.Fatal(err)
			}
			if err := h.Sweep(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ResetTimer()
	n := 0
	for b.Loop() {
		h.append(documents(before+n, 1000, epoch)...)
		n += 1000
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/doc")
}
