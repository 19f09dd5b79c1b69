package ingest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	remoteapi "github.com/prometheus/client_golang/exp/api/remote"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
	"github.com/prometheus/prometheus/storage"
)

// outcome is what became of one request.
type outcome struct {
	samples, histograms int // stored
	refused             map[string]int
	examples            []string
	oldest, newest      int64 // times of what was stored
}

// partialError says what of a request was not stored; the rest was.
type partialError struct{ outcome outcome }

// maxExamples bounds how many refused series an answer names.
const maxExamples = 5

func (e *partialError) Error() string {
	total := 0
	var reasons []string
	for reason, n := range e.outcome.refused {
		total += n
		reasons = append(reasons, fmt.Sprintf("%d %s", n, reason))
	}
	slices.Sort(reasons)
	return fmt.Sprintf("%d samples were stored and %d were refused: %s. Do not send the refused ones again. For example: %s.",
		e.outcome.samples+e.outcome.histograms, total, strings.Join(reasons, ", "), strings.Join(e.outcome.examples, "; "))
}

// memory is how much more a request may take when it is decoded than a body may
// hold.
const memory = 2

// store decodes a request and stores it. A *partialError means that all but
// some samples were stored; any other error that nothing was.
func (i *Intake) store(ctx context.Context, msg remoteapi.WriteMessageType, body []byte, id *identity) (outcome, error) {
	if !affordable(msg, body, memory*i.o.Limits.Decoded) {
		return outcome{}, refuse(http.StatusRequestEntityTooLarge, "The request holds too many series, samples or histograms; send fewer at once.")
	}
	b := &batch{
		app: i.o.To.Appender(ctx), id: id, limits: i.o.Limits,
		ahead: i.o.Now().Add(i.o.Limits.Ahead).UnixMilli(), wrong: claims{},
		outcome: outcome{oldest: math.MaxInt64, newest: math.MinInt64},
	}
	b.refs, _ = b.app.(storage.GetRef)
	if id != nil && b.refs != nil { // an engine elsewhere has limits of its own
		b.quota = i.quotas.of(id.server)
	}
	var err error
	if msg == remoteapi.WriteV2MessageType {
		err = i.addV2(b, body)
	} else {
		err = i.addV1(b, body)
	}
	if err != nil {
		return outcome{}, errors.Join(err, b.app.Rollback())
	}
	if err := b.app.Commit(); err != nil {
		if permanent(err) {
			return outcome{}, refuse(http.StatusBadRequest, "The samples were refused: %v.", err)
		}
		return outcome{}, fmt.Errorf("store samples: %w", err)
	}
	for label, n := range b.wrong {
		id.count(label, n)
	}
	if b.samples+b.histograms > 0 {
		i.o.Late(id.sender(), b.oldest, b.newest)
	}
	if len(b.refused) > 0 {
		for reason, n := range b.refused {
			i.refused.WithLabelValues(reason).Add(float64(n))
		}
		return b.outcome, &partialError{b.outcome}
	}
	return b.outcome, nil
}

// permanent says whether an engine elsewhere refused the samples for good.
func permanent(err error) bool {
	var p interface{ Permanent() bool }
	return errors.As(err, &p) && p.Permanent()
}

