package metricsagent

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// errNothing says that a machine has nothing of the kind to observe.
var errNothing = errors.New("this machine has nothing of the kind, or does not show it")

// errSilent says that an observer did not answer in time.
var errSilent = errors.New("it did not answer in time and is not asked again until it does")

// An observer that never worked is asked this often after its first failures.
const (
	failuresBeforeRest = 3
	rest               = 5 * time.Minute
)

// observer asks one collector, and remembers whether it can run here.
type observer struct {
	name     string
	registry *prometheus.Registry
	err      error // of the last update; written by the goroutine that gathers
	answer   chan gathered
	busy     bool // an earlier question is still open

	reason   string // why it is unavailable; empty when it works
	worked   bool   // it worked once
	failures int
	retryAt  time.Time
}

type gathered struct {
	families []*dto.MetricFamily
	err      error
	took     time.Duration
}

// newObserver wraps a function that sends metrics. A registry of its own turns
// them into families and keeps one observer's duplicates from spoiling others.
func newObserver(name string, update func(chan<- prometheus.Metric) error) *observer {
	o := &observer{name: name, registry: prometheus.NewRegistry(), answer: make(chan gathered, 1)}
	o.registry.MustRegister(collectFunc(func(ch chan<- prometheus.Metric) {
		defer func() {
			if p := recover(); p != nil {
				o.err = fmt.Errorf("it panicked: %v at %s", p, firstFrame(debug.Stack()))
			}
		}()
		o.err = update(ch)
	}))
	return o
}

// collectFunc is a collector that does not describe what it will send.
type collectFunc func(chan<- prometheus.Metric)

func (collectFunc) Describe(chan<- *prometheus.Desc)      {}
func (f collectFunc) Collect(ch chan<- prometheus.Metric) { f(ch) }

// gather asks the observer and waits for at most timeout. False means that it
// was not asked: it rests, or still works on an earlier question.
func (o *observer) gather(now time.Time, timeout time.Duration) (gathered, bool) {
	if o.busy {
		select {
		case <-o.answer: // too late to be worth anything
			o.busy = false
		default:
			return gathered{}, false
		}
	}
	if now.Before(o.retryAt) {
		return gathered{}, false
	}
	o.busy = true
	go func() {
		start := time.Now()
		families, err := o.registry.Gather()
		if o.err == nil && len(families) > 0 {
			// The registry leaves out what comes twice, such as a path on which
			// two file systems are mounted, and hands the rest over.
			err = nil
		}
		o.answer <- gathered{families, errors.Join(o.err, err), time.Since(start)}
	}()
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case g := <-o.answer:
		o.busy = false
		o.note(g.err, now)
		return g, true
	case <-timer.C:
		o.note(errSilent, now)
		return gathered{err: errSilent, took: timeout}, true
	}
}

// note takes the outcome of a question into account.
func (o *observer) note(err error, now time.Time) {
	if err == nil {
		o.reason, o.worked, o.failures, o.retryAt = "", true, 0, time.Time{}
		return
	}
	o.reason = sentence(err)
	o.failures++
	if !o.worked && o.failures >= failuresBeforeRest {
		o.retryAt = now.Add(rest)
	}
}

// sentence shortens an error to what fits a list.
func sentence(err error) string {
	s := strings.ToValidUTF8(strings.Join(strings.Fields(err.Error()), " "), "?")
	if len(s) > 300 {
		s = strings.ToValidUTF8(s[:300], "") + "…"
	}
	return s
}

// firstFrame returns the place of a panic out of a stack trace.
func firstFrame(stack []byte) string {
	_, after, found := strings.Cut(string(stack), "panic(")
	lines := strings.Split(after, "\n")
	if !found || len(lines) < 4 {
		return "an unknown place"
	}
	return strings.TrimSpace(lines[3])
}
