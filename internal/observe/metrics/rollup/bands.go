package rollup

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/metrics/bands"
	"github.com/vigie-ops/vigie/internal/observe/metrics/query"
)

// slot holds the bands of one half hour: learned once, used six times.
type slot struct {
	from  time.Time
	bands map[string]map[string]bands.Band // by metric, by labels
}

// fresh is how old a window may be to be judged. Making up for an outage of the
// hub does not tell anybody that yesterday was unusual.
const fresh = time.Hour

// bands judges one window against what is usual, and writes both down.
func (j *Job) bands(ctx context.Context, end time.Time, current map[string][]condensed) error {
	if j.now().Sub(end) > fresh {
		return nil
	}
	// The window ends where the next slot begins.
	at := bands.SlotOf(end.Add(-Fine)).From
	if !j.slot.from.Equal(at) {
		next := slot{from: at, bands: map[string]map[string]bands.Band{}}
		for _, m := range j.metrics {
			if m.Band == nil {
				continue
			}
			learned, err := j.learn(ctx, m, at)
			if err != nil {
				return err
			}
			next.bands[m.Name] = learned
		}
		j.slot = next
	}
	for _, m := range j.metrics {
		var samples []query.Sample
		for _, c := range current[m.Name] {
			b, ok := j.slot.bands[m.Name][key(c.labels)]
			if !ok {
				continue
			}
			for name, v := range map[string]float64{
				"vigie_band_expected": b.Expected, "vigie_band_lower": b.Lower(),
				"vigie_band_upper": b.Upper(), "vigie_band_score": b.Score(c.avg),
			} {
				ls := named(name, c.labels)
				ls["metric"] = m.Name
				samples = append(samples, query.Sample{Labels: ls, T: end, V: v})
			}
		}
		if err := j.keep.Write(ctx, samples); err != nil {
			return fmt.Errorf("keep the bands of %s: %w", m.Name, err)
		}
	}
	return nil
}

// learn returns the band of every series of a metric: from the same half hour of
// the last four weeks, or of the last seven days where there are no weeks yet.
// It holds the past of one metric at a time.
func (j *Job) learn(ctx context.Context, m Metric, at time.Time) (map[string]bands.Band, error) {
	weekly, err := j.past(ctx, m, bands.Weekly(at, j.location()))
	if err != nil {
		return nil, err
	}
	out := make(map[string]bands.Band, len(weekly))
	short := len(weekly) == 0
	for k, vs := range weekly {
		if b, ok := bands.Learn(vs, *m.Band); ok {
			out[k] = b
		} else {
			short = true
		}
	}
	daily := map[string][]float64{}
	if short || len(weekly) < len(j.slot.bands[m.Name]) {
		if daily, err = j.past(ctx, m, bands.Daily(at, j.location())); err != nil {
			return nil, err
		}
	}
	for k, vs := range daily {
		if _, have := out[k]; have {
			continue
		}
		if b, ok := bands.Learn(vs, *m.Band); ok {
			out[k] = b
		}
	}
	return out, nil
}

func (j *Job) past(ctx context.Context, m Metric, windows []bands.Window) (map[string][]float64, error) {
	out := map[string][]float64{}
	for _, w := range windows {
		found, err := j.ask.Range(ctx, m.Recording("avg", "5m"), w.From.Add(Fine), w.To, Fine)
		if err != nil {
			return nil, fmt.Errorf("read the past of %s: %w", m.Name, err)
		}
		for _, s := range found {
			k := key(s.Labels)
			for _, p := range s.Points {
				out[k] = append(out[k], p.V)
			}
		}
	}
	return out, nil
}

// key is one text for a set of labels, without the name.
func key(ls map[string]string) string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(ls)) {
		if k == "__name__" || ls[k] == "" {
			continue
		}
		b.WriteString(k)
		b.WriteByte(0xff)
		b.WriteString(ls[k])
		b.WriteByte(0xff)
	}
	return b.String()
}
