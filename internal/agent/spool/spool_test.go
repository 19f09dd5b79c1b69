package spool_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/agent/spool"
)

func open(t testing.TB, dir string, o spool.Options) *spool.Spool {
	t.Helper()
	s, err := spool.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func reader(t testing.TB, s *spool.Spool, hub string) *spool.Reader {
	t.Helper()
	r, err := s.Reader(hub)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func add(t testing.TB, s *spool.Spool, payloads ...string) {
	t.Helper()
	for _, p := range payloads {
		if err := s.Append(spool.Record{Kind: "k", ID: "id-" + p, Payload: []byte(p)}); err != nil {
			t.Fatal(err)
		}
	}
}

// drain reads and acknowledges everything that waits.
func drain(t testing.TB, r *spool.Reader) (got []string) {
	t.Helper()
	for {
		rec, ok, err := r.Peek()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return got
		}
		got = append(got, string(rec.Payload))
		if err := r.Ack(rec); err != nil {
			t.Fatal(err)
		}
	}
}

func want(t testing.TB, got []string, want ...string) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("wrong records (-want +got):\n%s", d)
	}
}

func segments(t testing.TB, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestEachHubReadsInOrderAtItsOwnPace(t *testing.T) {
	s := open(t, t.TempDir(), spool.Options{})
	a, b := reader(t, s, "a"), reader(t, s, "b")
	add(t, s, "1", "2")
	want(t, drain(t, a), "1", "2")
	add(t, s, "3")
	want(t, drain(t, a), "3")
	want(t, drain(t, b), "1", "2", "3")
}

func TestARecordComesAgainUntilItIsAcknowledged(t *testing.T) {
	s := open(t, t.TempDir(), spool.Options{})
	r := reader(t, s, "a")
	add(t, s, "1", "2")
	first, _, _ := r.Peek()
	again, _, _ := r.Peek()
	if first.Seq != again.Seq || string(again.Payload) != "1" || again.ID != "id-1" || again.Kind != "k" {
		t.Fatalf("got %+v, then %+v; want record 1 twice", first, again)
	}
}

func TestARestartGoesOnAtTheCursor(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, spool.Options{})
	r := reader(t, s, "a")
	add(t, s, "1", "2", "3")
	rec, _, _ := r.Peek()
	if err := r.Ack(rec); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s = open(t, dir, spool.Options{})
	add(t, s, "4")
	want(t, drain(t, reader(t, s, "a")), "2", "3", "4")
}

func TestAHubThatIsNewStartsAtTheEnd(t *testing.T) {
	s := open(t, t.TempDir(), spool.Options{})
	reader(t, s, "a")
	add(t, s, "1")
	b := reader(t, s, "b")
	add(t, s, "2")
	want(t, drain(t, b), "2")
}

func TestARemovedHubHoldsNothingBack(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, spool.Options{SegmentBytes: 1})
	a := reader(t, s, "a")
	reader(t, s, "gone")
	add(t, s, "1", "2", "3")
	drain(t, a)
	if n := len(segments(t, dir)); n != 3 {
		t.Fatalf("%d segments while a hub still needs them, want 3", n)
	}
	if err := s.Keep("a"); err != nil {
		t.Fatal(err)
	}
	if n := len(segments(t, dir)); n != 1 {
		t.Fatalf("%d segments after the hub was removed, want the one that is written", n)
	}
}

func TestADeletedSegmentGivesItsPlaceBack(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, spool.Options{SegmentBytes: 1})
	r := reader(t, s, "a")
	for i := range 5 {
		add(t, s, fmt.Sprint(i))
		drain(t, r)
	}
	add(t, s, "last") // rotates: everything before is read and deleted
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		if link, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && strings.HasPrefix(link, dir) && strings.HasSuffix(link, "(deleted)") {
			t.Errorf("%s is still open", link)
		}
	}
}

func TestATornTailIsCutOff(t *testing.T) {
	for _, cut := range []int64{1, 5, 20, 40} {
		dir := t.TempDir()
		s := open(t, dir, spool.Options{})
		reader(t, s, "a")
		add(t, s, "1", "2", "3")
		s.Close()
		seg := segments(t, dir)[0]
		info, err := os.Stat(seg)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(seg, info.Size()-cut); err != nil { // a kill in the middle of a write
			t.Fatal(err)
		}
		s = open(t, dir, spool.Options{})
		add(t, s, "4")
		got := drain(t, reader(t, s, "a"))
		want(t, got[:1], "1")
		want(t, got[len(got)-1:], "4")
	}
}

func TestATornFirstRecordIsNoObstacle(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, spool.Options{})
	reader(t, s, "a")
	add(t, s, "1")
	s.Close()
	if err := os.Truncate(segments(t, dir)[0], 7); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, spool.Options{})
	add(t, s, "2")
	want(t, drain(t, reader(t, s, "a")), "2")
}

