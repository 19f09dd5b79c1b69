package logs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/lib/logattr"
	"github.com/vigie-ops/vigie/internal/observe/logs/ingest"
	"github.com/vigie-ops/vigie/internal/observe/logs/logstore"
	"github.com/vigie-ops/vigie/internal/observe/logs/mask"
	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/signal"
)

// Options are what the room needs of the hub.
type Options struct {
	DB  *db.DB
	Dir string // of the store
	// Documents are patterns of the indices that programs which search logs keep
	// for themselves.
	Documents []string
	Total     int64 // bytes that all files may have; zero is no cap
	Memory    int64 // bytes of lines before files are written; zero is the store's own
	Sink      signal.Sink
	Registry  prometheus.Registerer
	Log       *slog.Logger
	Now       func() time.Time
}

// Room takes lines in and keeps them.
type Room struct {
	o      Options
	store  *logstore.Store
	intake *ingest.Intake
	docs   *Documents

	routes  atomic.Pointer[router]
	keeping atomic.Pointer[keeping]
	masker  atomic.Pointer[mask.Masker]
	masked  *prometheus.CounterVec

	damage struct {
		sync.Mutex
		since  time.Time
		files  int
		newest string
		told   bool
	}
}

// Open opens the store. It starts nothing.
func Open(o Options) (*Room, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	r := &Room{o: o, docs: NewDocuments(o.DB, o.Documents, o.Now)}
	r.apply(nil, Policy{}, fleet.NewSnapshot(nil))
	lines := promauto.With(o.Registry).NewCounterVec(prometheus.CounterOpts{
		Name: "vigie_logs_lines_total", Help: "Log lines by the way they came and what became of them.",
	}, []string{"protocol", "outcome"})
	synced := promauto.With(o.Registry).NewHistogram(prometheus.HistogramOpts{
		Name: "vigie_logs_sync_seconds", Help: "How long writes to the write-ahead log took.", Buckets: []float64{.001, .003, .01, .03, .1, .3, 1, 3},
	})
	r.masked = promauto.With(o.Registry).NewCounterVec(prometheus.CounterOpts{
		Name: "vigie_logs_masked_total", Help: "Secrets and personal data that were taken out of log lines, by kind.",
	}, []string{"kind"})
	var err error
	r.store, err = logstore.Open(logstore.Options{
		Dir: o.Dir, Total: o.Total, Memory: o.Memory, Now: o.Now, Logger: o.Log,
		Retention: func(owner record.Owner, class string) time.Duration { return r.keeping.Load().keep(owner, class) },
		Held:      func(owner record.Owner) bool { return r.keeping.Load().held(owner) },
		Cap:       func(owner record.Owner) int64 { return r.keeping.Load().cap(owner) },
		Damaged:   r.damaged,
		Synced:    func(_, _ int, took time.Duration) { synced.Observe(took.Seconds()) },
	})
	if err != nil {
		return nil, err
	}
	r.intake = ingest.New(ingest.Options{
		To: r.store, Route: func(s ingest.Sender, line *record.Record) { r.routes.Load().route(s, line) }, Mask: r.mask, Now: o.Now, Log: o.Log,
		Count: func(protocol string, taken, known, refused int) {
			lines.WithLabelValues(protocol, "stored").Add(float64(taken))
			lines.WithLabelValues(protocol, "known").Add(float64(known))
			lines.WithLabelValues(protocol, "refused").Add(float64(refused))
		},
	})
	return r, nil
}

// Close closes the store. Services must have ended.
func (r *Room) Close() error { return r.store.Close() }

// Store is where the lines are.
func (r *Room) Store() *logstore.Store { return r.store }

// Intake takes lines in from shippers.
func (r *Room) Intake() *ingest.Intake { return r.intake }

// Documents are what programs that search logs keep for themselves.
func (r *Room) Documents() *Documents { return r.docs }

// Service is background work of the room.
type Service interface {
	Name() string
	Run(ctx context.Context) error
}

// Services are the background work of the room.
func (r *Room) Services() []Service { return []Service{r.store, damageTeller{r}} }

// ServerAt finds the server of an address.
func (r *Room) ServerAt(address string) (slug string, ok bool) {
	slug, ok = r.routes.Load().server[address]
	return slug, ok
}

// ApplyOps implements opsrepo.Applier: routes and policy count once the
// generation is stored.
func (r *Room) ApplyOps(_ context.Context, tx *db.Tx, g *opsrepo.Generation) error {
	policy, _ := ThePolicy.Of(g)
	routes, snapshot := Routes.Of(g), fleet.NewSnapshot(g)
	tx.After(func() { r.apply(routes, policy, snapshot) })
	return nil
}

var _ opsrepo.Applier = (*Room)(nil)

func (r *Room) apply(routes []Route, policy Policy, f *fleet.Snapshot) {
	k := newKeeping(policy, f)
	r.keeping.Store(&k)
	r.routes.Store(newRouter(routes, f))
	r.masker.Store(policy.masker())
}

// Keeps says how long lines of an owner and class are searchable.
func (r *Room) Keeps(owner record.Owner, class string) time.Duration {
	return r.keeping.Load().keep(owner, class)
}

