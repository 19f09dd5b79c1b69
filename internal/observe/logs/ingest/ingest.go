// Package ingest takes lines in from others than agents: shippers and programs
// that speak Elasticsearch, syslog, OTLP, Loki, journald's upload or plain
// NDJSON. What all of them have in common is here: who sent it, whom it belongs
// to, what of it is masked, and what becomes of times that cannot be true. What
// is answered as taken is on the disk.
package ingest

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// Sink is the next stage: the store.
type Sink interface {
	// Append keeps a batch and returns when it is on the disk, with what became
	// of each of its lines. It sets their Seq and Ingested.
	Append(ctx context.Context, b record.Batch) ([]record.Outcome, error)
}

// ErrBusy is a sink that takes nothing for a while.
var ErrBusy = record.ErrBusy

// Sender is who sends, as the listener found out.
type Sender struct {
	Name   string // of its token, or its address
	Server string // slug of the server it is on; empty where nobody knows
	// Owners limits whom its lines may belong to; nil for no limit.
	Owners func(record.Owner) bool
}

type senderKey struct{}

// With says in a context who sends.
func With(ctx context.Context, s Sender) context.Context {
	return context.WithValue(ctx, senderKey{}, s)
}

// From returns who sends.
func From(ctx context.Context) Sender {
	s, _ := ctx.Value(senderKey{}).(Sender)
	return s
}

// Options are what an intake needs.
type Options struct {
	To Sink
	// Route sets owner, class and labels of a line by who sent it and what it says.
	Route func(s Sender, r *record.Record)
	// Mask takes secrets out of a line; may be nil.
	Mask func(r *record.Record)
	// Count is told of each request how many lines were taken, known already, and
	// refused, by protocol; may be nil.
	Count  func(protocol string, taken, known, refused int)
	Limits record.Limits
	// Body is the largest request, uncompressed, 64 MiB; Line the largest line, 1 MiB.
	Body, Line int
	Now        func() time.Time
	Log        *slog.Logger
}

// Intake takes lines in.
type Intake struct{ o Options }

// New returns an intake.
func New(o Options) *Intake {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Mask == nil {
		o.Mask = func(*record.Record) {}
	}
	if o.Count == nil {
		o.Count = func(string, int, int, int) {}
	}
	o.Body, o.Line = cmp.Or(o.Body, 64<<20), cmp.Or(o.Line, 1<<20)
	return &Intake{o: o}
}

// How far a time may lie from the hub's clock to be believed.
const (
	ahead  = time.Hour
	behind = 400 * 24 * time.Hour
)

// errOwner is a line that would belong to somebody its sender may not write for.
var errOwner = errors.New("this token may not write lines for their owner; the operations repository says whom it may write for")

// prepare readies a line that was read: time, owner, masking.
func (in *Intake) prepare(s Sender, r *record.Record, now time.Time) error {
	at := now.UnixNano()
	switch {
	case r.Time == 0:
		r.Time = at
	case r.Time > at+int64(ahead) || r.Time < at-int64(behind):
		r.Put(record.Sent, record.TimeValue(r.Time))
		r.Put(record.Skewed, record.BoolValue(true))
		r.Time = at
	}
	in.o.Route(s, r)
	if s.Owners != nil && !s.Owners(r.Owner) {
		return errOwner
	}
	in.o.Mask(r)
	return nil
}

// Take keeps lines, in the name of who sends. It is for protocols in which a
// request is taken whole or not at all.
func (in *Intake) Take(ctx context.Context, protocol string, lines []record.Record) (refused int, err error) {
	s, now := From(ctx), in.o.Now()
	kept := lines[:0]
	for i := range lines {
		if in.prepare(s, &lines[i], now) != nil {
			refused++
			continue
		}
		kept = append(kept, lines[i])
	}
	if len(kept) == 0 {
		in.o.Count(protocol, 0, 0, refused)
		return refused, nil
	}
	outcomes, err := in.o.To.Append(ctx, record.Batch{Records: kept})
	if err != nil {
		return refused, err
	}
	taken := 0
	for _, o := range outcomes {
		if o == record.Stored {
			taken++
		}
	}
	in.o.Count(protocol, taken, len(kept)-taken, refused)
	return refused, nil
}

// TakeBatch keeps lines of an agent, which count in their streams. Lines that
// cannot be kept are counted, and known from then on.
func (in *Intake) TakeBatch(ctx context.Context, s Sender, b record.Batch) error {
	now := in.o.Now()
	for i := range b.Records {
		r := &b.Records[i]
		r.Put(record.Stream, record.StringValue(b.Marks[i].Stream))
		if err := in.prepare(s, r, now); err != nil {
			return err
		}
	}
	outcomes, err := in.o.To.Append(ctx, b)
	if err != nil {
		return err
	}
	taken := 0
	for _, o := range outcomes {
		if o == record.Stored {
			taken++
		}
	}
	in.o.Count("agent", taken, len(outcomes)-taken, 0)
	return nil
}
