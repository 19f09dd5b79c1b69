package alert

import (
	"context"
	"embed"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/signal"
)

//go:embed schema/*.sql
var schema embed.FS

// Tables is the tables of the board.
var Tables = db.Schema{Room: "alert", FS: schema}

var _ signal.Sink = (*Board)(nil)

// The topics of Options.Changed.
const (
	TopicAlerts   = "alerts"
	TopicSilences = "silences"
)

// Options is what a board needs.
type Options struct {
	DB      *db.DB
	Log     *slog.Logger
	Next    Next
	Audit   Auditor
	Now     func() time.Time   // time.Now if nil
	Changed func(topic string) // called after a commit that pages show; may be nil
	Policy  Policy             // until a generation is applied
	// ServersOf names the servers that an instance runs on. If all of them are
	// silent, they hide the instance's alerts; nil hides none.
	ServersOf func(instance string) []string
	// Silent says of a server whether its agent is late or silent, and whether
	// ServerUnresponsive had its time to say so. Until then what is wrong with
	// the server waits; nil lets nothing wait.
	Silent func(server string) (silent, decided bool)
	// Together names the servers for which ManyServersSilent stands, sorted;
	// nil stands for none.
	Together func() []string
}

// Board is what is wrong now. All of it is rows of the database; the open
// alerts are in memory too, so that reporting again what is known costs
// nothing. One process has a board; several callers may use it.
type Board struct {
	o      Options
	policy atomic.Pointer[Policy]
	stale  atomic.Bool // the policy changed: what hides what must be worked out anew
	kick   chan struct{}

	mu      sync.Mutex // held by whatever changes the board, also over the transaction
	loaded  bool
	mutedAt time.Time            // up to when silences and inhibition are worked in
	mutedBy []string             // servers silent together, as worked in last
	ticked  time.Time            // when time was last let pass
	retryAt map[string]time.Time // groups whose flush failed or waits

	cache    sync.RWMutex // held for moments: guards the two below
	open     map[string]*record
	byGroup  map[string]map[string]*record // group key, id
	silences []Silence                     // all that have not ended, by id
}

// New returns a board. It reads nothing until it is used.
func New(o Options) *Board {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Changed == nil {
		o.Changed = func(string) {}
	}
	if o.ServersOf == nil {
		o.ServersOf = func(string) []string { return nil }
	}
	if o.Silent == nil {
		o.Silent = func(string) (silent, decided bool) { return false, true }
	}
	if o.Together == nil {
		o.Together = func() []string { return nil }
	}
	b := &Board{o: o, kick: make(chan struct{}, 1), retryAt: map[string]time.Time{}}
	b.SetPolicy(o.Policy)
	return b
}

// now is the time to the microsecond, which is what both databases keep.
func (b *Board) now() time.Time { return b.o.Now().UTC().Truncate(time.Microsecond) }

// Policy is what counts now.
func (b *Board) Policy() Policy { return *b.policy.Load() }

// SetPolicy changes what counts from now on. Open alerts keep their group.
func (b *Board) SetPolicy(p Policy) {
	p = p.withDefaults()
	b.policy.Store(&p)
	b.stale.Store(true)
	b.wake()
}

// wake has the flusher look again.
func (b *Board) wake() {
	select {
	case b.kick <- struct{}{}:
	default:
	}
}

// load reads the open alerts and silences once. Callers hold mu.
func (b *Board) load(ctx context.Context) error {
	if b.loaded {
		return nil
	}
	open, err := openRecords(ctx, b.o.DB.Read())
	if err != nil {
		return err
	}
	silences, err := silencesAt(ctx, b.o.DB.Read(), b.now())
	if err != nil {
		return err
	}
	now := b.now()
	b.cache.Lock()
	defer b.cache.Unlock()
	b.open, b.byGroup, b.silences = map[string]*record{}, map[string]map[string]*record{}, silences
	for _, r := range open {
		// Nobody could report while the hub was down: what must be reported
		// again in time has that time from now on.
		for s, until := range r.votes {
			if !until.IsZero() {
				r.votes[s] = later(until, now.Add(until.Sub(r.LastReportedAt)))
			}
		}
		_, r.Until = worst(r.votes)
		b.keep(r)
	}
	b.loaded = true
	return nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// keep puts a committed record into the cache. Callers hold cache.
func (b *Board) keep(r *record) {
	if old := b.open[r.Fingerprint]; old != nil && old.ID == r.ID {
		delete(b.open, r.Fingerprint)
		delete(b.byGroup[old.Group], old.ID)
		if len(b.byGroup[old.Group]) == 0 {
			delete(b.byGroup, old.Group)
		}
	}
	if r.State != Firing {
		return
	}
	b.open[r.Fingerprint] = r
	if b.byGroup[r.Group] == nil {
		b.byGroup[r.Group] = map[string]*record{}
	}
	b.byGroup[r.Group][r.ID] = r
}

// Open returns what the detector has firing, as it was reported, so that a
// detector that starts knows what to resolve.
func (b *Board) Open(ctx context.Context, detector string) ([]signal.Signal, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.load(ctx); err != nil {
		return nil, err
	}
	var open []signal.Signal
	for _, r := range b.open {
		if r.Detector != detector {
			continue
		}
		for severity, until := range r.votes {
			l := make(map[string]string, len(r.Labels))
			for k, v := range r.Labels {
				l[k] = v
			}
			l[signal.LabelSeverity] = string(severity)
			open = append(open, signal.Signal{
				Detector: r.Detector, Subject: r.Subject, State: signal.Firing, Labels: l, Annotations: r.Annotations,
				StartsAt: r.StartedAt, At: r.LastReportedAt, Until: until,
			})
		}
	}
	return open, nil
}
