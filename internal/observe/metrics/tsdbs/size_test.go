package tsdbs

import (
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb"
)

func TestTheOldestGoesWhenTheBlocksTakeTooMuch(t *testing.T) {
	const limit = 600 << 10 // what is written below takes more, with its write-ahead log
	s, err := Open(Options{Dir: t.TempDir(), RawMaxBytes: limit, RollupMaxBytes: limit, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	begin := time.Now().Add(-10 * 24 * time.Hour).Truncate(24 * time.Hour)
	for name, db := range map[string]*tsdb.DB{"raw": s.raw, "rollup": s.rollup} {
		db.DisableCompactions()
		for day := range 8 {
			app := db.Appender(t.Context())
			for i := range 1000 {
				at := begin.Add(time.Duration(day)*24*time.Hour + time.Duration(i)*time.Minute)
				for _, server := range []string{"a", "b", "c", "d"} {
					if _, err := app.Append(0, labels.FromStrings("__name__", "m", "server", server), at.UnixMilli(), rand.Float64()); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := app.Commit(); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.Compact(t.Context()); err != nil {
			t.Fatal(err)
		}
		size := int64(0)
		for _, b := range db.Blocks() {
			size += b.Size()
		}
		if blocks := db.Blocks(); len(blocks) == 0 || size > limit || !time.UnixMilli(blocks[0].MinTime()).After(begin) {
			t.Errorf("%s: %d blocks of %d bytes, want some and at most %d bytes", name, len(blocks), size, limit)
		}
	}
}
