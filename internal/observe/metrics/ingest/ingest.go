// Package ingest takes samples in by Prometheus remote write, versions 1 and 2.
//
// Agents and programs come through the same decoding. From an agent the hub
// knows who it is, and says so in the labels itself, whatever the agent claims;
// a program's labels stay as they are.
package ingest

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"strconv"
	"sync"
	"time"

	remoteapi "github.com/prometheus/client_golang/exp/api/remote"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/prometheus/storage"
)

// Sender is an agent, as its certificate says.
type Sender struct {
	Server string
	Labels map[string]string // what the hub knows of the server: ring, client, project, …
}

// Limits bound one request. Zero fields take the defaults.
type Limits struct {
	Body       int64         // compressed bytes, 16 MiB
	Decoded    int           // bytes after decompression, 64 MiB
	Series     int           // 100,000
	Labels     int           // of one series, 64
	NewSeries  int           // that one agent may begin in an hour, 50,000
	Ahead      time.Duration // how far in the future a sample may lie, 10 min
	Concurrent int           // requests worked on at once, 4 a processor; the others wait
}

func (l Limits) withDefaults() Limits {
	if l.Body == 0 {
		l.Body = 16 << 20
	}
	if l.Decoded == 0 {
		l.Decoded = 64 << 20
	}
	if l.Series == 0 {
		l.Series = 100_000
	}
	if l.Labels == 0 {
		l.Labels = 64
	}
	if l.NewSeries == 0 {
		l.NewSeries = 50_000
	}
	if l.Ahead == 0 {
		l.Ahead = 10 * time.Minute
	}
	if l.Concurrent == 0 {
		l.Concurrent = 4 * runtime.GOMAXPROCS(0)
	}
	return l
}

// Options are what an intake needs.
type Options struct {
	To       storage.Appendable
	Metadata *Metadata // takes what senders say about their metrics
	// Late is told between which times, in ms, the samples of a request lie, and
	// the server that sent them; empty if a program did.
	Late     func(server string, oldest, newest int64)
	Limits   Limits //
	Registry prometheus.Registerer
	Log      *slog.Logger
	Now      func() time.Time
}

// Intake takes samples in.
type Intake struct {
	o           Options
	slots       chan struct{}
	quotas      *quotas
	overwritten *prometheus.CounterVec
	samples     *prometheus.CounterVec
	refused     *prometheus.CounterVec
}

// New returns an intake.
func New(o Options) *Intake {
	o.Limits = o.Limits.withDefaults()
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Metadata == nil {
		o.Metadata = NewMetadata()
	}
	if o.Late == nil {
		o.Late = func(string, int64, int64) {}
	}
	f := promauto.With(o.Registry)
	return &Intake{
		o:      o,
		slots:  make(chan struct{}, o.Limits.Concurrent),
		quotas: &quotas{most: o.Limits.NewSeries, now: o.Now, used: map[string]*quota{}},
		overwritten: f.NewCounterVec(prometheus.CounterOpts{
			Name: "vigie_overwritten_labels_total",
			Help: "Labels of a series on which an agent claimed something else than its certificate says.",
		}, []string{"server", "label"}),
		samples: f.NewCounterVec(prometheus.CounterOpts{
			Name: "vigie_received_samples_total",
			Help: "Samples taken in by remote write.",
		}, []string{"from"}),
		refused: f.NewCounterVec(prometheus.CounterOpts{
			Name: "vigie_refused_samples_total",
			Help: "Samples of remote write that were not stored, by reason.",
		}, []string{"reason"}),
	}
}

// Programs takes what other programs write, as it is.
func (i *Intake) Programs() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.serve(w, r, "programs", nil)
	})
}

// Agents takes what agents write. Who says which agent a request comes from.
func (i *Intake) Agents(who func(*http.Request) (Sender, bool)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, ok := who(r)
		if !ok || s.Server == "" {
			http.Error(w, "This address takes samples from enrolled agents only; the request carried no certificate of one.", http.StatusForbidden)
			return
		}
		i.serve(w, r, "agents", i.identity(s))
	})
}

func (i *Intake) serve(w http.ResponseWriter, r *http.Request, from string, id *identity) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "Remote write is a POST.", http.StatusMethodNotAllowed)
		return
	}
	msg, err := messageType(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnsupportedMediaType)
		return
	}
	select {
	case i.slots <- struct{}{}:
		defer func() { <-i.slots }()
	case <-r.Context().Done():
		return
	}
	b := buffers.Get().(*buffer)
	defer buffers.Put(b)
	body, err := b.read(w, r, i.o.Limits)
	if err != nil {
		var re *requestError
		if errors.As(err, &re) {
			http.Error(w, re.Error(), re.status)
			return
		}
		http.Error(w, "The body could not be read: "+err.Error(), http.StatusBadRequest)
		return
	}

	out, err := i.store(r.Context(), msg, body, id)
	if err == nil || !retryable(err) {
		i.samples.WithLabelValues(from).Add(float64(out.samples + out.histograms))
		if msg == remoteapi.WriteV2MessageType {
			h := w.Header()
			h.Set("X-Prometheus-Remote-Write-Samples-Written", strconv.Itoa(out.samples))
			h.Set("X-Prometheus-Remote-Write-Histograms-Written", strconv.Itoa(out.histograms))
			h.Set("X-Prometheus-Remote-Write-Exemplars-Written", "0")
		}
	}
	switch {
	case err == nil:
		w.WriteHeader(http.StatusNoContent)
	case retryable(err):
		i.o.Log.Warn("samples were not stored, the sender tries again", "from", from, "err", err)
		w.Header().Set("Retry-After", "5")
		http.Error(w, "The samples could not be stored now; send them again.", http.StatusServiceUnavailable)
	default:
		status := http.StatusBadRequest
		var re *requestError
		if errors.As(err, &re) {
			status = re.status
		}
		http.Error(w, err.Error(), status)
	}
}

// requestError is a request that is refused as a whole.
type requestError struct {
	status int
	text   string
}

func (e *requestError) Error() string { return e.text }

func refuse(status int, format string, args ...any) error {
	return &requestError{status: status, text: fmt.Sprintf(format, args...)}
}

// retryable says whether the sender should send the same again: the fault is
// ours, and nothing was stored.
func retryable(err error) bool {
	var pe *partialError
	var re *requestError
	return !errors.As(err, &pe) && !errors.As(err, &re)
}

var buffers = sync.Pool{New: func() any { return new(buffer) }}
