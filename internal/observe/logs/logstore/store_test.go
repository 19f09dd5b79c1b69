package logstore_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/vigie-ops/vigie/internal/observe/logs/logstore"
	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/query/querytest"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// clock is a time that a test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.at }

func (c *clock) add(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.at = c.at.Add(d) }

// house is a store with its folder, which can be closed and opened again.
type house struct {
	*logstore.Store
	t       testing.TB
	o       logstore.Options
	clock   *clock
	mu      sync.Mutex
	damaged []string
	stop    func()
}

func open(t testing.TB, change func(*logstore.Options)) *house {
	t.Helper()
	h := &house{t: t, clock: &clock{at: time.Unix(0, querytest.Epoch).UTC().Add(26 * time.Hour)}}
	h.o = logstore.Options{Dir: t.TempDir(), Now: h.clock.now, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), Damaged: func(path string, err error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.damaged = append(h.damaged, fmt.Sprintf("%s: %v", path, err))
	}}
	if change != nil {
		change(&h.o)
	}
	h.open()
	t.Cleanup(func() { h.close() })
	return h
}

func (h *house) open() {
	h.t.Helper()
	s, err := logstore.Open(h.o)
	if err != nil {
		h.t.Fatal(err)
	}
	h.Store, h.stop = s, func() {}
}

// run has the store look after itself.
func (h *house) run() {
	ctx, cancel := context.WithCancel(h.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = h.Run(ctx) }()
	h.stop = func() { cancel(); <-done }
}

func (h *house) close() {
	h.stop()
	if err := h.Close(); err != nil {
		h.t.Error(err)
	}
}

func (h *house) restart() {
	h.t.Helper()
	h.close()
	h.open()
}

func (h *house) append(lines ...record.Record) []record.Outcome {
	h.t.Helper()
	out, err := h.Append(h.t.Context(), record.Batch{Records: lines})
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}

func (h *house) search(r query.Request) *query.Result {
	h.t.Helper()
	out, err := h.Search(h.t.Context(), r)
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}

