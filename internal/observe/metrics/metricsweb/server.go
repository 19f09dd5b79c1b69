package metricsweb

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/a-h/templ"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/lib/logattr"
	"github.com/vigie-ops/vigie/internal/ui/chart"
)

// serverCharts shows what is unusual about a server: CPU and the fullest disk
// wide, the rest below.
func (f *Face) serverCharts(ctx context.Context, about console.About) (templ.Component, error) {
	specs := serverSpecs(about.Subject.Slug, stepOf(about.Range))
	got := f.ask(ctx, specs, about.Range)
	marks := f.marks(ctx, about)
	charts := make([]drawn, len(specs))
	for i, s := range specs {
		if s.worst != "" && got[i].err == nil {
			got[i].full = f.full(ctx, about, s, got[i])
		}
		if got[i].err != nil && ctx.Err() == nil {
			f.o.Log.Error("chart failed", "chart", s.key, "server", about.Subject.Slug, logattr.Err(got[i].err))
		}
		charts[i] = draw(s, got[i], marks, about.Range, about.Zone)
	}
	return serverPanels(charts[:2], charts[2:5], present(charts[5:])), nil
}

// present leaves out charts of what the machine does not measure, such as the
// pressure of an old kernel.
func present(charts []drawn) []drawn {
	return slices.DeleteFunc(charts, func(d drawn) bool { return d.empty && d.line.Broken == "" })
}

// full says how long the fullest mount has left, or zero: most have no end in
// sight, and a page does without it rather than fail.
func (f *Face) full(ctx context.Context, about console.About, s spec, a answers) time.Duration {
	fullest := draw(s, a, nil, about.Range, about.Zone).worst
	if fullest == "" {
		return 0
	}
	found, err := f.engine.at(ctx, full(about.Subject.Slug, fullest), about.Range.To)
	if err != nil || len(found) == 0 {
		return 0
	}
	left := time.Duration(found[0].V * float64(time.Second))
	if left <= 0 || left > worthSaying {
		return 0
	}
	return left
}

// worthSaying is how far away the end of a disk may be to be said.
const worthSaying = 60 * 24 * time.Hour

// marks are what happened to the subject; charts do without them rather than
// fail.
func (f *Face) marks(ctx context.Context, about console.About) []chart.Mark {
	if f.o.Marks == nil {
		return nil
	}
	marks, err := f.o.Marks.Marks(ctx, about.Subject, about.Range.From, about.Range.To)
	if err != nil {
		f.o.Log.Error("marks of charts failed", "subject", about.Subject.String(), logattr.Err(err))
		return nil
	}
	return marks
}

// serverContainers shows the containers of a server, where there are any.
func (f *Face) serverContainers(ctx context.Context, about console.About) (templ.Component, error) {
	s := "server=" + quoted(about.Subject.Slug)
	cpu, err := f.engine.at(ctx, fmt.Sprintf(`100 * sum by (name) (rate(container_cpu_usage_seconds_total{%s}[2m]))`, s), about.Range.To)
	if err != nil {
		return nil, fmt.Errorf("read the CPU of containers: %w", err)
	}
	memory, err := f.engine.at(ctx, fmt.Sprintf(`sum by (name) (container_memory_working_set_bytes{%s})`, s), about.Range.To)
	if err != nil {
		return nil, fmt.Errorf("read the memory of containers: %w", err)
	}
	restarts, err := f.engine.at(ctx, fmt.Sprintf(`sum by (name) (increase(vigie_container_restarts_total{%s}[1d]))`, s), about.Range.To)
	if err != nil {
		return nil, fmt.Errorf("read the restarts of containers: %w", err)
	}
	rows := containerRows(cpu, memory, restarts)
	if len(rows) == 0 {
		return nil, nil
	}
	return containersPanel(rows, max(0, len(rows)-containersShown)), nil
}
