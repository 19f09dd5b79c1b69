package logbook

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/respond/alert"
)

//go:embed schema/*.sql
var schema embed.FS

// Tables is the tables of the logbook.
var Tables = db.Schema{Room: "logbook", FS: schema}

var _ alert.Next = (*Desk)(nil)

// Pager is the stage after the desk: it has people told, in the transaction.
type Pager interface {
	Page(ctx context.Context, tx *db.Tx, p Page) error
}

// Page is what people are to be told.
type Page struct {
	Event  alert.Event
	Issue  *Issue // nil where the severity opened none
	Opened bool   // this event opened the issue, or opened it again
}

// Fleet says what belongs together; the hub hands it over.
type Fleet interface {
	ClientOf(instance string) string
	InstancesOn(server string) []string
	ServersOf(instance string) []string
}

// Auditor records who did what; the actor is in the context.
type Auditor interface {
	Record(ctx context.Context, tx *db.Tx, verb, object, reason string, details map[string]any) error
}

// Options is what a desk needs.
type Options struct {
	DB      *db.DB
	Log     *slog.Logger
	Next    Pager // may be nil: then nobody is paged
	Audit   Auditor
	Fleet   Fleet            // may be nil
	Now     func() time.Time // time.Now if nil
	Changed func(topic string)
}

// TopicIssues is the topic of Options.Changed.
const TopicIssues = "issues"

// Desk keeps the logbook.
type Desk struct{ o Options }

// New returns a desk.
func New(o Options) *Desk {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Changed == nil {
		o.Changed = func(string) {}
	}
	return &Desk{o: o}
}

func (d *Desk) now() time.Time { return d.o.Now().UTC().Truncate(time.Microsecond) }

// ErrNotFound says that there is no issue with the given id or number.
var ErrNotFound = errors.New("there is no such issue in the logbook")

// Invalid is a request that cannot be carried out; Message is for the person
// who made it.
type Invalid struct{ Message string }

func (e *Invalid) Error() string { return e.Message }

func invalidf(format string, args ...any) error {
	return &Invalid{Message: fmt.Sprintf(format, args...)}
}

func (d *Desk) changed(tx *db.Tx) { tx.After(func() { d.o.Changed(TopicIssues) }) }
