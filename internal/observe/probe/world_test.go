package probe

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/db/dbtest"
	"github.com/vigie-ops/vigie/internal/observe/probe/prober"
	"github.com/vigie-ops/vigie/internal/signal"
)

// world is what the tests play: the answers of targets, and who takes signals.
type world struct {
	mu      sync.Mutex
	wrong   map[string]string // error by target; absent is good
	end     time.Time         // of certificates
	refuse  error             // what the sink says
	signals []signal.Signal
	samples []Sample
	changed chan struct{} // something was reported
}

func newWorld() *world { return &world{wrong: map[string]string{}, changed: make(chan struct{}, 100)} }

func (w *world) Run(_ context.Context, t prober.Target) prober.Result {
	w.mu.Lock()
	defer w.mu.Unlock()
	e, bad := w.wrong[t.ID]
	return prober.Result{OK: !bad, Error: e, At: time.Now(), Duration: time.Millisecond, CertificateNotAfter: w.end,
		Phases: prober.Phases{Connect: time.Millisecond}}
}

func (w *world) Report(_ context.Context, signals ...signal.Signal) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refuse != nil {
		return w.refuse
	}
	w.signals = append(w.signals, signals...)
	w.changed <- struct{}{}
	return nil
}

func (w *world) Write(_ context.Context, samples []Sample) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refuse != nil {
		return w.refuse
	}
	w.samples = append(w.samples, samples...)
	return nil
}

func (w *world) set(slug, wrong string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.wrong[slug] = wrong; wrong == "" {
		delete(w.wrong, slug)
	}
}

// heard returns what the sink took since the last call: "firing NAME severity".
func (w *world) heard() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for _, s := range w.signals {
		out = append(out, string(s.State)+" "+s.Name()+" "+string(s.Severity()))
	}
	w.signals = nil
	return out
}

func pagePlan() Plan {
	return Plan{
		Slug: "borealis-page", Name: "Status page", Kind: "http", Subject: signal.Subject{Kind: signal.Instance, Slug: "borealis"},
		Component: "web", Labels: map[string]string{signal.LabelAppInstance: "borealis", signal.LabelClient: "borealis"},
		Severity: signal.Critical, Own: []string{"app-1"}, CertificateDays: 21,
		Target: prober.Target{ID: "borealis-page", Kind: prober.HTTP, URL: "https://borealis.example/", Interval: 10 * time.Second, Timeout: 5 * time.Second},
		Rules:  Rules{Confirmations: 2, Recoveries: 2, Fresh: 25 * time.Second},
	}
}

func portOf(server string) Plan {
	return Plan{
		Slug: server + ":22", Name: "Port 22 of " + server, Kind: "tcp", Subject: signal.Subject{Kind: signal.Server, Slug: server},
		Labels: map[string]string{signal.LabelServer: server}, Severity: signal.Warning, Own: []string{server}, Implicit: true,
		Target: prober.Target{ID: server + ":22", Kind: prober.TCP, Address: "192.0.2.1", Port: 22, Interval: 10 * time.Second, Timeout: 5 * time.Second},
		Rules:  Rules{Confirmations: 2, Recoveries: 2, Fresh: 25 * time.Second},
	}
}

func heartbeatPlan() Plan {
	return Plan{Slug: "nightly", Name: "Nightly dump", Kind: KindHeartbeat, Subject: signal.Subject{Kind: signal.Server, Slug: "app-1"},
		Labels: map[string]string{signal.LabelServer: "app-1"}, Severity: signal.Warning, Every: 5 * time.Minute, Grace: time.Minute,
		Rules: Rules{Confirmations: 1, Recoveries: 1, Fresh: 2 * time.Hour}}
}

// open returns a service on a state, as after a start of the hub.
func open(t *testing.T, d *db.DB, w *world, agents []string, plans ...Plan) *Service {
	t.Helper()
	s := New(Options{DB: d, Prober: w, Sink: w, Samples: w, Agents: func() []string { return agents }, Log: slog.New(slog.DiscardHandler)})
	reload(t, s, plans...)
	if err := s.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func reload(t *testing.T, s *Service, plans ...Plan) {
	t.Helper()
	err := s.o.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		return s.apply(ctx, tx, "c0ffee", time.UTC, plans)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// look lets the hub look at everything, at a time of the test's choice.
func look(t *testing.T, s *Service, at time.Time) {
	t.Helper()
	s.mu.Lock()
	for _, r := range s.sorted {
		if r.plan.Kind == KindHeartbeat {
			s.checkBeat(r, at)
			continue
		}
		res := s.o.Prober.Run(t.Context(), r.plan.Target)
		res.At = at
		s.take(r, Hub, res, at)
	}
	s.mu.Unlock()
	settle(t, s)
}

func settle(t *testing.T, s *Service) {
	t.Helper()
	if err := s.writeDown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := deliver(t.Context(), s.o.DB, s.o.Sink); err != nil && !errors.Is(err, errSink) {
		t.Fatal(err)
	}
}

var errSink = errors.New("the sink is away")

func each(t *testing.T, f func(t *testing.T, d *db.DB, w *world)) {
	t.Helper()
	dbtest.Each(t, []db.Schema{Schema()}, func(t *testing.T, d *db.DB) { f(t, d, newWorld()) })
}

func want(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}
