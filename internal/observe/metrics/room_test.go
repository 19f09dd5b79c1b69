package metrics_test

import (
	"testing"

	"github.com/vigie-ops/vigie/internal/observe/metrics"
	"github.com/vigie-ops/vigie/internal/observe/metrics/metricstest"
)

// open opens a room on empty data.
func open(t testing.TB, o metrics.Options) *metrics.Room {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	if o.Sink == nil {
		o.Sink = metricstest.NewBoard()
	}
	room, err := metrics.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := room.Close(); err != nil {
			t.Error(err)
		}
	})
	return room
}
