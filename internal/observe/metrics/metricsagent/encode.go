package metricsagent

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/klauspost/compress/s2"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/prometheus/model/value"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
)

// Encoder turns what observers gathered into remote write 2.0 requests. It
// keeps its memory from one request to the next, and knows which series there
// were, so that one that vanishes ends with a stale marker.
type Encoder struct {
	job, instance string

	symbols writev2.SymbolsTable
	request writev2.Request
	refs    []uint32
	samples []writev2.Sample
	labels  []label
	key     []byte
	plain   []byte
	packed  []byte

	at    int64
	round uint64
	known map[string]*series
}

type label struct{ name, value string }

// series is one that was sent before.
type series struct {
	round  uint64 // when it was seen last
	labels []label
}

// NewEncoder returns an encoder whose series carry these two labels. The hub
// overwrites instance with the server of the sender's certificate.
func NewEncoder(job, instance string) *Encoder {
	return &Encoder{job: job, instance: instance, symbols: writev2.NewSymbolTable(), known: map[string]*series{}}
}

// Begin starts a request whose samples are of one time.
func (e *Encoder) Begin(at time.Time) {
	e.symbols.Reset()
	e.request.Timeseries = e.request.Timeseries[:0]
	e.refs, e.samples = e.refs[:0], e.samples[:0]
	e.at = at.UnixMilli()
	e.round++
}

// Add adds families of metrics.
func (e *Encoder) Add(families []*dto.MetricFamily) {
	for _, f := range families {
		meta := writev2.Metadata{
			Type:    metricType(f.GetType()),
			HelpRef: e.symbols.Symbolize(f.GetHelp()),
			UnitRef: e.symbols.Symbolize(f.GetUnit()),
		}
		for _, m := range f.GetMetric() {
			e.addMetric(f, m, meta)
		}
	}
}

func (e *Encoder) addMetric(f *dto.MetricFamily, m *dto.Metric, meta writev2.Metadata) {
	name, own := f.GetName(), m.GetLabel()
	switch f.GetType() {
	case dto.MetricType_COUNTER:
		e.add(name, own, label{}, m.GetCounter().GetValue(), meta)
	case dto.MetricType_GAUGE:
		e.add(name, own, label{}, m.GetGauge().GetValue(), meta)
	case dto.MetricType_SUMMARY:
		s := m.GetSummary()
		for _, q := range s.GetQuantile() {
			e.add(name, own, label{"quantile", formatFloat(q.GetQuantile())}, q.GetValue(), meta)
		}
		e.add(name+"_sum", own, label{}, s.GetSampleSum(), meta)
		e.add(name+"_count", own, label{}, float64(s.GetSampleCount()), meta)
	case dto.MetricType_HISTOGRAM:
		h := m.GetHistogram()
		for _, b := range h.GetBucket() {
			if !math.IsInf(b.GetUpperBound(), 1) {
				e.add(name+"_bucket", own, label{"le", formatFloat(b.GetUpperBound())}, float64(b.GetCumulativeCount()), meta)
			}
		}
		e.add(name+"_bucket", own, label{"le", "+Inf"}, float64(h.GetSampleCount()), meta)
		e.add(name+"_sum", own, label{}, h.GetSampleSum(), meta)
		e.add(name+"_count", own, label{}, float64(h.GetSampleCount()), meta)
	default:
		e.add(name, own, label{}, m.GetUntyped().GetValue(), meta)
	}
}

// Gauge adds one gauge of our own with at most one label.
func (e *Encoder) Gauge(name, help string, l label, v float64) {
	e.add(name, nil, l, v, writev2.Metadata{Type: writev2.Metadata_METRIC_TYPE_GAUGE, HelpRef: e.symbols.Symbolize(help)})
}

// add adds one sample; extra is one more label, if it has a name.
func (e *Encoder) add(name string, own []*dto.LabelPair, extra label, v float64, meta writev2.Metadata) {
	l := append(e.labels[:0], label{"__name__", name}, label{"instance", e.instance}, label{"job", e.job})
	for _, p := range own {
		n := p.GetName()
		if n == "instance" || n == "job" {
			n = "exported_" + n // as a scrape does
		}
		l = append(l, label{n, p.GetValue()})
	}
	if extra.name != "" {
		l = append(l, extra)
	}
	slices.SortFunc(l, func(a, b label) int { return cmp.Compare(a.name, b.name) })
	e.labels = l
	e.remember(l)
	e.append(l, v, meta)
}

// remember notes that the series is there in this round.
func (e *Encoder) remember(l []label) {
	k := e.key[:0]
	for _, p := range l {
		k = append(append(append(append(k, p.name...), 0xff), p.value...), 0xff)
	}
	e.key = k
	if s, ok := e.known[string(k)]; ok {
		s.round = e.round
		return
	}
	e.known[string(k)] = &series{round: e.round, labels: slices.Clone(l)}
}

func (e *Encoder) append(l []label, v float64, meta writev2.Metadata) {
	from := len(e.refs)
	for _, p := range l {
		e.refs = append(e.refs, e.symbols.Symbolize(p.name), e.symbols.Symbolize(p.value))
	}
	e.samples = append(e.samples, writev2.Sample{Value: v, Timestamp: e.at})
	n := len(e.samples)
	e.request.Timeseries = append(e.request.Timeseries, writev2.TimeSeries{
		LabelsRefs: e.refs[from:len(e.refs):len(e.refs)],
		Samples:    e.samples[n-1 : n : n],
		Metadata:   meta,
	})
}

// End returns the request, compressed; it is valid until the next Begin.
func (e *Encoder) End() ([]byte, error) {
	stale := math.Float64frombits(value.StaleNaN)
	for k, s := range e.known {
		if s.round != e.round {
			e.append(s.labels, stale, writev2.Metadata{})
			delete(e.known, k)
		}
	}
	e.request.Symbols = e.symbols.Symbols()
	var err error
	if e.plain, err = e.request.OptimizedMarshal(e.plain[:cap(e.plain)]); err != nil {
		return nil, err
	}
	e.packed = s2.EncodeSnappy(e.packed[:cap(e.packed)], e.plain)
	return e.packed, nil
}

// Series returns how many series the request holds.
func (e *Encoder) Series() int { return len(e.request.Timeseries) }

func metricType(t dto.MetricType) writev2.Metadata_MetricType {
	switch t {
	case dto.MetricType_COUNTER:
		return writev2.Metadata_METRIC_TYPE_COUNTER
	case dto.MetricType_GAUGE:
		return writev2.Metadata_METRIC_TYPE_GAUGE
	case dto.MetricType_SUMMARY:
		return writev2.Metadata_METRIC_TYPE_SUMMARY
	case dto.MetricType_HISTOGRAM:
		return writev2.Metadata_METRIC_TYPE_HISTOGRAM
	}
	return writev2.Metadata_METRIC_TYPE_UNSPECIFIED
}

func formatFloat(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
