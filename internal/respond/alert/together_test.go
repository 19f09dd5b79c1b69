package alert_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/respond/alert"
	"github.com/vigie-ops/vigie/internal/signal"
)

// TestManyMayUseTheBoardAtOnce reports, lists, acknowledges and silences while
// the flusher runs, and loses nothing.
func TestManyMayUseTheBoardAtOnce(t *testing.T) {
	each(t, func(h *harness) {
		p := h.Policy()
		p.GroupWait = time.Millisecond
		h.SetPolicy(p)
		ctx, stop := context.WithCancel(h.ctx)
		ran := make(chan error, 1)
		go func() { ran <- h.Run(ctx) }()
		const workers, alerts = 4, 15
		var all sync.WaitGroup
		for w := range workers {
			all.Go(func() {
				for n := range alerts {
					s := h.firing("DiskFull", fmt.Sprintf("db-%d-%d", w, n), signal.Warning)
					if err := h.Report(h.ctx, s); err != nil {
						t.Error(err)
					}
					if n%3 == 0 {
						page, err := h.List(h.ctx, alert.Filter{Server: s.Subject.Slug})
						if err != nil || len(page.Items) != 1 {
							t.Errorf("listed %v, %v", page.Items, err)
							return
						}
						if _, err := h.Acknowledge(h.ctx, "nadia", "", time.Time{}, page.Items[0].ID); err != nil {
							t.Error(err)
						}
					}
				}
			})
		}
		all.Wait()
		stop()
		if err := <-ran; err != nil {
			t.Error(err)
		}
		h.pass(time.Minute)
		c, err := h.Counts(h.ctx)
		if err != nil || c.Firing+c.Acknowledged != workers*alerts || c.Acknowledged != workers*alerts/3 {
			t.Errorf("counts %+v, %v", c, err)
		}
	})
}
