package wal_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/vigie-ops/vigie/internal/observe/logs/wal"
)

// BenchmarkAppend writes entries of 250 kB, about a thousand lines, each synced
// before its caller goes on.
func BenchmarkAppend(b *testing.B) {
	payload := string(bytes.Repeat([]byte("a line of a log, as long as they are"), 7000))
	for _, callers := range []int{1, 4, 16} {
		b.Run(fmt.Sprint(callers, " callers"), func(b *testing.B) {
			l, _, _ := open(b, b.TempDir(), wal.Options{})
			b.SetBytes(int64(len(payload)))
			b.SetParallelism(callers)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := l.Append(&text{payload: payload}); err != nil {
						b.Error(err)
					}
					if s := l.Segments(); len(s) > 4 {
						_ = l.Drop(s[2].Number)
					}
				}
			})
		})
	}
}