// messages are those of all lines, oldest first, joined.
func (h *house) messages() string {
	h.t.Helper()
	var out []string
	err := h.Export(h.t.Context(), query.Request{}, false, func(r *record.Record) error {
		out = append(out, strings.Clone(r.Message))
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return strings.Join(out, " ")
}

func line(owner record.Owner, class string, at time.Time, message string) record.Record {
	return record.Record{Time: at.UnixNano(), Owner: owner, Class: class, Message: message, Fields: []record.Field{{Name: record.Service, Value: record.StringValue("svc")}}}
}

var (
	borealis = record.InstanceOwner("borealis")
	fjord    = record.InstanceOwner("fjord")
	app01    = record.ServerOwner("app-01")
	epoch    = time.Unix(0, querytest.Epoch).UTC()
)

var alike = cmp.Options{
	cmpopts.EquateEmpty(), cmpopts.IgnoreFields(query.Result{}, "Took", "Scanned"),
	cmp.Comparer(func(a, b float64) bool {
		return a == b || math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) <= 1e-9*max(math.Abs(a), math.Abs(b))
	}),
}

// TestAnswersAreThoseOfReadingEveryLine has lines come, be written, merged and
// read again after a restart, and compares every answer with that of reading
// every line.
func TestAnswersAreThoseOfReadingEveryLine(t *testing.T) {
	for seed := range uint64(5) {
		r := rand.New(rand.NewPCG(seed, 9))
		h := open(t, nil)
		var all []record.Record
		for range 12 {
			lines := querytest.Records(r, 1+r.IntN(120))
			for i := range lines {
				lines[i].Seq, lines[i].ID, lines[i].Index = 0, "", "app"
			}
			h.append(lines...)
			for i := range lines {
				if lines[i].Seq == 0 || lines[i].Ingested == 0 {
					t.Fatal("a line got no number")
				}
				all = append(all, lines[i].Clone())
			}
			switch r.IntN(4) {
			case 0:
				if err := h.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
			case 1:
				h.restart()
			case 2:
				h.clock.add(time.Hour)
				if err := h.Look(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			for range 25 {
				q := querytest.Request(r)
				if r.IntN(3) == 0 {
					q.From = querytest.Epoch + int64(r.IntN(1000))*int64(time.Minute)
					q.To = q.From + int64(r.IntN(1000))*int64(time.Minute)
				}
				if r.IntN(3) == 0 {
					q.Owners = func(o record.Owner) bool { return o == borealis }
				}
				if r.IntN(3) == 0 {
					q.Filter = query.And{q.Filter, query.Equal{Field: record.OwnerField, Value: record.StringValue("instance:fjord")}}
				}
				want, wantErr := query.Naive(all).Search(t.Context(), q)
				got, err := h.Search(t.Context(), q)
				if (err != nil) != (wantErr != nil) {
					t.Fatalf("seed %d: %v, the oracle says %v", seed, err, wantErr)
				}
				if err != nil {
					continue
				}
				if diff := cmp.Diff(want, got, alike); diff != "" {
					t.Fatalf("seed %d: %#v\n%s", seed, q, diff)
				}
				desc := r.IntN(2) == 0
				if a, b := exported(t, query.Naive(all), q, desc), exported(t, h, q, desc); a != b {
					t.Fatalf("seed %d: exported\n%s\nwant\n%s", seed, b, a)
				}
			}
		}
		h.close()
		h.open()
	}
}

func exported(t *testing.T, s query.Searcher, q query.Request, desc bool) string {
	t.Helper()
	var b strings.Builder
	err := s.Export(t.Context(), q, desc, func(r *record.Record) error {
		fmt.Fprintf(&b, "%d %d %q %v\n", r.Time, r.Seq, r.Message, r.Fields)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestLinesOfAnAgentAreKeptOnce(t *testing.T) {
	h := open(t, nil)
	send := func(from, to int64) string {
		b := record.Batch{}
		for i := from; i < to; i++ {
			b.Records = append(b.Records, line(app01, "system", epoch.Add(time.Duration(i)*time.Second), fmt.Sprint("l", i)))
			b.Marks = append(b.Marks, record.Mark{Stream: "app-01:/var/log/syslog:1", Offset: 10 * i})
		}
		out, err := h.Append(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%d", out)
	}
	if got := send(0, 3); got != "[0 0 0]" {
		t.Errorf("first: %s", got)
	}
	if got := send(1, 5); got != "[1 1 0 0]" {
		t.Errorf("again from the middle: %s", got)
	}
	h.restart()
	if got := send(0, 6); got != "[1 1 1 1 1 0]" {
		t.Errorf("after a restart: %s", got)
	}
	if err := h.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.restart()
	if got := send(4, 7); got != "[1 1 0]" {
		t.Errorf("when the log is dropped: %s", got)
	}
	if got := h.messages(); got != "l0 l1 l2 l3 l4 l5 l6" {
		t.Errorf("kept %s", got)
	}
}

func TestADocumentWithAnIDIsKeptOnce(t *testing.T) {
	h := open(t, nil)
	one := func(index, id, message string) record.Outcome {
		l := line(app01, "system", epoch, message)
		l.Index, l.ID = index, id
		return h.append(l)[0]
	}
	if a, b, c, d := one("i", "1", "a"), one("i", "1", "b"), one("j", "1", "c"), one("", "", "d"); a != record.Stored || b != record.Duplicate || c != record.Stored || d != record.Stored {
		t.Error(a, b, c, d)
	}
	h.restart()
	if got := one("i", "1", "e"); got != record.Duplicate {
		t.Error("after a restart", got)
	}
	if err := h.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.restart()
	if got := one("j", "1", "f"); got != record.Duplicate {
		t.Error("when the log is dropped", got)
	}
	if got := h.messages(); got != "a c d" {
		t.Errorf("kept %s", got)
	}
	res := h.search(query.Request{Filter: query.Equal{Field: record.ID, Value: record.StringValue("1")}, Size: 10})
	if len(res.Hits) != 2 {
		t.Errorf("found %+v", res.Hits)
	}
}

func TestBatchesThatCannotBeKeptAreRefused(t *testing.T) {
	h := open(t, nil)
	good := line(app01, "system", epoch, "good")
	for what, b := range map[string]record.Batch{
		"no owner":    {Records: []record.Record{good, {Class: "system", Message: "x"}}},
		"a path":      {Records: []record.Record{line(record.InstanceOwner("../etc"), "system", epoch, "x")}},
		"a class":     {Records: []record.Record{line(app01, "../x", epoch, "x")}},
		"large":       {Records: []record.Record{line(app01, "system", epoch, strings.Repeat("x", 40<<20))}},
		"marks":       {Records: []record.Record{good, good}, Marks: []record.Mark{{}}},
		"other kinds": {Records: []record.Record{line(record.Owner{Kind: "planet", Slug: "x"}, "system", epoch, "x")}},
	} {
		if _, err := h.Append(t.Context(), b); !errors.Is(err, logstore.ErrLines) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if got := h.messages(); got != "" {
		t.Errorf("kept %s", got)
	}
}

func TestOldLinesAreDeletedUnlessHeld(t *testing.T) {
	held := map[record.Owner]bool{fjord: true}
	h := open(t, func(o *logstore.Options) {
		o.Retention = func(owner record.Owner, class string) time.Duration {
			if class == "web" {
				return 2 * 24 * time.Hour
			}
			return 10 * 24 * time.Hour
		}
		o.Held = func(owner record.Owner) bool { return held[owner] }
	})
	for day := range 4 {
		at := epoch.Add(time.Duration(day) * 24 * time.Hour)
		h.append(line(borealis, "web", at, fmt.Sprint("w", day)), line(borealis, "application", at, fmt.Sprint("a", day)), line(fjord, "web", at, fmt.Sprint("f", day)))
		if day%2 == 0 {
			if err := h.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	// It is 22:00 of the first day plus 26 h; days end at midnight.
	h.clock.add(3 * 24 * time.Hour)
	if err := h.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := h.messages(); got != "a0 f0 a1 f1 w2 a2 f2 w3 a3 f3" {
		t.Errorf("kept %s", got)
	}
	held[fjord] = false
	h.restart()
	if err := h.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := h.messages(); got != "a0 a1 w2 a2 f2 w3 a3 f3" {
		t.Errorf("without the hold kept %s", got)
	}
	h.clock.add(30 * 24 * time.Hour)
	if err := h.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := files(t, filepath.Join(h.o.Dir, "parts")); len(got) > 0 || h.messages() != "" {
		t.Errorf("left are %v and %s", got, h.messages())
	}
	if got := files(t, filepath.Join(h.o.Dir, "days")); len(got) > 0 {
		t.Errorf("journals of days are left: %v", got)
	}
}

func files(t testing.TB, dir string) (out []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && path != dir {
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestCapsDeleteTheOldestDays(t *testing.T) {
	most := int64(0)
	h := open(t, func(o *logstore.Options) {
		o.Cap = func(owner record.Owner) int64 {
			if owner == borealis {
				return most
			}
			return 0
		}
	})
	for day := range 5 {
		at := epoch.Add(time.Duration(day) * 24 * time.Hour)
		h.append(line(borealis, "web", at, fmt.Sprint("b", day)), line(fjord, "web", at, fmt.Sprint("f", day)))
		if err := h.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, a := range h.Amounts() {
		if a.Owner == borealis {
			most += a.Bytes
		}
	}
	most = most * 5 / 10
	if err := h.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := h.messages(); got != "f0 f1 f2 b3 f3 b4 f4" && got != "f0 f1 f2 f3 b3 f4 b4" {
		t.Errorf("kept %s", got)
	}
}

// TestAnErasedInstanceIsNowhere looks for what was erased in every byte of the
// store's folder.
func TestAnErasedInstanceIsNowhere(t *testing.T) {
	h := open(t, nil)
	secret := func(i int) string { return fmt.Sprintf("secret-of-borealis-%d", i) }
	for i := range 30 {
		at := epoch.Add(time.Duration(i) * 3 * time.Hour)
		l := line(borealis, "application", at, secret(i))
		l.Fields = append(l.Fields, record.Field{Name: "user.name", Value: record.StringValue("borealis-admin")})
		b := record.Batch{Records: []record.Record{l, line(fjord, "application", at, fmt.Sprint("f", i))},
			Marks: []record.Mark{{Stream: "srv/borealis.log", Offset: int64(i)}, {Stream: "srv/fjord.log", Offset: int64(i)}}}
		if _, err := h.Append(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if i == 10 || i == 20 {
			if err := h.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	before := h.messages()
	out, err := h.Erase(t.Context(), borealis)
	if err != nil {
		t.Fatal(err)
	}
	if out.Lines != 30 || len(out.Files) == 0 || len(out.Days) == 0 || out.Segments == 0 || out.Searched == 0 || len(out.Left) > 0 {
		t.Errorf("the report is %+v", out)
	}
	check := func(when string) {
		t.Helper()
		for _, path := range files(t, h.o.Dir) {
			if strings.Contains(path, "borealis") {
				t.Errorf("%s: there is %s", when, path)
			}
			if b, err := os.ReadFile(path); err == nil && bytes.Contains(b, []byte("borealis")) {
				t.Errorf("%s: %s still names it", when, path)
			}
		}
		var kept []string
		for w := range strings.FieldsSeq(before) {
			if !strings.Contains(w, "borealis") {
				kept = append(kept, w)
			}
		}
		if got := h.messages(); got != strings.Join(kept, " ") {
			t.Errorf("%s: of others there is %s", when, got)
		}
	}
	check("at once")
	h.restart()
	check("after a restart")
	// What was taken before it was erased is not taken again, and what is new is.
	h.append(line(borealis, "application", epoch, "anew"))
	if got := h.search(query.Request{Filter: query.Equal{Field: record.OwnerField, Value: record.StringValue("instance:borealis")}, Size: 5}); len(got.Hits) != 1 {
		t.Errorf("afterwards there are %+v", got.Hits)
	}
}

func TestALegalHoldRefusesErasure(t *testing.T) {
	h := open(t, func(o *logstore.Options) { o.Held = func(record.Owner) bool { return true } })
	h.append(line(borealis, "web", epoch, "kept"))
	if _, err := h.Erase(t.Context(), borealis); err == nil || !strings.Contains(err.Error(), "legal hold") {
		t.Errorf("erased: %v", err)
	}
	if got := h.messages(); got != "kept" {
		t.Errorf("there is %q", got)
	}
}

func TestADamagedFileIsSetAsideAndToldAndTheRestIsFound(t *testing.T) {
	h := open(t, nil)
	for i := range 3 {
		h.append(line(borealis, "web", epoch.Add(time.Duration(i)*24*time.Hour), fmt.Sprint("line", i)))
		if err := h.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	var all []string
	for _, f := range files(t, filepath.Join(h.o.Dir, "parts")) {
		if strings.HasSuffix(f, ".parquet") {
			all = append(all, f)
		}
	}
	slices.Sort(all)
	b, err := os.ReadFile(all[1])
	if err != nil {
		t.Fatal(err)
	}
	for i := len(b) / 4; i < len(b); i += 16 {
		b[i] ^= 0xFF
	}
	if err := os.WriteFile(all[1], b, 0o600); err != nil {
		t.Fatal(err)
	}
	res := h.search(query.Request{Size: 10})
	if len(res.Hits) != 2 || !strings.Contains(res.Partial, "1 damaged") {
		t.Errorf("found %d, partial %q", len(res.Hits), res.Partial)
	}
	if len(h.damaged) != 1 || !strings.HasPrefix(h.damaged[0], "aside/instance_borealis_web_") {
		t.Errorf("told %v", h.damaged)
	}
	// What the write-ahead log still has is back after a restart.
	h.restart()
	if got := h.messages(); got != "line0 line1 line2" {
		t.Errorf("after a restart there is %s", got)
	}
}

func TestALostJournalOfADayLosesNoLine(t *testing.T) {
	h := open(t, nil)
	for i := range 20 {
		h.append(line(borealis, "web", epoch.Add(time.Duration(i)*time.Minute), fmt.Sprint("l", i)))
		if i%3 == 0 {
			if err := h.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := h.messages()
	h.close()
	for _, f := range files(t, filepath.Join(h.o.Dir, "days")) {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	h.open()
	if got := h.messages(); got != want {
		t.Errorf("there is %s, want %s", got, want)
	}
}

func TestManySmallFilesBecomeOne(t *testing.T) {
	h := open(t, nil)
	for i := range 30 {
		h.append(line(borealis, "web", epoch.Add(time.Duration(i)*time.Minute), fmt.Sprint("l", i)))
		if err := h.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	want := h.messages()
	h.clock.add(48 * time.Hour)
	if err := h.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a := h.Amounts(); len(a) != 1 || a[0].Files != 1 || a[0].Lines != 30 {
		t.Errorf("there is %+v", a)
	}
	if got := h.messages(); got != want {
		t.Errorf("there is %s, want %s", got, want)
	}
	h.restart()
	if got := h.messages(); got != want {
		t.Errorf("after a restart there is %s, want %s", got, want)
	}
}

func TestMemoryIsBoundedAndSendersWait(t *testing.T) {
	h := open(t, func(o *logstore.Options) { o.Memory, o.Log = 64<<10, 1<<20 })
	// Nobody writes files: at twice the memory nothing is taken.
	text := strings.Repeat("x", 1000)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	n := 0
	for ; ctx.Err() == nil && n < 1000; n++ {
		if _, err := h.Append(ctx, record.Batch{Records: []record.Record{line(borealis, "web", epoch.Add(time.Duration(n)*time.Second), text)}}); err != nil {
			if !errors.Is(err, record.ErrBusy) {
				t.Fatal(err)
			}
			break
		}
	}
	if n < 100 || n > 160 {
		t.Errorf("%d lines of a kilobyte were taken", n)
	}
	h.run()
	for i := range 2000 {
		h.append(line(borealis, "web", epoch.Add(time.Duration(n+i)*time.Second), text))
	}
	if got := h.search(query.Request{}); got.Total != int64(n+2000) {
		t.Errorf("there are %d lines, want %d", got.Total, n+2000)
	}
}

func TestATailHearsOfLinesAtOnceAndCountsWhatItDrops(t *testing.T) {
	h := open(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	tail, err := h.Tail(ctx, query.NewWords(record.Message, "error"), func(o record.Owner) bool { return o == borealis })
	if err != nil {
		t.Fatal(err)
	}
	h.append(line(borealis, "web", epoch, "fine"), line(borealis, "web", epoch, "an error"), line(fjord, "web", epoch, "error of others"))
	lines, dropped, ok := tail.Next()
	if len(lines) != 1 || lines[0].Message != "an error" || dropped != 0 || !ok {
		t.Errorf("heard %+v, dropped %d", lines, dropped)
	}
	for range 10 {
		h.append(line(borealis, "web", epoch, "error "+strings.Repeat("x", 1<<20)))
	}
	lines, dropped, ok = tail.Next()
	if len(lines) == 0 || int64(len(lines))+dropped != 10 || dropped == 0 || !ok {
		t.Errorf("heard %d, dropped %d", len(lines), dropped)
	}
	cancel()
	if _, _, ok := tail.Next(); ok {
		t.Error("it goes on after its end")
	}
}

func TestAnAnswerThatTakesTooLongIsPartial(t *testing.T) {
	h := open(t, func(o *logstore.Options) { o.Timeout = time.Nanosecond })
	h.append(line(borealis, "web", epoch, "x"))
	res, err := h.Search(t.Context(), query.Request{Size: 1})
	if err == nil && res.Partial == "" {
		t.Errorf("the answer is %+v", res)
	}
}

func TestWritersReadersAndTheStoreItselfWorkAtOnce(t *testing.T) {
	h := open(t, func(o *logstore.Options) { o.Memory, o.Log, o.FileLines = 256<<10, 1<<20, 500 })
	h.run()
	const writers, each = 4, 3000
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := 0; i < each; i += 10 {
				var lines []record.Record
				for k := range 10 {
					lines = append(lines, line(borealis, "web", epoch.Add(time.Duration(i+k)*time.Second), fmt.Sprintf("writer %d line %d", w, i+k)))
				}
				if _, err := h.Append(t.Context(), record.Batch{Records: lines}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	stop := make(chan struct{})
	var readers sync.WaitGroup
	readers.Go(func() {
		last := int64(0)
		for {
			select {
			case <-stop:
				return
			default:
			}
			res, err := h.Search(t.Context(), query.Request{Filter: query.NewWords(record.Message, "line"), Size: 5})
			if err != nil || res.Partial != "" {
				t.Error(err, res)
				return
			}
			if res.Total < last {
				t.Errorf("%d lines, there were %d", res.Total, last)
				return
			}
			last = res.Total
		}
	})
	all.Wait()
	close(stop)
	readers.Wait()
	if got := h.search(query.Request{Aggs: map[string]query.Agg{"m": {Kind: query.Cardinality, Field: record.Message}}}); got.Total != writers*each {
		t.Errorf("there are %d lines, want %d", got.Total, writers*each)
	}
}

// TestKilledWhileWriting kills a process that appends, again and again, and
// looks whether it lost or doubled what it was told is kept.
func TestKilledWhileWriting(t *testing.T) {
	if dir := os.Getenv("LOGSTORE_TEST_DIR"); dir != "" {
		writeUntilKilled(t, dir)
		return
	}
	rounds := 6
	if n, err := strconv.Atoi(os.Getenv("VIGIE_SOAK_KILLS")); err == nil {
		rounds = n
	}
	h := open(t, nil)
	h.close()
	r := rand.New(rand.NewPCG(1, 2))
	told := map[string]bool{}
	next := 0
	for range rounds {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledWhileWriting$")
		cmd.Env = append(os.Environ(), "LOGSTORE_TEST_DIR="+h.o.Dir, fmt.Sprint("LOGSTORE_TEST_FROM=", next))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 20 + r.IntN(400); n > 0 && lines.Scan(); n-- {
			if s, ok := strings.CutPrefix(lines.Text(), "kept "); ok {
				told[s] = true
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() { // what it said before it died
			if s, ok := strings.CutPrefix(lines.Text(), "kept "); ok {
				told[s] = true
			}
		}
		_ = cmd.Wait()
		next += 10_000
		h.open()
		seen := map[string]int{}
		err = h.Export(t.Context(), query.Request{}, false, func(r *record.Record) error { seen[strings.Clone(r.Message)]++; return nil })
		if err != nil {
			t.Fatal(err)
		}
		for s := range told {
			if seen[s] == 0 {
				t.Fatalf("%s was kept and is lost", s)
			}
		}
		for s, n := range seen {
			if n > 1 {
				t.Fatalf("%s is there %d times", s, n)
			}
		}
		if len(h.damaged) > 0 {
			t.Fatalf("damage: %v", h.damaged)
		}
		h.close()
	}
	t.Logf("%d lines were kept over %d kills", len(told), rounds)
	h.open()
}

// writeUntilKilled appends lines, has files written and merged, and says what
// is kept.
func writeUntilKilled(t *testing.T, dir string) {
	from, err := strconv.Atoi(os.Getenv("LOGSTORE_TEST_FROM"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := logstore.Open(logstore.Options{Dir: dir, Memory: 20 << 10, Log: 200 << 10, FileLines: 50})
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.Run(t.Context()) }()
	for i := from; ; i++ {
		m := fmt.Sprint("n", i)
		b := record.Batch{
			Records: []record.Record{line(borealis, "web", epoch.Add(time.Duration(i)*time.Second), m)},
			Marks:   []record.Mark{{Stream: "s", Offset: int64(i)}},
		}
		if _, err := s.Append(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if i%3 == 0 { // an agent that did not hear the answer sends again
			if out, err := s.Append(t.Context(), b); err != nil || out[0] != record.Known {
				t.Fatal(out, err)
			}
		}
		fmt.Println("kept " + m)
	}
}
