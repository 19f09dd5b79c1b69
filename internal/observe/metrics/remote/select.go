package remote

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// Querier returns a querier of plain samples, for what needs them: series,
// labels, and the alerts' `for` state after a restart.
func (e *Engine) Querier(mint, maxt int64) (storage.Querier, error) {
	// "Ever" is a time that engines cannot compute with: it is not asked for.
	latest := time.Now().Add(24 * time.Hour).UnixMilli()
	return &querier{engine: e, mint: max(mint, 0), maxt: min(maxt, latest), open: maxt > latest}, nil
}

type querier struct {
	engine     *Engine
	mint, maxt int64
	open       bool // has no end
}

func (q *querier) form(ms []*labels.Matcher) url.Values {
	f := url.Values{}
	if q.mint > 0 {
		f.Set("start", stamp(time.UnixMilli(q.mint)))
	}
	if !q.open {
		f.Set("end", stamp(time.UnixMilli(q.maxt)))
	}
	if len(ms) > 0 {
		f.Set("match[]", selector(ms))
	}
	return f
}

func selector(ms []*labels.Matcher) string {
	parts := make([]string, len(ms))
	for i, m := range ms {
		parts[i] = m.String()
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// Select reads samples with a range selector. Asked for series only, it leaves
// the samples out.
func (q *querier) Select(ctx context.Context, _ bool, hints *storage.SelectHints, ms ...*labels.Matcher) storage.SeriesSet {
	if hints != nil && hints.Func == "series" {
		return q.series(ctx, ms)
	}
	mint, maxt := q.mint, q.maxt
	if hints != nil {
		mint, maxt = max(mint, hints.Start), min(maxt, hints.End)
	}
	// A range selector leaves its left border out.
	text := fmt.Sprintf("%s[%dms]", selector(ms), maxt-mint+1)
	qry, err := q.engine.NewInstantQuery(ctx, nil, nil, text, time.UnixMilli(maxt))
	if err != nil {
		return storage.ErrSeriesSet(err)
	}
	res := qry.Exec(ctx)
	if res.Err != nil {
		return storage.ErrSeriesSet(res.Err)
	}
	m, err := res.Matrix()
	if err != nil {
		return storage.ErrSeriesSet(err)
	}
	set := &seriesSet{at: -1}
	for _, s := range m {
		set.all = append(set.all, toSeries(s))
	}
	return set.sorted()
}

func (q *querier) series(ctx context.Context, ms []*labels.Matcher) storage.SeriesSet {
	var found []map[string]string
	if err := q.engine.ask(ctx, "series", q.form(ms), &found); err != nil {
		return storage.ErrSeriesSet(err)
	}
	set := &seriesSet{at: -1}
	for _, s := range found {
		set.all = append(set.all, storage.NewListSeries(labels.FromMap(s), nil))
	}
	return set.sorted()
}

func (q *querier) LabelValues(ctx context.Context, name string, _ *storage.LabelHints, ms ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	var out []string
	err := q.engine.ask(ctx, "label/"+url.PathEscape(name)+"/values", q.form(ms), &out)
	return out, nil, err
}

func (q *querier) LabelNames(ctx context.Context, _ *storage.LabelHints, ms ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	var out []string
	err := q.engine.ask(ctx, "labels", q.form(ms), &out)
	return out, nil, err
}

func (q *querier) Close() error { return nil }

type seriesSet struct {
	all []storage.Series
	at  int
}

func (s *seriesSet) sorted() *seriesSet {
	slices.SortFunc(s.all, func(a, b storage.Series) int { return labels.Compare(a.Labels(), b.Labels()) })
	return s
}

func (s *seriesSet) Next() bool                        { s.at++; return s.at < len(s.all) }
func (s *seriesSet) At() storage.Series                { return s.all[s.at] }
func (s *seriesSet) Err() error                        { return nil }
func (s *seriesSet) Warnings() annotations.Annotations { return nil }

func toSeries(s promql.Series) storage.Series {
	samples := make([]chunks.Sample, len(s.Floats))
	for i, p := range s.Floats {
		samples[i] = sample{t: p.T, v: p.F}
	}
	return storage.NewListSeries(s.Metric, samples)
}

type sample struct {
	t int64
	v float64
}

func (s sample) T() int64                      { return s.t }
func (s sample) ST() int64                     { return 0 }
func (s sample) F() float64                    { return s.v }
func (s sample) H() *histogram.Histogram       { return nil }
func (s sample) FH() *histogram.FloatHistogram { return nil }
func (s sample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s sample) Copy() chunks.Sample           { return s }
