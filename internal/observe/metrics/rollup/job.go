package rollup

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"sync/atomic"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/metrics/query"
)

// Querier answers PromQL.
type Querier interface {
	Instant(ctx context.Context, expr string, at time.Time) ([]query.Sample, error)
	Range(ctx context.Context, expr string, from, to time.Time, step time.Duration) ([]query.Series, error)
}

// Writer keeps samples for long. A sample that is there already, or that another
// value stands for, is no error.
type Writer interface {
	Write(ctx context.Context, samples []query.Sample) error
}

// Job condenses, learns and forecasts.
type Job struct {
	metrics []Metric
	ask     Querier
	keep    Writer
	log     *slog.Logger
	now     func() time.Time

	late late
	done time.Time // end of the last fine window condensed
	half time.Time // end of the last coarse window condensed
	slot slot      // bands of the half hour at hand

	loc atomic.Pointer[time.Location]
}

// New returns a job. It does nothing until Run or Step.
func New(ask Querier, keep Writer, log *slog.Logger, now func() time.Time) *Job {
	return &Job{metrics: Metrics(), ask: ask, keep: keep, log: log, now: now}
}

// SetLocation says by the clocks of which place a week has its habits; UTC
// before.
func (j *Job) SetLocation(loc *time.Location) { j.loc.Store(loc) }

func (j *Job) location() *time.Location {
	if loc := j.loc.Load(); loc != nil {
		return loc
	}
	return time.UTC
}

// doneSeries tells the next start how far this one came.
const doneSeries = "vigie_rollup_done_timestamp_seconds"

// Late tells the job of which times the samples were that came in. Server is
// the one that sent them; empty if they may be of any.
func (j *Job) Late(server string, oldest, newest time.Time) {
	if now := j.now(); now.Sub(oldest) > Fine+delay {
		j.late.note(server, oldest, newest, now)
	}
}

