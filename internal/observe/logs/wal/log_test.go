package wal_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/observe/logs/wal"
)

// text is an entry that is what it says.
type text struct {
	payload string
	segment uint64
	err     error
	framed  func()
	done    func()
}

func (e *text) Frame(b []byte) []byte {
	if e.framed != nil {
		e.framed()
	}
	return append(b, e.payload...)
}

func (e *text) Done(segment uint64, err error) {
	e.segment, e.err = segment, err
	if e.done != nil {
		e.done()
	}
}

func open(t testing.TB, dir string, o wal.Options) (*wal.Log, []string, wal.Report) {
	t.Helper()
	var got []string
	l, r, err := wal.Open(dir, o, func(f wal.Frame) error {
		if !f.Head {
			got = append(got, string(f.Payload))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l, got, r
}

func add(t testing.TB, l *wal.Log, payloads ...string) {
	t.Helper()
	for _, p := range payloads {
		if err := l.Append(&text{payload: p}); err != nil {
			t.Fatal(err)
		}
	}
}

func files(t testing.TB, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.wal"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

func TestWhatWasAppendedIsReadInItsOrder(t *testing.T) {
	dir := t.TempDir()
	var want []string
	for run := range 3 {
		l, got, r := open(t, dir, wal.Options{SegmentBytes: 200})
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("run %d (-want +got):\n%s", run, d)
		}
		if r.Entries != len(want) || r.Torn != 0 || r.Damaged != nil {
			t.Fatalf("run %d: %+v", run, r)
		}
		for i := range 20 {
			p := fmt.Sprintf("run %d entry %d", run, i)
			add(t, l, p)
			want = append(want, p)
		}
	}
	if n := len(files(t, dir)); n < 6 {
		t.Errorf("%d segments", n)
	}
}

func TestManyCallersShareOneWrite(t *testing.T) {
	dir := t.TempDir()
	var l *wal.Log
	writes, waiting := 0, make(chan struct{})
	var groups []int
	l, _, _ = open(t, dir, wal.Options{Synced: func(entries, _ int, _ time.Duration) { groups = append(groups, entries) }})
	var all sync.WaitGroup
	first := &text{payload: "first", framed: func() {
		// The others come while this one is written.
		for i := range 50 {
			all.Go(func() {
				if err := l.Append(&text{payload: fmt.Sprint(i), done: func() { writes++ }}); err != nil {
					t.Error(err)
				}
			})
		}
		wal.AwaitWaiting(l, 50)
		close(waiting)
	}}
	if err := l.Append(first); err != nil {
		t.Fatal(err)
	}
	<-waiting
	all.Wait()
	if d := cmp.Diff([]int{51}, groups); d != "" {
		t.Errorf("entries of each write (-want +got):\n%s", d)
	}
	if writes != 50 {
		t.Errorf("%d entries were done", writes)
	}
	if _, got, _ := open(t, dir, wal.Options{}); len(got) != 51 {
		t.Errorf("%d entries are there", len(got))
	}
}

func TestATornEndIsCutOffAndReported(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := open(t, dir, wal.Options{})
	add(t, l, "one", "two")
	whole, err := os.ReadFile(files(t, dir)[0])
	if err != nil {
		t.Fatal(err)
	}
	add(t, l, "three, which tears")
	_ = l.Close()
	name := files(t, dir)[0]
	longer, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for n := len(whole); n < len(longer); n++ {
		again := t.TempDir()
		torn := filepath.Join(again, filepath.Base(name))
		if err := os.WriteFile(torn, longer[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		l, got, r := open(t, again, wal.Options{})
		if d := cmp.Diff([]string{"one", "two"}, got); d != "" || r.Torn != int64(n-len(whole)) || r.Damaged != nil {
			t.Fatalf("cut to %d bytes: %v, %+v", n, got, r)
		}
		add(t, l, "four")
		if _, got, r = open(t, again, wal.Options{}); !slices.Equal(got, []string{"one", "two", "four"}) || r.Torn != 0 {
			t.Fatalf("cut to %d bytes, the next time: %v, %+v", n, got, r)
		}
	}
}

func TestADamagedMiddleIsPutAsideAndTheRestIsRead(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := open(t, dir, wal.Options{})
	payloads := []string{"one", "two", "three"}
	add(t, l, payloads...)
	_ = l.Close()
	name := files(t, dir)[0]
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	last := bytes.Index(whole, []byte("three")) - 17
	for at := range last {
		again := t.TempDir()
		b := slices.Clone(whole)
		b[at] ^= 0x41
		if err := os.WriteFile(filepath.Join(again, filepath.Base(name)), b, 0o600); err != nil {
			t.Fatal(err)
		}
		_, got, r := open(t, again, wal.Options{})
		if len(r.Damaged) != 1 || r.Torn != 0 {
			t.Fatalf("byte %d: %+v", at, r)
		}
		lost := 3 - len(got)
		if got[len(got)-1] != "three" || lost > 1 || lost == 0 && at > bytes.Index(whole, []byte("one"))-17 {
			t.Fatalf("byte %d: read %v", at, got)
		}
		d := r.Damaged[0]
		aside, err := os.ReadFile(d.Aside)
		if err != nil || !bytes.Equal(aside, b[d.At:d.At+d.Bytes]) || int64(at) < d.At || int64(at) >= d.At+d.Bytes {
			t.Fatalf("byte %d: %+v, %v", at, d, err)
		}
		_, second, r := open(t, again, wal.Options{})
		if !slices.Equal(second, got) || r.Damaged != nil {
			t.Fatalf("byte %d, the next time: %v, %+v", at, second, r)
		}
	}
}

func TestALineThatLooksLikeAFrameIsNone(t *testing.T) {
	forger, victim := t.TempDir(), t.TempDir()
	l, _, _ := open(t, forger, wal.Options{})
	add(t, l, "forged")
	forged, err := os.ReadFile(files(t, forger)[0])
	if err != nil {
		t.Fatal(err)
	}
	l, _, _ = open(t, victim, wal.Options{})
	add(t, l, "carries "+string(forged), "honest")
	name := files(t, victim)[0]
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	b[bytes.Index(b, []byte("carries"))] ^= 1
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, got, _ := open(t, victim, wal.Options{}); !slices.Equal(got, []string{"honest"}) {
		t.Errorf("read %q", got)
	}
}

func TestASegmentThatCannotBeReadStopsNothing(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := open(t, dir, wal.Options{SegmentBytes: 1})
	add(t, l, "one", "two", "three")
	second := files(t, dir)[1]
	if err := os.Remove(second); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(second, 0o700); err != nil {
		t.Fatal(err)
	}
	_, got, r := open(t, dir, wal.Options{})
	if !slices.Equal(got, []string{"one", "three"}) || len(r.Damaged) != 1 || r.Damaged[0].Err == nil || r.Damaged[0].Aside == "" {
		t.Errorf("read %v, %+v", got, r)
	}
}

func TestWhatWasNotWrittenIsTakenBackAndNeverRead(t *testing.T) {
	for _, cause := range []error{syscall.ENOSPC, syscall.EROFS, syscall.EIO} {
		t.Run(cause.Error(), func(t *testing.T) {
			dir := t.TempDir()
			broken := false
			o := wal.WithWrite(wal.Options{}, func(f *os.File, b []byte) error {
				_, err := f.Write(b)
				if broken {
					return cause
				}
				return errors.Join(err, f.Sync())
			})
			l, _, _ := open(t, dir, o)
			add(t, l, "one")
			broken = true
			var order []string
			var all sync.WaitGroup
			entry := func(name string) *text {
				return &text{payload: name, done: func() { order = append(order, name) }}
			}
			first := entry("first")
			first.framed = func() {
				all.Go(func() { _ = l.Append(entry("second")) })
				wal.AwaitWaiting(l, 1)
			}
			err := l.Append(first)
			all.Wait()
			if !errors.Is(err, cause) || !errors.Is(first.err, cause) || !strings.Contains(err.Error(), dir) {
				t.Errorf("the caller was told %v, the entry %v", err, first.err)
			}
			if d := cmp.Diff([]string{"second", "first"}, order); d != "" {
				t.Errorf("taken back in the order (-want +got):\n%s", d)
			}
			name := files(t, dir)[0]
			if err := l.Append(&text{payload: "still broken"}); !errors.Is(err, cause) {
				t.Errorf("the next one: %v", err)
			}
			broken = false
			add(t, l, "two")
			// The same once more, as if it had not been possible to cut it off.
			f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			other, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.Write(other); err != nil {
				t.Fatal(err)
			}
			_ = f.Close()
			if _, got, r := open(t, dir, wal.Options{}); !slices.Equal(got, []string{"one", "two"}) || r.Damaged != nil || r.Torn != 0 {
				t.Errorf("read %v, %+v", got, r)
			}
		})
	}
}

func TestAnEntryThatIsTooLargeHarmsNoOther(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := open(t, dir, wal.Options{})
	large := &text{payload: strings.Repeat("x", wal.MaxPayload+1)}
	if err := l.Append(large); !errors.Is(err, wal.ErrTooLarge) || !errors.Is(large.err, wal.ErrTooLarge) {
		t.Errorf("%v", err)
	}
	add(t, l, large.payload[1:])
	if _, got, _ := open(t, dir, wal.Options{}); len(got) != 1 || len(got[0]) != wal.MaxPayload {
		t.Errorf("%d entries", len(got))
	}
}

func TestAnEntryWithoutBytesIsDone(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := open(t, dir, wal.Options{})
	done := false
	if err := l.Append(&text{done: func() { done = true }}); err != nil || !done {
		t.Errorf("%v, done: %v", err, done)
	}
	if _, got, _ := open(t, dir, wal.Options{}); got != nil {
		t.Errorf("read %q", got)
	}
}

func TestTheOldestSegmentsAreDroppedButNeverTheHead(t *testing.T) {
	dir := t.TempDir()
	n := 0
	o := wal.Options{SegmentBytes: 1, Head: func() []byte { n++; return fmt.Append(nil, "head ", n) }}
	l, _, _ := open(t, dir, o)
	add(t, l, "one", "two", "three")
	segments := l.Segments()
	if len(segments) != 3 {
		t.Fatalf("%+v", segments)
	}
	if err := l.Drop(segments[2].Number); err != nil {
		t.Fatal(err)
	}
	var got []string
	read := func(f wal.Frame) error { got = append(got, string(f.Payload)); return nil }
	if _, _, err := wal.Open(dir, o, read); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"head 3", "three"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if err := l.Drop(l.Seal()); err != nil {
		t.Fatal(err)
	}
	if n := len(files(t, dir)); n != 1 {
		t.Errorf("%d segments, not even the head of the last is there", n)
	}
}

func TestWhatIsRewrittenLeavesNoByte(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := open(t, dir, wal.Options{SegmentBytes: 100})
	for i := range 30 {
		add(t, l, fmt.Sprintf("kept %d", i))
		if i%7 == 0 {
			add(t, l, fmt.Sprintf("secret-marker %d", i), fmt.Sprintf("half %d secret-marker", i))
		}
	}
	before := files(t, dir)
	end := l.Seal()
	add(t, l, "kept, behind it")
	n, err := l.Rewrite(end, func(p []byte) []byte {
		switch s := string(p); {
		case strings.HasPrefix(s, "secret"):
			return nil
		case strings.HasPrefix(s, "half"):
			return []byte(strings.TrimSuffix(s, " secret-marker"))
		}
		return p
	})
	if err != nil || n == 0 || n >= len(before) {
		t.Errorf("%d of %d segments were rewritten, %v", n, len(before), err)
	}
	for _, name := range files(t, dir) {
		if b, err := os.ReadFile(name); err != nil || bytes.Contains(b, []byte("secret")) {
			t.Errorf("%s holds it still, %v", name, err)
		}
	}
	_, got, r := open(t, dir, wal.Options{})
	kept := 0
	for _, s := range got {
		if strings.HasPrefix(s, "kept") {
			kept++
		}
	}
	if kept != 31 || len(got) != 31+5 || r.Damaged != nil || r.Torn != 0 {
		t.Errorf("%d kept of %q, %+v", kept, got, r)
	}
}

func TestARewriteThatWasCutShortChangedNothing(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := open(t, dir, wal.Options{})
	add(t, l, "one")
	left := files(t, dir)[0] + ".tmp"
	if err := os.WriteFile(left, []byte("half of it"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, got, _ := open(t, dir, wal.Options{}); !slices.Equal(got, []string{"one"}) {
		t.Errorf("read %v", got)
	}
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what it left is still there: %v", err)
	}
}

func TestAClosedLogTakesNothing(t *testing.T) {
	l, _, _ := open(t, t.TempDir(), wal.Options{})
	_ = l.Close()
	if err := l.Append(&text{payload: "x"}); !errors.Is(err, wal.ErrClosed) {
		t.Errorf("%v", err)
	}
}
