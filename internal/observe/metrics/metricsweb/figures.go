package metricsweb

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/metrics/query"
	"github.com/vigie-ops/vigie/internal/observe/probe"
)

// Usage is what lists of servers show of one. NaN is unknown.
type Usage struct {
	CPU    []float64 // percent over the last hour, oldest first
	Memory float64   // percent in use
	Disk   float64   // percent of the fullest file system
	Up     time.Duration
}

// Usage returns the last figures of servers, with four questions for all of
// them together.
func (f *Face) Usage(ctx context.Context, servers []string) (map[string]Usage, error) {
	s, now := "server=~"+oneOf(servers), f.o.Now()
	var (
		wg                   sync.WaitGroup
		cpu                  []query.Series
		memory, disk, booted []query.Sample
		errs                 [4]error
	)
	wg.Go(func() {
		cpu, errs[0] = f.engine.rangeOf(ctx, "100 * ("+busyCPU(" by (server)", s, "3m")+")", now.Add(-time.Hour), now, 3*time.Minute)
	})
	wg.Go(func() {
		memory, errs[1] = f.engine.at(ctx, fmt.Sprintf(`100 * (1 - avg by (server) (node_memory_MemAvailable_bytes{%[1]s} / node_memory_MemTotal_bytes{%[1]s}))`, s), now)
	})
	wg.Go(func() {
		disk, errs[2] = f.engine.at(ctx, "100 * ("+usedSpace("server", s)+")", now)
	})
	wg.Go(func() {
		booted, errs[3] = f.engine.at(ctx, fmt.Sprintf(`max by (server) (node_boot_time_seconds{%s})`, s), now)
	})
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("read the figures of servers: %w", err)
		}
	}
	out := map[string]Usage{}
	set := func(server string, change func(*Usage)) {
		u, ok := out[server]
		if !ok {
			u = Usage{Memory: math.NaN(), Disk: math.NaN()}
		}
		change(&u)
		out[server] = u
	}
	for _, c := range cpu {
		set(c.Labels["server"], func(u *Usage) { u.CPU = valuesOf(c) })
	}
	for _, m := range memory {
		set(m.Labels["server"], func(u *Usage) { u.Memory = m.V })
	}
	for _, d := range disk {
		set(d.Labels["server"], func(u *Usage) { u.Disk = d.V })
	}
	for _, b := range booted {
		set(b.Labels["server"], func(u *Usage) { u.Up = now.Sub(time.Unix(int64(b.V), 0)) })
	}
	return out, nil
}

// Answering is how fast one instance answered over the last 24 hours.
type Answering struct {
	Seconds []float64 // oldest first
	P95     float64   // seconds; NaN is unknown
}

// Answering returns that of instances, as their probes measured it.
func (f *Face) Answering(ctx context.Context, instances []string) (map[string]Answering, error) {
	s, now := "app_instance=~"+oneOf(instances), f.o.Now()
	series, err := f.engine.rangeOf(ctx, fmt.Sprintf(`max by (app_instance) (avg_over_time(%s{%s}[30m]))`, probe.SeriesDuration, s), now.Add(-24*time.Hour), now, 30*time.Minute)
	if err != nil {
		return nil, fmt.Errorf("read how fast instances answer: %w", err)
	}
	p95, err := f.engine.at(ctx, fmt.Sprintf(`max by (app_instance) (quantile_over_time(0.95, %s{%s}[1d]))`, probe.SeriesDuration, s), now)
	if err != nil {
		return nil, fmt.Errorf("read how fast instances answer: %w", err)
	}
	out := map[string]Answering{}
	for _, one := range series {
		out[one.Labels["app_instance"]] = Answering{Seconds: valuesOf(one), P95: math.NaN()}
	}
	for _, p := range p95 {
		a := out[p.Labels["app_instance"]]
		a.P95 = p.V
		out[p.Labels["app_instance"]] = a
	}
	return out, nil
}

func valuesOf(s query.Series) []float64 {
	out := make([]float64, len(s.Points))
	for i, p := range s.Points {
		out[i] = p.V
	}
	return out
}