// Run condenses every minute what is due, until ctx is done.
func (j *Job) Run(ctx context.Context) error {
	t := time.NewTicker(time.Minute)
	defer t.Stop()
	for {
		if err := j.Step(ctx); err != nil && ctx.Err() == nil {
			j.log.Error("time series were not condensed, trying again", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

// Step condenses what is due. A window that fails is due again at the next step.
func (j *Job) Step(ctx context.Context) error {
	if err := j.resume(ctx); err != nil {
		return err
	}
	if err := j.due(ctx); err != nil {
		return err
	}
	windows := j.late.take(j.done)
	if err := j.again(ctx, windows); err != nil {
		j.late.giveBack(windows)
		return err
	}
	return nil
}

// again condenses windows into which samples came late.
func (j *Job) again(ctx context.Context, windows []again) error {
	for _, w := range windows {
		if _, err := j.fine(ctx, w.end, w.servers); err != nil {
			return err
		}
	}
	for _, w := range coarseOf(windows) {
		if w.end.After(j.half) {
			continue
		}
		if err := j.coarse(ctx, w.end, w.servers); err != nil {
			return err
		}
	}
	return nil
}

// due condenses the windows that ended since the last time.
func (j *Job) due(ctx context.Context) error {
	for _, w := range Due(j.done, j.now(), Fine) {
		current, err := j.fine(ctx, w, nil)
		if err != nil {
			return err
		}
		if err := j.bands(ctx, w, current); err != nil {
			return err
		}
		if w.Truncate(Coarse).Equal(w) {
			if err := j.coarse(ctx, w, nil); err != nil {
				return err
			}
			if err := j.forecast(ctx, w); err != nil {
				return err
			}
			j.half = w
		}
		mark := query.Sample{Labels: map[string]string{"__name__": doneSeries}, T: w, V: float64(w.Unix())}
		if err := j.keep.Write(ctx, []query.Sample{mark}); err != nil {
			return fmt.Errorf("note window %s as condensed: %w", w, err)
		}
		j.done = w
	}
	return nil
}

// resume finds, once after a start, how far the last one came. On empty data it
// begins with the window at hand.
func (j *Job) resume(ctx context.Context) error {
	if !j.done.IsZero() {
		return nil
	}
	now := j.now()
	found, err := j.ask.Instant(ctx, fmt.Sprintf("max(max_over_time(%s[%ds]))", doneSeries, int(horizon.Seconds())), now)
	if err != nil {
		return fmt.Errorf("find the last condensed window: %w", err)
	}
	j.done = now.Add(-delay).Truncate(Fine).Add(-Fine)
	if len(found) > 0 {
		if at := time.Unix(int64(found[0].V), 0).UTC(); at.Before(j.done) {
			j.done = at
		}
	}
	j.half = j.done.Truncate(Coarse)
	return nil
}

// series of one metric in one window, by their labels.
type condensed struct {
	labels        map[string]string
	avg, min, max float64
}

// fine condenses one window of five minutes, of some servers or, without any,
// of all, and returns the result by metric.
func (j *Job) fine(ctx context.Context, end time.Time, servers []string) (map[string][]condensed, error) {
	out := make(map[string][]condensed, len(j.metrics))
	for _, m := range j.metrics {
		const step = time.Minute
		expr, err := of(m.Expr, servers)
		if err != nil {
			return nil, fmt.Errorf("condense %s: %w", m.Name, err)
		}
		found, err := j.ask.Range(ctx, expr, end.Add(step-Fine), end, step)
		if err != nil {
			return nil, fmt.Errorf("condense %s: %w", m.Name, err)
		}
		cs := make([]condensed, 0, len(found))
		for _, s := range found {
			if c, ok := condense(s); ok {
				cs = append(cs, c)
			}
		}
		out[m.Name] = cs
		if err := j.record(ctx, m, "5m", end, cs); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func condense(s query.Series) (condensed, bool) {
	c := condensed{labels: s.Labels, min: math.Inf(1), max: math.Inf(-1)}
	n := 0.0
	for _, p := range s.Points {
		if math.IsNaN(p.V) || math.IsInf(p.V, 0) {
			continue
		}
		n++
		c.avg += p.V
		c.min, c.max = min(c.min, p.V), max(c.max, p.V)
	}
	c.avg /= n
	return c, n > 0
}

// coarse condenses one window of half an hour from the fine recordings, of
// some servers or, without any, of all.
func (j *Job) coarse(ctx context.Context, end time.Time, servers []string) error {
	for _, m := range j.metrics {
		for _, stat := range []string{"avg", "min", "max"} {
			expr, err := of(fmt.Sprintf("%s_over_time(%s[30m])", stat, m.Recording(stat, "5m")), servers)
			if err != nil {
				return fmt.Errorf("condense %s over half an hour: %w", m.Name, err)
			}
			found, err := j.ask.Instant(ctx, expr, end)
			if err != nil {
				return fmt.Errorf("condense %s over half an hour: %w", m.Name, err)
			}
			for i := range found {
				found[i].Labels["__name__"] = m.Recording(stat, "30m")
				found[i].T = end
			}
			if err := j.keep.Write(ctx, found); err != nil {
				return fmt.Errorf("keep %s over half an hour: %w", m.Name, err)
			}
		}
	}
	return nil
}

func (j *Job) record(ctx context.Context, m Metric, window string, end time.Time, cs []condensed) error {
	samples := make([]query.Sample, 0, 3*len(cs))
	for _, c := range cs {
		for stat, v := range map[string]float64{"avg": c.avg, "min": c.min, "max": c.max} {
			samples = append(samples, query.Sample{Labels: named(m.Recording(stat, window), c.labels), T: end, V: v})
		}
	}
	if err := j.keep.Write(ctx, samples); err != nil {
		return fmt.Errorf("keep %s: %w", m.Name, err)
	}
	return nil
}

func named(name string, ls map[string]string) map[string]string {
	out := make(map[string]string, len(ls)+2)
	maps.Copy(out, ls)
	out["__name__"] = name
	return out
}
