// Package metrics keeps the time series of all servers, answers PromQL, evaluates
// rules, and sees which servers fell silent. What it finds wrong it reports as
// signals.
//
// Samples come in by remote write: from agents through AgentWriter, from other
// programs through API, from rooms of the hub through Write. They lie in two
// embedded databases, raw and rollup (package tsdbs), or in an engine elsewhere
// (package remote); everything else is the same for both.
package metrics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"

	"github.com/vigie-ops/vigie/internal/observe/metrics/ingest"
	"github.com/vigie-ops/vigie/internal/observe/metrics/query"
	"github.com/vigie-ops/vigie/internal/observe/metrics/remote"
	"github.com/vigie-ops/vigie/internal/observe/metrics/report"
	"github.com/vigie-ops/vigie/internal/observe/metrics/rollup"
	"github.com/vigie-ops/vigie/internal/observe/metrics/rules"
	"github.com/vigie-ops/vigie/internal/observe/metrics/tsdbs"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/signal"
)

// Options are what the room needs. Zero fields take the defaults.
type Options struct {
	Dir string // of the embedded databases
	// Rules are files of rules that other rooms make of a generation; nil makes none.
	Rules           func(*opsrepo.Generation) []rules.File
	RawRetention    time.Duration
	RawMaxBytes     int64
	RollupRetention time.Duration
	RollupMaxBytes  int64
	OutOfOrder      time.Duration
	Remote          *remote.Options // set to keep the series elsewhere

	MaxSamples       int           // a query may hold, default 20 million
	QueryTimeout     time.Duration // default 1 min
	QueryConcurrency int           // default twice the processors
	RuleInterval     time.Duration // of rule groups that name none, default 15 s
	Write            ingest.Limits
	ExternalURL      *url.URL // of the console, for templates of rules

	Sink   signal.Sink
	Alerts report.OpenAlerts // nil: nothing is known to be open at the start

	Version  string // of the hub, for status/buildinfo
	Registry *prometheus.Registry
	Log      *slog.Logger
	Now      func() time.Time
}

// backend is where samples lie and who evaluates PromQL.
type backend struct {
	engine  promql.QueryEngine
	storage storage.SampleAndChunkQueryable
	raw     storage.Appendable
	rollup  storage.Appendable
	embed   *tsdbs.Store // nil with an engine elsewhere
}

// Room is the metrics of a hub.
type Room struct {
	o        Options
	backend  backend
	query    query.Querier
	intake   *ingest.Intake
	metadata *ingest.Metadata
	rules    *rules.Rules
	rollup   *rollup.Job
	api      http.Handler
}

// Open opens the databases, or connects to the engine elsewhere. It starts no
// work besides that of the databases; Services lists what the hub is to run.
func Open(_ context.Context, o Options) (*Room, error) {
	o = o.withDefaults()
	b, err := open(o)
	if err != nil {
		return nil, err
	}
	r := &Room{o: o, backend: b, metadata: ingest.NewMetadata()}
	r.query = query.Querier{Engine: b.engine, Storage: b.storage, Slots: make(chan struct{}, o.QueryConcurrency)}
	// Background work does not wait behind people's queries.
	own := query.Querier{Engine: b.engine, Storage: b.storage}
	r.rollup = rollup.New(own, keeper{b.rollup}, o.Log, o.Now)
	r.intake = ingest.New(ingest.Options{
		To: b.raw, Metadata: r.metadata, Limits: o.Write, Registry: o.Registry, Log: o.Log, Now: o.Now,
		Late: func(server string, oldest, newest int64) {
			r.rollup.Late(server, time.UnixMilli(oldest), time.UnixMilli(newest))
		},
	})
	r.rules, err = rules.New(rules.Options{
		Engine: b.engine, Queryable: b.storage, Appendable: b.raw,
		Interval: o.RuleInterval, ExternalURL: o.ExternalURL,
		Sink: o.Sink, Alerts: o.Alerts, Registry: o.Registry, Log: o.Log, Now: o.Now,
	})
	if err != nil {
		return nil, errors.Join(err, r.closeStore())
	}
	r.api = r.newAPI()
	return r, nil
}

func (o Options) withDefaults() Options {
	if o.MaxSamples == 0 {
		o.MaxSamples = 20_000_000
	}
	if o.QueryTimeout == 0 {
		o.QueryTimeout = time.Minute
	}
	if o.QueryConcurrency == 0 {
		o.QueryConcurrency = 2 * runtime.GOMAXPROCS(0)
	}
	if o.RuleInterval == 0 {
		o.RuleInterval = 15 * time.Second
	}
	if o.ExternalURL == nil {
		o.ExternalURL = &url.URL{Path: "/"}
	}
	if o.Registry == nil {
		o.Registry = prometheus.NewRegistry()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

func open(o Options) (backend, error) {
	if o.Remote != nil {
		e, err := remote.New(*o.Remote)
		if err != nil {
			return backend{}, err
		}
		return backend{engine: e, storage: e, raw: e, rollup: e}, nil
	}
	store, err := tsdbs.Open(tsdbs.Options{
		Dir: o.Dir, RawRetention: o.RawRetention, RawMaxBytes: o.RawMaxBytes, RollupRetention: o.RollupRetention,
		RollupMaxBytes: o.RollupMaxBytes, OutOfOrder: o.OutOfOrder, Registry: o.Registry, Log: o.Log,
	})
	if err != nil {
		return backend{}, err
	}
	engine := promql.NewEngine(promql.EngineOpts{
		Logger: o.Log, Reg: o.Registry, MaxSamples: o.MaxSamples, Timeout: o.QueryTimeout,
		EnableAtModifier: true, EnableNegativeOffset: true, Parser: parser.NewParser(parser.Options{}),
		NoStepSubqueryIntervalFn: func(int64) int64 { return o.RuleInterval.Milliseconds() },
	})
	return backend{engine: engine, storage: store, raw: store.Raw(), rollup: store.Rollup(), embed: store}, nil
}

// Close closes the databases. Services must have returned before.
func (r *Room) Close() error { return r.closeStore() }

func (r *Room) closeStore() error {
	if r.backend.embed == nil {
		return nil
	}
	if err := r.backend.embed.Close(); err != nil {
		return fmt.Errorf("close the time series: %w", err)
	}
	return nil
}

// Size returns how much the embedded databases hold; false with an engine
// elsewhere.
func (r *Room) Size() (tsdbs.Size, bool) {
	if r.backend.embed == nil {
		return tsdbs.Size{}, false
	}
	return r.backend.embed.Size(), true
}

// API answers Prometheus's HTTP API below /api/v1/.
func (r *Room) API() http.Handler { return r.api }

// WriteHandler takes remote write from programs; API has it as /api/v1/write.
func (r *Room) WriteHandler() http.Handler { return r.intake.Programs() }

// Sender is an agent, as its certificate says.
type Sender = ingest.Sender

// AgentWriter takes remote write from agents. Who says which agent a request
// comes from; what the agent says about itself is overwritten.
func (r *Room) AgentWriter(who func(*http.Request) (Sender, bool)) http.Handler {
	return r.intake.Agents(who)
}
