package remote

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/stats"
)

// NewInstantQuery returns a query that the engine evaluates at one time.
func (e *Engine) NewInstantQuery(_ context.Context, _ storage.Queryable, _ promql.QueryOpts, qs string, ts time.Time) (promql.Query, error) {
	return e.newQuery(qs, "query", ts, ts, 0)
}

// NewRangeQuery returns a query that the engine evaluates over a range.
func (e *Engine) NewRangeQuery(_ context.Context, _ storage.Queryable, _ promql.QueryOpts, qs string, start, end time.Time, step time.Duration) (promql.Query, error) {
	return e.newQuery(qs, "query_range", start, end, step)
}

var queryParser = parser.NewParser(parser.Options{})

func (e *Engine) newQuery(qs, path string, start, end time.Time, step time.Duration) (promql.Query, error) {
	expr, err := queryParser.ParseExpr(qs)
	if err != nil {
		return nil, err
	}
	form := url.Values{"query": {qs}, "nocache": {"1"}}
	if path == "query" {
		form.Set("time", stamp(end))
	} else {
		form.Set("start", stamp(start))
		form.Set("end", stamp(end))
		form.Set("step", strconv.FormatFloat(step.Seconds(), 'f', -1, 64))
	}
	// VictoriaMetrics hides the last 30 seconds unless told otherwise; rules and
	// live charts cannot wait for them. Others ignore the argument.
	form.Set("latency_offset", "1ms")
	return &query{
		engine: e, path: path, form: form, text: qs,
		statement: &parser.EvalStmt{Expr: expr, Start: start, End: end, Interval: step},
		timers:    stats.NewQueryTimers(),
	}, nil
}

func stamp(t time.Time) string { return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64) }

type query struct {
	engine    *Engine
	path      string
	form      url.Values
	text      string
	statement *parser.EvalStmt
	timers    *stats.QueryTimers
	cancel    context.CancelFunc
}

func (q *query) Exec(ctx context.Context) *promql.Result {
	ctx, q.cancel = context.WithCancel(ctx)
	defer q.cancel()
	var data struct {
		ResultType string          `json:"resultType"`
		Result     json.RawMessage `json:"result"`
	}
	if err := q.engine.ask(ctx, q.path, q.form, &data); err != nil {
		return &promql.Result{Err: err}
	}
	v, err := decode(data.ResultType, data.Result)
	return &promql.Result{Value: v, Err: err}
}

func (q *query) Close()                      {}
func (q *query) Statement() parser.Statement { return q.statement }
func (q *query) String() string              { return q.text }
func (q *query) Cancel() {
	if q.cancel != nil {
		q.cancel()
	}
}

func (q *query) Stats() *stats.Statistics {
	return &stats.Statistics{Timers: q.timers, Samples: stats.NewQuerySamples(false)}
}

// decode turns an answer of the HTTP API into the value PromQL would have had.
func decode(kind string, raw json.RawMessage) (parser.Value, error) {
	fail := func(err error) (parser.Value, error) {
		return nil, fmt.Errorf("read the metrics engine's %s: %w", kind, err)
	}
	switch parser.ValueType(kind) {
	case parser.ValueTypeVector:
		var v model.Vector
		if err := json.Unmarshal(raw, &v); err != nil {
			return fail(err)
		}
		out := make(promql.Vector, 0, len(v))
		for _, s := range v {
			if s.Histogram == nil {
				out = append(out, promql.Sample{Metric: toLabels(s.Metric), T: int64(s.Timestamp), F: float64(s.Value)})
			}
		}
		return out, nil
	case parser.ValueTypeMatrix:
		var m model.Matrix
		if err := json.Unmarshal(raw, &m); err != nil {
			return fail(err)
		}
		out := make(promql.Matrix, 0, len(m))
		for _, s := range m {
			ps := make([]promql.FPoint, len(s.Values))
			for i, p := range s.Values {
				ps[i] = promql.FPoint{T: int64(p.Timestamp), F: float64(p.Value)}
			}
			out = append(out, promql.Series{Metric: toLabels(s.Metric), Floats: ps})
		}
		return out, nil
	case parser.ValueTypeScalar:
		var s model.Scalar
		if err := json.Unmarshal(raw, &s); err != nil {
			return fail(err)
		}
		return promql.Scalar{T: int64(s.Timestamp), V: float64(s.Value)}, nil
	case parser.ValueTypeString:
		var s model.String
		if err := json.Unmarshal(raw, &s); err != nil {
			return fail(err)
		}
		return promql.String{T: int64(s.Timestamp), V: s.Value}, nil
	}
	return nil, fmt.Errorf("the metrics engine answered with a %q, which PromQL does not know", kind)
}

func toLabels(m model.Metric) labels.Labels {
	b := labels.NewScratchBuilder(len(m))
	for name, value := range m {
		b.Add(string(name), string(value))
	}
	b.Sort()
	return b.Labels()
}

var _ promql.QueryEngine = (*Engine)(nil)
