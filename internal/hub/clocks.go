package hub

import (
	"context"
	"time"

	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/lib/logattr"
	"github.com/vigie-ops/vigie/internal/observe/metrics"
)

// clocks is the service that writes how far each server's clock is from the
// hub's, as its heartbeats show it: what a wrong clock does to the time series
// of its server, only somebody else's clock can tell.
type clocks struct{ h *Hub }

// ClockOffset is the series, in seconds, positive where a server is behind. It
// holds the time that the heartbeat travelled, milliseconds as a rule.
const ClockOffset = "vigie_agent_clock_offset_seconds"

const clocksEvery = 15 * time.Second

// Name implements Service.
func (clocks) Name() string { return "clocks" }

// Run writes the offsets until ctx is done.
func (c clocks) Run(ctx context.Context) error {
	tick := time.NewTicker(clocksEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := c.write(ctx); err != nil && ctx.Err() == nil {
				c.h.log.Warn("clock offsets not written", logattr.Err(err))
			}
		}
	}
}

func (c clocks) write(ctx context.Context) error {
	snapshot, now := c.h.fleet.Current(), c.h.o.Now()
	var out []metrics.Sample
	for slug, last := range c.h.hearing.All() {
		server, known := snapshot.Server(slug)
		if !known || last.Heartbeat.Sent.IsZero() || now.Sub(last.At) > onlineWithin {
			continue
		}
		labels := fleet.LabelsOf(server)
		labels["__name__"], labels["job"], labels["instance"] = ClockOffset, "vigie", slug
		out = append(out, metrics.Sample{Labels: labels, T: now, V: last.At.Sub(last.Heartbeat.Sent).Seconds()})
	}
	if len(out) == 0 {
		return nil
	}
	return c.h.metrics.Write(ctx, out)
}
