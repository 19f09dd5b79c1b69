package logstore_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/logs/logstore"
	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// BenchmarkManyOwners asks a store of many owners and eight weeks for a word of
// the last day. VIGIE_BENCH_OWNERS says how many; a thousand take ten minutes to
// write.
func BenchmarkManyOwners(b *testing.B) {
	owners, days, perDay := 100, 56, 100
	if n, err := strconv.Atoi(os.Getenv("VIGIE_BENCH_OWNERS")); err == nil {
		owners = n
	}
	h := open(b, func(o *logstore.Options) { o.Memory = 256 << 20 })
	r := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("request finished accepted connection from worker queue timeout upstream report user cache miss hit retry done")
	began := time.Now()
	day0 := h.clock.now().UTC().Truncate(24 * time.Hour)
	for day := range days {
		for owner := range owners {
			batch := make([]record.Record, perDay)
			for i := range batch {
				at := day0.Add(time.Duration(day)*24*time.Hour + time.Duration(i)*24*time.Hour/time.Duration(perDay))
				text := fmt.Sprintf("%s %s %s id=%d ms=%d", words[r.IntN(len(words))], words[r.IntN(len(words))], words[r.IntN(len(words))], r.IntN(1e6), r.IntN(3000))
				if owner == 17 && day == days-1 && i == perDay/2 {
					text += " smoulders"
				}
				batch[i] = line(record.InstanceOwner(fmt.Sprintf("customer-%04d", owner)), "application", at, text)
			}
			h.append(batch...)
		}
		h.clock.add(24 * time.Hour)
		if day < days-1 { // the last day lies in memory, as it would
			if err := h.Flush(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Logf("%d owners, %d days, %d lines a day each, written in %s", owners, days, perDay, time.Since(began).Round(time.Second))
	began = time.Now()
	h.restart()
	b.Logf("opened again in %s", time.Since(began).Round(time.Millisecond))
	until := day0.Add(time.Duration(days) * 24 * time.Hour)
	for _, one := range []struct {
		name, word string
		back       time.Duration
	}{
		{"a rare word of 24 h", "smoulders", 24 * time.Hour},
		{"a common word of 24 h", "upstream", 24 * time.Hour},
		{"a rare word of 24 h, in files", "smoulders", -1},
		{"a rare word of 56 days", "smoulders", 56 * 24 * time.Hour},
	} {
		b.Run(one.name, func(b *testing.B) {
			req := query.Request{Filter: query.NewWords(record.Message, one.word), From: until.Add(-one.back).UnixNano(), To: until.UnixNano(), Size: 50}
			if one.back < 0 {
				req.From, req.To = until.Add(-48*time.Hour).UnixNano(), until.Add(-24*time.Hour).UnixNano()
			}
			for b.Loop() {
				if got := h.search(req); got.Partial != "" || one.back > 0 && got.Total == 0 {
					b.Fatal(got.Partial, got.Total)
				}
			}
		})
	}
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.Logf("the store holds %d MB", m.HeapAlloc>>20)
}