func (i *Intake) addV2(b *batch, body []byte) error {
	var req writev2.Request
	if err := req.Unmarshal(body); err != nil {
		return refuse(http.StatusBadRequest, "The body is no remote write 2.0 request: %v.", err)
	}
	if len(req.Timeseries) > b.limits.Series {
		return refuse(http.StatusBadRequest, "The request has %d series, more than the %d allowed; send fewer at once.", len(req.Timeseries), b.limits.Series)
	}
	// Symbols are shared by many series: looked at once.
	for _, s := range req.Symbols {
		if !utf8.ValidString(s) {
			return refuse(http.StatusBadRequest, "The text %q is not UTF-8.", s)
		}
	}
	known := uint32(len(req.Symbols))
	for n := range req.Timeseries {
		ts := &req.Timeseries[n]
		count := len(ts.Samples) + len(ts.Histograms)
		if slices.ContainsFunc(ts.LabelsRefs, func(ref uint32) bool { return ref >= known }) || len(ts.LabelsRefs)%2 != 0 {
			b.refuse("with labels that point nowhere", count, "series without readable labels")
			continue
		}
		b.begin()
		for l := 0; l < len(ts.LabelsRefs); l += 2 {
			b.label(req.Symbols[ts.LabelsRefs[l]], req.Symbols[ts.LabelsRefs[l+1]])
		}
		if count == 0 || !b.end(count) {
			continue
		}
		if ts.Metadata.HelpRef < known && ts.Metadata.UnitRef < known && !i.o.Metadata.Knows(b.name) {
			if m, err := ts.ToMetadata(req.Symbols); err == nil {
				i.o.Metadata.Set(b.name, m)
			}
		}
		for _, s := range ts.Samples {
			if err := b.sample(s.Timestamp, s.Value); err != nil {
				return err
			}
		}
		for _, h := range ts.Histograms {
			var err error
			if h.IsFloatHistogram() {
				err = b.histogram(h.Timestamp, nil, h.ToFloatHistogram())
			} else {
				err = b.histogram(h.Timestamp, h.ToIntHistogram(), nil)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (i *Intake) addV1(b *batch, body []byte) error {
	var req prompb.WriteRequest
	if err := req.Unmarshal(body); err != nil {
		return refuse(http.StatusBadRequest, "The body is no remote write 1.0 request: %v.", err)
	}
	if len(req.Timeseries) > b.limits.Series {
		return refuse(http.StatusBadRequest, "The request has %d series, more than the %d allowed; send fewer at once.", len(req.Timeseries), b.limits.Series)
	}
	for _, m := range req.Metadata {
		i.o.Metadata.Set(m.MetricFamilyName, fromV1(m))
	}
	for n := range req.Timeseries {
		ts := &req.Timeseries[n]
		count := len(ts.Samples) + len(ts.Histograms)
		b.begin()
		for _, l := range ts.Labels {
			b.label(l.Name, l.Value)
			b.utf8 = b.utf8 && utf8.ValidString(l.Name) && utf8.ValidString(l.Value)
		}
		if count == 0 || !b.end(count) {
			continue
		}
		for _, s := range ts.Samples {
			if err := b.sample(s.Timestamp, s.Value); err != nil {
				return err
			}
		}
		for _, h := range ts.Histograms {
			var err error
			if h.IsFloatHistogram() {
				err = b.histogram(h.Timestamp, nil, h.ToFloatHistogram())
			} else {
				err = b.histogram(h.Timestamp, h.ToIntHistogram(), nil)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// batch appends the series of one request, one after the other.
type batch struct {
	app    storage.Appender
	refs   storage.GetRef // nil where the appender knows no references
	id     *identity      // nil for programs
	quota  *quota         // nil without a limit
	limits Limits
	ahead  int64 // what is later is refused
	wrong  claims

	// the series at hand
	builder labels.ScratchBuilder
	scratch labels.Labels
	lset    labels.Labels
	ref     storage.SeriesRef
	name    string
	count   int
	utf8    bool

	outcome
}

func (b *batch) begin() {
	b.builder.Reset()
	b.name, b.count, b.utf8 = "", 0, true
}

func (b *batch) label(name, value string) {
	if b.id != nil && !b.id.takes(name, value, b.wrong) {
		return
	}
	if name == model.MetricNameLabel {
		b.name = value
	}
	b.count++
	b.builder.Add(name, value)
}

// end completes the labels. It is false if the series cannot be stored, which
// is then counted with its samples.
func (b *batch) end(samples int) bool {
	if b.id != nil {
		for _, l := range b.id.set {
			b.builder.Add(l.Name, l.Value)
		}
	}
	b.builder.Sort()
	b.builder.Overwrite(&b.scratch)
	_, twice := b.scratch.HasDuplicateLabelNames()
	switch {
	case !b.utf8:
		b.refuse("with labels that are not UTF-8", samples, fmt.Sprintf("%q", b.name))
	case b.id != nil && hubOnly(b.name):
		b.refuse("with a name that only the hub gives", samples, b.name)
	case b.name == "":
		b.refuse("without a metric name", samples, b.scratch.String())
	case b.scratch.Has(""):
		b.refuse("with a label without a name", samples, b.name)
	case twice:
		b.refuse("with a label twice", samples, b.scratch.String())
	case b.count > b.limits.Labels:
		b.refuse(fmt.Sprintf("with more than %d labels", b.limits.Labels), samples, b.name)
	case !b.resolve():
		b.refuse("of too many new series", samples, b.name)
	default:
		return true
	}
	return false
}

// resolve looks the series up, which spares the database a second look and us
// a copy of the labels for every series that is already known. It is false for a
// new one that is too many.
func (b *batch) resolve() bool {
	b.ref = 0
	if b.refs != nil {
		if ref, lset := b.refs.GetRef(b.scratch, b.scratch.Hash()); ref != 0 {
			b.ref, b.lset = ref, lset
			return true
		}
	}
	if b.quota != nil && !b.quota.take() {
		return false
	}
	b.lset = b.scratch.Copy()
	return true
}

func (b *batch) sample(t int64, v float64) error {
	if t > b.ahead {
		b.refuse("too far in the future", 1, b.lset.String())
		return nil
	}
	ref, err := b.app.Append(b.ref, b.lset, t, v)
	if err != nil {
		return b.tolerate(err)
	}
	b.ref = ref
	b.samples++
	b.oldest, b.newest = min(b.oldest, t), max(b.newest, t)
	return nil
}

func (b *batch) histogram(t int64, h *histogram.Histogram, fh *histogram.FloatHistogram) error {
	if t > b.ahead {
		b.refuse("too far in the future", 1, b.lset.String())
		return nil
	}
	ref, err := b.app.AppendHistogram(b.ref, b.lset, t, h, fh)
	if err != nil {
		return b.tolerate(err)
	}
	b.ref = ref
	b.histograms++
	b.oldest, b.newest = min(b.oldest, t), max(b.newest, t)
	return nil
}

// tolerate counts an error that is the sender's, and returns any other.
func (b *batch) tolerate(err error) error {
	var bad histogram.Error
	switch {
	case errors.Is(err, storage.ErrTooOldSample), errors.Is(err, storage.ErrOutOfBounds):
		b.refuse("too old", 1, b.lset.String())
	case errors.Is(err, storage.ErrOutOfOrderSample):
		b.refuse("out of order", 1, b.lset.String())
	case errors.Is(err, storage.ErrDuplicateSampleForTimestamp):
		b.refuse("with another value for the same time", 1, b.lset.String())
	case errors.As(err, &bad):
		b.refuse("with a broken histogram", 1, b.lset.String())
	default:
		return fmt.Errorf("append a sample: %w", err)
	}
	return nil
}

func (b *batch) refuse(reason string, samples int, example string) {
	if b.refused == nil {
		b.refused = map[string]int{}
	}
	b.refused[reason] += samples
	if len(b.examples) < maxExamples {
		b.examples = append(b.examples, example)
	}
}