func TestDamageInTheMiddleCostsOneRecordAndIsCounted(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, spool.Options{})
	reader(t, s, "a")
	add(t, s, "first", "second", "third")
	s.Close()
	seg := segments(t, dir)[0]
	b, err := os.ReadFile(seg)
	if err != nil {
		t.Fatal(err)
	}
	i := strings.Index(string(b), "second")
	for _, at := range []int{i + 6, i - 20} { // in the payload, then in the header
		damaged := append([]byte(nil), b...)
		damaged[at] ^= 0xff
		if err := os.WriteFile(seg, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		s = open(t, dir, spool.Options{})
		r := reader(t, s, "a")
		for _, p := range []string{"first", "third"} {
			rec, ok, err := r.Peek()
			if !ok || err != nil || string(rec.Payload) != p {
				t.Fatalf("got %q %v %v, want %q", rec.Payload, ok, err, p)
			}
			if err := r.Ack(rec); err != nil {
				t.Fatal(err)
			}
		}
		if st := s.Stats(); st.Damaged != 1 || st.Lost != 1 {
			t.Errorf("damaged %d, lost %d; want 1 and 1", st.Damaged, st.Lost)
		}
		s.Close()
		if err := os.WriteFile(filepath.Join(dir, "cursors", "a.cursor"), []byte("1\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWhatIsTooOldIsDroppedOldestFirstAndCounted(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := open(t, t.TempDir(), spool.Options{Now: func() time.Time { return now }})
	r := reader(t, s, "a")
	for i := range 60 {
		add(t, s, fmt.Sprint(i))
		now = now.Add(time.Hour)
	}
	got := drain(t, r)
	if first, last := got[0], got[len(got)-1]; first != "11" || last != "59" {
		t.Errorf("kept %s to %s, want 11 (48 hours before the last) to 59", first, last)
	}
	if lost := s.Stats().Lost; lost != 11 {
		t.Errorf("counted %d lost records, want 11", lost)
	}
}

func TestWhatIsTooMuchIsDroppedOldestFirstAndCounted(t *testing.T) {
	s := open(t, t.TempDir(), spool.Options{SegmentBytes: 1000, MaxBytes: 5000})
	r := reader(t, s, "a")
	for i := range 100 {
		add(t, s, fmt.Sprintf("%0200d", i))
	}
	st := s.Stats()
	if st.Bytes > 6000 {
		t.Errorf("%d bytes on disk, the limit is 5000 and a segment", st.Bytes)
	}
	got := drain(t, r)
	if uint64(len(got))+st.Lost != 100 || st.Lost == 0 {
		t.Errorf("%d delivered, %d lost; want 100 together", len(got), st.Lost)
	}
	if last := got[len(got)-1]; !strings.HasSuffix(last, "99") {
		t.Errorf("the newest record is gone")
	}
}

func TestASecondAgentIsRefused(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, spool.Options{})
	if _, err := spool.Open(dir, spool.Options{}); !errors.Is(err, spool.ErrInUse) {
		t.Fatalf("second open: %v, want ErrInUse", err)
	}
}

func TestNextWaitsForARecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, t.TempDir(), spool.Options{})
		r := reader(t, s, "a")
		got := make(chan string)
		go func() {
			rec, err := r.Next(t.Context())
			got <- fmt.Sprint(string(rec.Payload), err)
		}()
		synctest.Wait()
		add(t, s, "late")
		if g := <-got; g != "late<nil>" {
			t.Errorf("Next returned %s", g)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		drain(t, r)
		if _, err := r.Next(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Next after cancel: %v", err)
		}
	})
}

func TestPendingSaysWhatWaits(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := open(t, t.TempDir(), spool.Options{Now: func() time.Time { return now }})
	r := reader(t, s, "a")
	if p := r.Pending(); p != (spool.Pending{}) {
		t.Errorf("empty spool pends %+v", p)
	}
	add(t, s, "1", "2")
	if p := r.Pending(); p.Bytes != s.Stats().Bytes || !p.Oldest.Equal(now) {
		t.Errorf("pends %+v, want all %d bytes since %v", p, s.Stats().Bytes, now)
	}
	drain(t, r)
	if p := r.Pending(); p.Bytes != 0 {
		t.Errorf("pends %+v after everything was read", p)
	}
}

func TestHubNamesStayInTheirFolder(t *testing.T) {
	s := open(t, t.TempDir(), spool.Options{})
	for _, name := range []string{"", "../x", ".x", "a/b"} {
		if _, err := s.Reader(name); err == nil {
			t.Errorf("hub name %q was taken", name)
		}
	}
}