// Held says that nothing of an owner is deleted: a legal hold is in force.
func (r *Room) Held(owner record.Owner) bool { return r.keeping.Load().held(owner) }

// Search asks the store.
func (r *Room) Search(ctx context.Context, q query.Request) (*query.Result, error) {
	return r.store.Search(ctx, q)
}

// damaged is told by the store of what it set aside.
func (r *Room) damaged(path string, err error) {
	r.o.Log.Error("a file of logs is damaged and was set aside", "file", path, logattr.Err(err))
	d := &r.damage
	d.Lock()
	defer d.Unlock()
	if d.since.IsZero() {
		d.since = r.o.Now().UTC()
	}
	d.files++
	d.newest, d.told = path, false
}

// damageTeller reports damage as an alert, until it is taken.
type damageTeller struct{ r *Room }

// Name implements Service.
func (damageTeller) Name() string { return "damaged logs" }

// damageStands is how long the alert stands after the last damage.
const damageStands = 7 * 24 * time.Hour

// Run implements Service.
func (t damageTeller) Run(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		if err := t.r.tellDamage(ctx); err != nil && !errors.Is(err, context.Canceled) {
			t.r.o.Log.Error("damage of logs could not be told", logattr.Err(err))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func (r *Room) tellDamage(ctx context.Context) error {
	d := &r.damage
	d.Lock()
	since, files, newest, told := d.since, d.files, d.newest, d.told
	d.Unlock()
	if told || files == 0 || r.o.Sink == nil {
		return nil
	}
	now := r.o.Now().UTC()
	err := r.o.Sink.Report(ctx, signal.Signal{
		Detector: "logs", Subject: signal.Subject{Kind: signal.Hub}, State: signal.Firing, StartsAt: since, At: now, Until: now.Add(damageStands),
		Labels: map[string]string{signal.LabelName: "LogsDamaged", signal.LabelSeverity: string(signal.Warning)},
		Annotations: map[string]string{
			signal.Summary:     "Files of logs are damaged",
			signal.Description: fmt.Sprintf("%d files could not be read and were set aside, the last one %s. Their lines are not found until the files are restored.", files, newest),
			signal.Value:       fmt.Sprintf("%d files", files),
			signal.FirstStep:   "Restore the files from a backup of the hub's data. If more follow, the disk of the hub is failing: move the hub before anything else.",
			signal.Link:        "/logs",
		},
	})
	if err != nil {
		return err
	}
	d.Lock()
	defer d.Unlock()
	d.told = d.files == files
	return nil
}

// Erase deletes every line of an owner, with proof.
func (r *Room) Erase(ctx context.Context, owner record.Owner) (logstore.Erased, error) {
	out, err := r.store.Erase(ctx, owner)
	if err != nil {
		return out, err
	}
	if _, err := r.docs.Erase(ctx, owner); err != nil {
		return out, err
	}
	r.o.Log.Info("all lines of an owner were erased", "owner", ownerName(owner), "lines", out.Lines, "files", len(out.Files), "left", len(out.Left))
	return out, nil
}

// maxBatch bounds a batch of an agent once decompressed.
const maxBatch = 32 << 20

// unpackers are used again: a new one takes a megabyte.
var unpackers = sync.Pool{New: func() any {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxBatch))
	if err != nil {
		panic("logs: " + err.Error()) // the options are constants
	}
	return z
}}

// TakeFrom takes the lines that the agent of a server sent. record.ErrCorrupt
// says that they cannot be read, record.ErrBusy that they are to be sent again.
func (r *Room) TakeFrom(ctx context.Context, server string, payload []byte) error {
	z := unpackers.Get().(*zstd.Decoder)
	raw, err := z.DecodeAll(payload, nil)
	unpackers.Put(z)
	if err != nil {
		return fmt.Errorf("%w: %w", record.ErrCorrupt, err)
	}
	b, err := record.DecodeBatch(raw)
	if err != nil {
		return err
	}
	for i := range b.Records {
		one := &b.Records[i]
		if err := fromAgent(one); err != nil {
			return err
		}
		// Streams of two servers are two, whatever they are called.
		b.Marks[i].Stream = server + ":" + b.Marks[i].Stream
	}
	return r.intake.TakeBatch(ctx, ingest.Sender{Name: server, Server: server}, b)
}

// fromAgent looks whether a line is as an agent makes them: what is decoded is
// whatever was sent.
func fromAgent(r *record.Record) error {
	r.Owner, r.Seq, r.Ingested = record.Owner{}, 0, 0
	if !utf8.ValidString(r.Message) || len(r.Fields) > 2000 {
		return record.ErrCorrupt
	}
	for i, f := range r.Fields {
		if record.Reserved(f.Name) || strings.HasPrefix(f.Name, "vigie.") || f.Name == "" || len(f.Name) > 512 || !utf8.ValidString(f.Name) || !utf8.ValidString(f.Value.Str) ||
			f.Value.Kind == record.None || i > 0 && f.Name < r.Fields[i-1].Name {
			return record.ErrCorrupt
		}
	}
	return nil
}
