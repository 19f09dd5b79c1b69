package remote

import (
	"context"
	"fmt"

	"github.com/klauspost/compress/snappy"
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/metadata"
	"github.com/prometheus/prometheus/prompb"
	"github.com/prometheus/prometheus/storage"
)

// Appender returns an appender whose Commit sends everything in one request and
// waits for the answer.
func (e *Engine) Appender(ctx context.Context) storage.Appender {
	return &appender{ctx: ctx, engine: e}
}

type appender struct {
	ctx    context.Context
	engine *Engine
	series []prompb.TimeSeries
	last   labels.Labels // of the last series
}

// at returns the series of these labels. Senders group their samples by
// series, so looking at the last one is enough.
func (a *appender) at(ls labels.Labels) *prompb.TimeSeries {
	if n := len(a.series); n > 0 && labels.Equal(a.last, ls) {
		return &a.series[n-1]
	}
	a.last = ls
	a.series = append(a.series, prompb.TimeSeries{Labels: prompb.FromLabels(ls, nil)})
	return &a.series[len(a.series)-1]
}

func (a *appender) Append(_ storage.SeriesRef, ls labels.Labels, t int64, v float64) (storage.SeriesRef, error) {
	ts := a.at(ls)
	ts.Samples = append(ts.Samples, prompb.Sample{Timestamp: t, Value: v})
	return 0, nil
}

func (a *appender) AppendHistogram(_ storage.SeriesRef, ls labels.Labels, t int64, h *histogram.Histogram, fh *histogram.FloatHistogram) (storage.SeriesRef, error) {
	ts := a.at(ls)
	if h != nil {
		ts.Histograms = append(ts.Histograms, prompb.FromIntHistogram(t, h))
	} else {
		ts.Histograms = append(ts.Histograms, prompb.FromFloatHistogram(t, fh))
	}
	return 0, nil
}

// maxSeries is how many series go into one request.
const maxSeries = 10_000

func (a *appender) Commit() error {
	for len(a.series) > 0 {
		n := min(len(a.series), maxSeries)
		req := prompb.WriteRequest{Timeseries: a.series[:n]}
		plain, err := req.Marshal()
		if err != nil {
			return fmt.Errorf("encode samples for the metrics engine: %w", err)
		}
		// A failure after the first part makes the sender send all again; the
		// engine takes the same sample twice without harm.
		if err := a.engine.post(a.ctx, snappy.Encode(nil, plain)); err != nil {
			return err
		}
		a.series = a.series[n:]
	}
	return nil
}

func (a *appender) Rollback() error {
	a.series = nil
	return nil
}

func (a *appender) SetOptions(*storage.AppendOptions) {}

func (a *appender) AppendExemplar(storage.SeriesRef, labels.Labels, exemplar.Exemplar) (storage.SeriesRef, error) {
	return 0, nil
}

func (a *appender) UpdateMetadata(storage.SeriesRef, labels.Labels, metadata.Metadata) (storage.SeriesRef, error) {
	return 0, nil
}

func (a *appender) AppendSTZeroSample(storage.SeriesRef, labels.Labels, int64, int64) (storage.SeriesRef, error) {
	return 0, nil
}

func (a *appender) AppendHistogramSTZeroSample(storage.SeriesRef, labels.Labels, int64, int64, *histogram.Histogram, *histogram.FloatHistogram) (storage.SeriesRef, error) {
	return 0, nil
}

var _ storage.Appendable = (*Engine)(nil)
