package metrics

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"runtime"
	"strconv"
	"time"

	"github.com/grafana/regexp"
	"github.com/prometheus/common/route"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/metadata"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/util/features"
	"github.com/prometheus/prometheus/util/notifications"
	v1 "github.com/prometheus/prometheus/web/api/v1"

	"github.com/vigie-ops/vigie/internal/observe/metrics/tsdbs"
)

// newAPI builds the HTTP API. The constructor takes some forty arguments by
// position, and a wrong nil panics only when its route is called: the test beside
// this file calls every route.
func (r *Room) newAPI() http.Handler {
	var (
		none     = nothing{}
		stats    v1.TSDBAdminStats
		examples storage.ExemplarQueryable = none
	)
	stats = none
	if s := r.backend.embed; s != nil {
		stats, examples = s, s.Exemplars()
	}
	log := r.o.Log.With("part", "api")
	started := r.o.Now()
	build := &v1.PrometheusVersion{
		// Clients choose what they send by Prometheus's version, not by ours.
		Version: "3.15.0", Revision: r.o.Version, Branch: "vigie", GoVersion: runtime.Version(),
	}
	api := v1.NewAPI(
		r.backend.engine,
		r.backend.storage,
		nil, nil, // appenders: writes are ours, below
		examples,
		func(context.Context) v1.ScrapePoolsRetriever { return none },
		func(context.Context) v1.TargetRetriever { return none },
		func(context.Context) v1.AlertmanagerRetriever { return none },
		func() config.Config { return config.DefaultConfig },
		map[string]string{},
		v1.GlobalURLOptions{ListenAddress: r.o.ExternalURL.Host, Host: r.o.ExternalURL.Host, Scheme: r.o.ExternalURL.Scheme},
		func(f http.HandlerFunc) http.HandlerFunc { return f }, // always ready: Open returns after the replay
		stats,
		r.o.Dir,
		false, // admin routes
		false, // search routes
		0,
		slog.New(quiet{log.Handler()}),
		func(context.Context) v1.RulesRetriever { return r.rules.Manager() },
		r.o.MaxSamples, 4, 1<<20, // remote read: samples, concurrency, bytes a frame
		false,                               // agent mode
		regexp.MustCompile(`^(?:no-cors)$`), // origins allowed across sites: none
		func() (v1.RuntimeInfo, error) { return r.runtimeInfo(started), nil },
		build,
		func() []notifications.Notification { return nil },
		func() (<-chan notifications.Notification, func(), bool) { return nil, func() {}, false },
		r.o.Registry, r.o.Registry,
		nil,   // statistics renderer: the default
		false, // remote write: ours
		nil,
		false, false, false, // OTLP
		false, // start time as zero sample
		5*time.Minute,
		false, // type and unit labels
		false, // append metadata
		nil,   // error codes: the default
		features.NewRegistry(),
		v1.OpenAPIOptions{},
		parser.NewParser(parser.Options{}),
	)
	router := route.New()
	api.Register(router.WithPrefix("/api/v1"))

	limited := r.limit(router)
	mux := http.NewServeMux()
	mux.Handle("/api/v1/", limited)
	mux.Handle("POST /api/v1/write", r.WriteHandler())
	mux.HandleFunc("GET /api/v1/metadata", r.serveMetadata)
	return mux
}

// limit bounds how many requests the API answers at once, together with the
// queries of pages.
func (r *Room) limit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		select {
		case r.query.Slots <- struct{}{}:
			defer func() { <-r.query.Slots }()
		case <-req.Context().Done():
			http.Error(w, "The request ended while it waited for its turn.", http.StatusServiceUnavailable)
			return
		}
		next.ServeHTTP(w, req)
	})
}

func (r *Room) runtimeInfo(started time.Time) v1.RuntimeInfo {
	info := v1.RuntimeInfo{
		StartTime: started, ServerTime: r.o.Now(), ReloadConfigSuccess: true, LastConfigTime: started,
		GoroutineCount: runtime.NumGoroutine(), GOMAXPROCS: runtime.GOMAXPROCS(0),
		StorageRetention: r.o.RawRetention.String(),
	}
	return info
}

// serveMetadata answers from what senders wrote; the API itself would ask scrape
// targets, of which a hub has none.
func (r *Room) serveMetadata(w http.ResponseWriter, req *http.Request) {
	limit := -1
	if s := req.FormValue("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			_ = json.NewEncoder(w).Encode(map[string]string{"status": "error", "errorType": "bad_data", "error": "limit must be a number"})
			return
		}
		limit = n
	}
	out := map[string][]metadata.Metadata{}
	if name := req.FormValue("metric"); name != "" {
		if m, ok := r.metadata.Get(name); ok && limit != 0 {
			out[name] = []metadata.Metadata{m}
		}
	} else {
		for name, m := range r.metadata.All() {
			if limit >= 0 && len(out) >= limit {
				break
			}
			out[name] = []metadata.Metadata{m}
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": out})
}

// nothing answers for the parts of a Prometheus that a hub does not have.
type nothing struct{}

var errNotHere = errors.New("a hub has no such thing")

func (nothing) ScrapePools() []string                                 { return []string{} }
func (nothing) TargetsActive() map[string][]*scrape.Target            { return nil }
func (nothing) TargetsDropped() map[string][]*scrape.Target           { return nil }
func (nothing) TargetsDroppedCounts() map[string]int                  { return nil }
func (nothing) ScrapePoolConfig(string) (*config.ScrapeConfig, error) { return nil, errNotHere }
func (nothing) Alertmanagers() []*url.URL                             { return nil }
func (nothing) DroppedAlertmanagers() []*url.URL                      { return nil }
func (nothing) CleanTombstones() error                                { return tsdbs.ErrNoAdmin }
func (nothing) Snapshot(string, bool) error                           { return tsdbs.ErrNoAdmin }
func (nothing) Stats(string, int) (*tsdb.Stats, error)                { return nil, errElsewhere }
func (nothing) WALReplayStatus() (tsdb.WALReplayStatus, error)        { return tsdb.WALReplayStatus{}, nil }
func (nothing) BlockMetas() ([]tsdb.BlockMeta, error)                 { return nil, nil }
func (nothing) Delete(context.Context, int64, int64, ...*labels.Matcher) error {
	return tsdbs.ErrNoAdmin
}

var errElsewhere = errors.New("the time series lie in another engine; ask it for its state")

func (nothing) ExemplarQuerier(context.Context) (storage.ExemplarQuerier, error) {
	return nothing{}, nil
}

func (nothing) Select(int64, int64, ...[]*labels.Matcher) ([]exemplar.QueryResult, error) {
	return nil, nil
}

// quiet drops what the API logs below errors: every malformed query is one.
type quiet struct{ slog.Handler }

func (quiet) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelError }
