package metricsweb

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"

	"github.com/a-h/templ"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/lib/logattr"
	"github.com/vigie-ops/vigie/internal/observe/metrics/query"
	"github.com/vigie-ops/vigie/internal/ui"
	"github.com/vigie-ops/vigie/internal/ui/chart"
)

// containersShown is how many containers the page of a server lists.
const containersShown = 10

// containerRow is a line of the list of containers.
type containerRow struct {
	name, cpu, memory string
	kind              ui.Kind
	restarts          string
	bytes             float64
}

// containerRows joins the measurements by container, the largest first.
func containerRows(cpu, memory, restarts []query.Sample) []containerRow {
	rows := map[string]*containerRow{}
	at := func(s query.Sample) *containerRow {
		name := s.Labels["name"]
		if rows[name] == nil {
			rows[name] = &containerRow{name: name, cpu: "–", memory: "–", restarts: "–"}
		}
		return rows[name]
	}
	for _, s := range cpu {
		at(s).cpu = chart.Percent.Words(s.V)
	}
	for _, s := range memory {
		r := at(s)
		r.memory, r.bytes = chart.Bytes.Words(s.V), s.V
	}
	for _, s := range restarts {
		r, n := at(s), int(math.Round(s.V))
		r.restarts = strconv.Itoa(n)
		if n > 0 {
			r.kind = ui.Warn
		}
	}
	out := make([]containerRow, 0, len(rows))
	for _, r := range rows {
		out = append(out, *r)
	}
	slices.SortFunc(out, func(a, b containerRow) int {
		return cmp.Or(cmp.Compare(b.bytes, a.bytes), cmp.Compare(a.name, b.name))
	})
	return out
}

// instanceContainers charts the containers of an instance, where there are any.
func (f *Face) instanceContainers(ctx context.Context, about console.About) (templ.Component, error) {
	i, ok := f.o.Fleet.Current().Instance(about.Subject.Slug)
	if !ok || len(i.Servers) == 0 {
		return nil, nil
	}
	specs := containerSpecs(i.Slug, i.Servers, stepOf(about.Range))
	got := f.ask(ctx, specs, about.Range)
	marks := f.marks(ctx, about)
	charts := make([]drawn, len(specs))
	for n, s := range specs {
		if got[n].err != nil && ctx.Err() == nil {
			f.o.Log.Error("chart failed", "chart", s.key, "instance", i.Slug, logattr.Err(got[n].err))
		}
		charts[n] = draw(s, got[n], marks, about.Range, about.Zone)
	}
	if charts = present(charts); len(charts) == 0 {
		return nil, nil
	}
	return rowOf("half", charts), nil
}
