package run

import (
	"context"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
)

// Tick looks once at what waits.
func Tick(ctx context.Context, o *Office) error { return o.tick(ctx) }

// Feed has an office record lines of the callback for a run as it does while
// Ansible works, writing what came after every some lines.
func Feed(ctx context.Context, o *Office, r Run, lines [][]byte, some int) error {
	r.State, r.StartedAt = Running, o.now()
	if err := o.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return saveRun(ctx, tx, r) }); err != nil {
		return err
	}
	b := &book{office: o, rec: newRecorder(r, o.now), dirty: make(chan struct{}, 1)}
	for i, l := range lines {
		b.event(l)
		if i%some == some-1 {
			if err := b.flush(ctx); err != nil {
				return err
			}
		}
	}
	return o.close(ctx, r, b, outcome{state: Succeeded, at: o.now().Add(time.Minute)})
}

// SetGrace makes the time shorter that Ansible has to end by itself.
func SetGrace(t *testing.T, d time.Duration) {
	before := grace
	grace = d
	t.Cleanup(func() { grace = before })
}
