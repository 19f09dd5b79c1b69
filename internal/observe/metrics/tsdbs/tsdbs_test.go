package tsdbs_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"github.com/vigie-ops/vigie/internal/observe/metrics/tsdbs"
)

type point struct {
	T int64
	V float64
}

func open(t *testing.T, dir string) *tsdbs.Store {
	t.Helper()
	s, err := tsdbs.Open(tsdbs.Options{Dir: dir, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func write(t *testing.T, to storage.Appendable, name string, ps ...point) {
	t.Helper()
	app := to.Appender(t.Context())
	for _, p := range ps {
		if _, err := app.Append(0, labels.FromStrings("__name__", name), p.T, p.V); err != nil {
			t.Fatalf("append %v: %v", p, err)
		}
	}
	if err := app.Commit(); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, s *tsdbs.Store, name string, mint, maxt int64) []point {
	t.Helper()
	q, err := s.Querier(mint, maxt)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	var out []point
	set := q.Select(context.Background(), true, nil, labels.MustNewMatcher(labels.MatchEqual, "__name__", name))
	for n := 0; set.Next(); n++ {
		if n > 0 {
			t.Error("one series came out twice")
		}
		it := set.At().Iterator(nil)
		for it.Next() == chunkenc.ValFloat {
			ts, v := it.At()
			out = append(out, point{ts, v})
		}
	}
	if err := set.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRawAnswersWhereItHasDataAndTheRollupBefore(t *testing.T) {
	s := open(t, t.TempDir())
	now := time.Now().UnixMilli()
	write(t, s.Rollup(), "both", point{now - 4000, 1}, point{now - 3000, 2}, point{now - 1500, 3}, point{now, 4})
	write(t, s.Raw(), "both", point{now - 2000, 20}, point{now - 1000, 21})
	write(t, s.Raw(), "raw", point{now, 5})
	write(t, s.Rollup(), "rollup", point{now, 6})

	want := []point{{now - 4000, 1}, {now - 3000, 2}, {now - 2000, 20}, {now - 1000, 21}}
	if diff := cmp.Diff(want, read(t, s, "both", 0, now)); diff != "" {
		t.Errorf("both (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]point{{now, 5}}, read(t, s, "raw", 0, now)); diff != "" {
		t.Errorf("raw alone (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]point{{now, 6}}, read(t, s, "rollup", 0, now)); diff != "" {
		t.Errorf("rollup alone (-want +got):\n%s", diff)
	}
}

func TestSeekCrossesTheBorder(t *testing.T) {
	s := open(t, t.TempDir())
	now := time.Now().UnixMilli()
	write(t, s.Rollup(), "m", point{now - 4000, 1}, point{now - 3000, 2}, point{now - 1500, 3})
	write(t, s.Raw(), "m", point{now - 2000, 20}, point{now - 1000, 21})
	for _, c := range []struct {
		seek int64
		want point
	}{
		{now - 9000, point{now - 4000, 1}},
		{now - 3500, point{now - 3000, 2}},
		{now - 2500, point{now - 2000, 20}},
		{now - 2000, point{now - 2000, 20}},
		{now - 1500, point{now - 1000, 21}},
	} {
		q, err := s.Querier(0, now)
		if err != nil {
			t.Fatal(err)
		}
		set := q.Select(t.Context(), true, nil, labels.MustNewMatcher(labels.MatchEqual, "__name__", "m"))
		set.Next()
		it := set.At().Iterator(nil)
		if it.Seek(c.seek) != chunkenc.ValFloat {
			t.Errorf("Seek(now%+d) found nothing", c.seek-now)
		} else if ts, v := it.At(); (point{ts, v}) != c.want {
			t.Errorf("Seek(now%+d) = now%+d %v, want now%+d %v", c.seek-now, ts-now, v, c.want.T-now, c.want.V)
		}
		if it.Seek(now+1) != chunkenc.ValNone {
			t.Error("a sample was found after the last")
		}
		q.Close()
	}
}

func TestLateSamplesWithinTheWindowAreKept(t *testing.T) {
	s := open(t, t.TempDir())
	now := time.Now().UnixMilli()
	hour := time.Hour.Milliseconds()
	write(t, s.Raw(), "m", point{now, 1})
	write(t, s.Raw(), "m", point{now - 47*hour, 2}, point{now - 3*hour, 3})
	want := []point{{now - 47*hour, 2}, {now - 3*hour, 3}, {now, 1}}
	if diff := cmp.Diff(want, read(t, s, "m", 0, now)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	app := s.Raw().Appender(t.Context())
	if _, err := app.Append(0, labels.FromStrings("__name__", "m"), now-49*hour, 4); err == nil {
		t.Error("a sample older than the window was accepted")
	}
	_ = app.Rollback()
}

// An unclean stop is a copy of the files as they lie there while the database
// is still open: exactly what kill -9 leaves behind.
func TestAnUncleanStopLosesNoCommittedSample(t *testing.T) {
	dir, copied := t.TempDir(), t.TempDir()
	s := open(t, dir)
	now := time.Now().UnixMilli()
	write(t, s.Raw(), "raw", point{now - 10, 1}, point{now, 2})
	write(t, s.Rollup(), "rollup", point{now, 3})
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"raw", "rollup"} {
		_ = os.Remove(filepath.Join(copied, name, "lock"))
	}
	again := open(t, copied)
	if diff := cmp.Diff([]point{{now - 10, 1}, {now, 2}}, read(t, again, "raw", 0, now)); diff != "" {
		t.Errorf("raw (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]point{{now, 3}}, read(t, again, "rollup", 0, now)); diff != "" {
		t.Errorf("rollup (-want +got):\n%s", diff)
	}
}

func TestEmptyDataOpensAtOnce(t *testing.T) {
	start := time.Now()
	open(t, t.TempDir())
	if d := time.Since(start); d > 300*time.Millisecond {
		t.Errorf("opening empty data took %v, want at most 300 ms", d)
	}
}
