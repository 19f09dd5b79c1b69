package rules

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	promrules "github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"

	"github.com/vigie-ops/vigie/internal/observe/metrics/report"
	"github.com/vigie-ops/vigie/internal/signal"
)

// Options are what the rules need.
type Options struct {
	Engine      promql.QueryEngine
	Queryable   storage.Queryable
	Appendable  storage.Appendable
	Interval    time.Duration // of groups that name none, default 15 s
	ExternalURL *url.URL
	Sink        signal.Sink
	Alerts      report.OpenAlerts
	// Settle is how long after the start a rule that is not there counts as not
	// loaded yet rather than deleted, unless files were set before. Default 10 min.
	Settle   time.Duration
	Registry prometheus.Registerer
	Log      *slog.Logger
	Now      func() time.Time
}

// Rules evaluates rule files and reports what fires.
type Rules struct {
	o       Options
	loader  *loader
	manager *promrules.Manager
	ledger  *report.Ledger
	started time.Time
	kick    chan struct{}

	// updating lets one change of the files happen at a time.
	updating sync.Mutex
	running  bool

	mu       sync.Mutex
	own      []File // of the operations repository
	given    bool   // own was set since the start
	known    bool   // and is what the manager evaluates
	fired    map[string]signal.Signal
	ended    map[string]time.Time
	progress map[string]Progress
	broken   map[string]time.Time // rules that fail, since when; only Sync looks at it
	silent   map[string]time.Time // servers, with when they were last known to be silent
}

// New returns the rules with the shipped files loaded. Nothing is evaluated
// until Evaluation runs.
func New(o Options) (*Rules, error) {
	if o.Interval == 0 {
		o.Interval = 15 * time.Second
	}
	if o.Settle == 0 {
		o.Settle = 10 * time.Minute
	}
	if o.ExternalURL == nil {
		o.ExternalURL = &url.URL{Path: "/"}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	r := &Rules{
		o: o, loader: &loader{}, started: o.Now(), kick: make(chan struct{}, 1),
		ledger: report.NewLedger(Detector, o.Sink, o.Alerts),
		fired:  map[string]signal.Signal{}, ended: map[string]time.Time{}, progress: map[string]Progress{},
		silent: map[string]time.Time{},
	}
	r.manager = promrules.NewManager(&promrules.ManagerOptions{
		ExternalURL:     o.ExternalURL,
		QueryFunc:       promrules.EngineQueryFunc(o.Engine, o.Queryable),
		NotifyFunc:      r.notified,
		Context:         context.Background(),
		Appendable:      o.Appendable,
		Queryable:       o.Queryable,
		Logger:          o.Log.With("part", "rules"),
		Registerer:      o.Registry,
		OutageTolerance: time.Hour,
		// An alert with a long `for` goes on where it was before the restart.
		ForGracePeriod:         time.Minute,
		ResendDelay:            time.Minute,
		GroupLoader:            r.loader,
		Parser:                 promParser,
		MaxConcurrentEvals:     2,
		ConcurrentEvalsEnabled: true,
		RestoreNewRuleGroups:   true,
		DefaultRuleQueryOffset: func() time.Duration { return 0 },
	})
	return r, r.load(nil)
}

// Manager is Prometheus's own, for the rules and alerts of the HTTP API.
func (r *Rules) Manager() *promrules.Manager { return r.manager }

// SetFiles makes the shipped files and these the rules from now on. It waits
// for groups that changed to finish their evaluation. Before Evaluate runs, the
// files are checked and wait for it: Prometheus's manager cannot replace a group
// that never ran.
func (r *Rules) SetFiles(own []File) error {
	r.updating.Lock()
	defer r.updating.Unlock()
	if r.running {
		if err := r.load(own); err != nil {
			return err
		}
	} else {
		for _, f := range own {
			if _, errs := parse(f.Content); len(errs) > 0 {
				return fmt.Errorf("load rules of %s: %w", f.Name, errors.Join(errs...))
			}
		}
		r.mu.Lock()
		r.own = own
		r.mu.Unlock()
	}
	r.mu.Lock()
	// Before Evaluate runs, none of them is evaluated: what they reported before
	// the start must not count as deleted yet.
	r.given, r.known = true, r.running
	r.mu.Unlock()
	r.wake()
	return nil
}

// Files returns the rule files of the operations repository in use.
func (r *Rules) Files() []File {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.own
}

func (r *Rules) load(own []File) error {
	files, err := Shipped()
	if err != nil {
		return err
	}
	names := r.loader.set(append(files, own...))
	if err := r.manager.Update(r.o.Interval, names, labels.EmptyLabels(), r.o.ExternalURL.String(), nil); err != nil {
		r.mu.Lock()
		r.loader.set(append(files, r.own...))
		r.mu.Unlock()
		return fmt.Errorf("load rules: %w", err)
	}
	r.mu.Lock()
	r.own = own
	r.mu.Unlock()
	return nil
}

// Evaluate runs the rules until ctx is done.
func (r *Rules) Evaluate(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.manager.Run()
	}()
	r.updating.Lock()
	r.running = true
	err := r.load(r.Files())
	r.mu.Lock()
	r.known = r.given && err == nil
	r.mu.Unlock()
	r.updating.Unlock()
	if err != nil {
		r.o.Log.Error("rules of the operations repository were not loaded", "err", err)
	}
	<-ctx.Done()
	r.manager.Stop()
	<-done
	return nil
}

// notified is called after every evaluation of an alerting rule.
func (r *Rules) notified(_ context.Context, expr string, alerts ...*promrules.Alert) {
	if len(alerts) == 0 {
		return
	}
	now := r.o.Now()
	r.mu.Lock()
	for _, a := range alerts {
		s := toSignal(a, expr, now)
		fp := s.Fingerprint()
		if a.ResolvedAt.IsZero() {
			if have, ok := r.fired[fp]; !ok || s.Severity().Rank() >= have.Severity().Rank() {
				r.fired[fp] = s
			}
		} else {
			r.ended[fp] = a.ResolvedAt.UTC()
		}
	}
	r.mu.Unlock()
	r.wake()
}

func (r *Rules) wake() {
	select {
	case r.kick <- struct{}{}:
	default:
	}
}
