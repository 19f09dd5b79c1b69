package notify

import (
	"context"
	"embed"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/lib/secret"
	"github.com/vigie-ops/vigie/internal/respond/alert"
	"github.com/vigie-ops/vigie/internal/respond/logbook"
	"github.com/vigie-ops/vigie/internal/signal"
)

//go:embed schema/*.sql
var schema embed.FS

// Tables is the tables of notify.
var Tables = db.Schema{Room: "notify", FS: schema}

var _ logbook.Pager = (*Courier)(nil)

// Board is what notify asks of the board of alerts.
type Board interface {
	List(ctx context.Context, f alert.Filter) (alert.Page, error)
	Acknowledge(ctx context.Context, actor, reason string, until time.Time, ids ...string) ([]alert.Alert, error)
}

// Book is where the timeline of an issue is kept.
type Book interface {
	Note(ctx context.Context, tx *db.Tx, issue string, e logbook.Entry) error
}

// Directory knows the people of the company.
type Directory interface {
	Person(slug string) (Recipient, bool)
	Members(team string) []Recipient
}

// KeySource hands out the keys that the hub made, by name.
type KeySource interface {
	Key(ctx context.Context, name string) ([]byte, error)
}

// Auditor records who did what; the actor is in the context.
type Auditor interface {
	Record(ctx context.Context, tx *db.Tx, verb, object, reason string, details map[string]any) error
}

// Options is what a courier needs.
type Options struct {
	DB      *db.DB
	Log     *slog.Logger
	Board   Board
	Book    Book
	People  Directory
	Keys    KeySource
	Audit   Auditor
	Kinds   map[string]Maker                                         // by Config.Kind
	MayRead func(secret.Ref) error                                   // why a secret of the repository is not read; all are if nil
	BaseURL func() string                                            // of the console, without a trailing slash
	Company func() string                                            // its name, for the foot of a mail
	As      func(ctx context.Context, person string) context.Context // that person, acting through a link
	Now     func() time.Time
	Changed func(topic string)
}

// TopicNotifications is the topic of Options.Changed.
const TopicNotifications = "notifications"

// Courier delivers messages.
type Courier struct {
	o        Options
	channels atomic.Pointer[map[string]Config]
	// mailChannel is the slug of the first channel that sends mail, or "".
	mailChannel atomic.Pointer[string]
	sink        atomic.Pointer[signal.Sink]
	kick        chan struct{}
	routes      atomic.Pointer[[]alert.Route]
	// routesStale says that the routes are to be looked at now.
	routesStale atomic.Bool
	linkless    atomic.Bool // links cannot be made, and the log says so
	started     time.Time

	watching sync.Mutex // guards routesAt: one Watch at a time
	routesAt time.Time  // when the routes were looked at last

	mu       sync.Mutex
	inFlight map[string]bool  // deliveries that are being sent now
	turns    map[string]*turn // by channel
}

// New returns a courier. It sends nothing until its jobs are worked.
func New(o Options) *Courier {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Changed == nil {
		o.Changed = func(string) {}
	}
	if o.BaseURL == nil {
		o.BaseURL = func() string { return "" }
	}
	if o.Company == nil {
		o.Company = func() string { return "" }
	}
	if o.As == nil {
		o.As = func(ctx context.Context, _ string) context.Context { return ctx }
	}
	c := &Courier{o: o, kick: make(chan struct{}, 1), inFlight: map[string]bool{}, turns: map[string]*turn{}}
	c.started = c.now()
	c.SetChannels(nil)
	return c
}

// ReportTo has the courier report channels that fail to s.
func (c *Courier) ReportTo(s signal.Sink) { c.sink.Store(&s) }

func (c *Courier) now() time.Time { return c.o.Now().UTC().Truncate(time.Microsecond) }

func (c *Courier) wake() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

// ErrNotFound says that there is no delivery with the given id.
var ErrNotFound = errors.New("there is no such notification")
