package logsagent

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"regexp"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/vigie-ops/vigie/internal/observe/logs/parse"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// Files are files of one kind.
type Files struct {
	Paths     []string       // patterns; ** is not known
	Exclude   []string       // patterns of files among them that are left out
	Format    string         // of package parse; empty is guessed from the path
	Class     string         // empty is guessed, or left to the hub
	Service   string         // service.name where a line names none
	Begin     *regexp.Regexp // what a line begins with, where one has several; nil for the rules of traces
	Single    bool           // every line is one: traces are not put together
	Container bool           // lines are in an envelope of Docker or of a Kubernetes node
	History   bool           // at the first sight, rotated files are read too, also compressed ones
	Zone      *time.Location // of times that name none; the server's own if nil
}

// Journal says what is read of the journal.
type Journal struct {
	Units []string      // only these; all if empty
	Since time.Duration // how far back at the first start; 0 is nothing
}

// Options are what a shipper needs.
type Options struct {
	Files   []Files
	Journal *Journal // nil reads none
	// State is the file that remembers how far everything was sent.
	State string
	// Send hands a batch to the hub. ErrRefused says that sending it again is in
	// vain; any other error that it must be.
	Send func(ctx context.Context, payload []byte) error
	// Ended waits after failures; a test makes it short. May be nil.
	Backoff func(failures int) time.Duration
	Log     *slog.Logger
	Now     func() time.Time
}

// ErrRefused is what the hub will never take.
var ErrRefused = errors.New("the hub does not want these lines")

// Shipper ships lines to one hub.
type Shipper struct {
	o     Options
	state *state
	tails map[string]*tail // by the place of a file
	ctx   context.Context  //nolint:containedctx // of Run, for a file that is read whole
	zstd  *zstd.Encoder
	batch batch

	Sent, Refused, Cut, Unread atomic.Uint64 // lines
	journal                    chan journalEntry
	scanned                    time.Time
}

// Bounds of what is read at once and sent at once.
const (
	batchLines = 2000
	batchBytes = 1 << 20
	readAtOnce = 256 << 10
	maxLine    = 1 << 20
	pollEvery  = 200 * time.Millisecond
	scanEvery  = 3 * time.Second
	saveEvery  = time.Second
	holdLine   = time.Second      // how long a line waits for what may belong to it
	holdPart   = 10 * time.Second // how long a line without an end waits for it
)

// New returns a shipper that does nothing until Run.
func New(o Options) (*Shipper, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Backoff == nil {
		o.Backoff = func(n int) time.Duration { return min(time.Second<<min(n, 6), time.Minute) }
	}
	for _, f := range o.Files {
		if f.Format != "" {
			if _, err := parse.New(f.Format, parse.Options{}); err != nil {
				return nil, err
			}
		}
	}
	z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(512<<10))
	if err != nil {
		return nil, err
	}
	return &Shipper{o: o, zstd: z, tails: map[string]*tail{}, journal: make(chan journalEntry)}, nil
}

// batch is what goes together.
type batch struct {
	lines record.Batch
	bytes int
	// moves are what the state becomes once the hub has the lines.
	moves []func(*state)
}

func (b *batch) full() bool { return len(b.lines.Records) >= batchLines || b.bytes >= batchBytes }

// Run ships until ctx is done.
func (s *Shipper) Run(ctx context.Context) error {
	var err error
	s.ctx = ctx
	if s.state, err = openState(s.o.State); err != nil {
		return err
	}
	defer s.closeTails()
	journalDone := make(chan struct{})
	jctx, cancel := context.WithCancel(ctx)
	defer func() { cancel(); <-journalDone }()
	go func() {
		defer close(journalDone)
		if s.o.Journal != nil {
			s.readJournal(jctx, s.state.Journal)
		}
	}()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	saved := s.o.Now()
	for {
		more := s.poll()
		if len(s.batch.lines.Records) > 0 {
			if err := s.send(ctx); err != nil {
				return s.end(ctx, err)
			}
		}
		for len(s.batch.moves) > 0 { // files of which nothing was worth sending
			s.batch.moves[0](s.state)
			s.batch.moves = s.batch.moves[1:]
		}
		if now := s.o.Now(); now.Sub(saved) >= saveEvery {
			saved = now
			s.save()
		}
		if more && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return s.end(ctx, nil)
		case e := <-s.journal:
			s.takeJournal(e)
		case <-tick.C:
		}
	}
}

// end keeps how far it came.
func (s *Shipper) end(ctx context.Context, err error) error {
	s.save()
	if ctx.Err() != nil {
		err = nil // told to stop, which is no failure
	}
	return err
}

func (s *Shipper) save() {
	if err := s.state.save(); err != nil {
		s.o.Log.Error("how far logs were sent cannot be kept; after a restart some are sent again, and known", "err", err)
	}
}

// send hands the batch over, again and again until the hub has it: meanwhile
// nothing is read.
func (s *Shipper) send(ctx context.Context) error {
	raw := record.AppendBatch(nil, &s.batch.lines)
	payload := s.zstd.EncodeAll(raw, nil)
	n := uint64(len(s.batch.lines.Records))
	for failures := 0; ; failures++ {
		err := s.o.Send(ctx, payload)
		if err == nil {
			s.Sent.Add(n)
			break
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if isRefused(err) {
			s.Refused.Add(n)
			s.o.Log.Error("the hub refuses lines of logs; they stay in their files only", "lines", n, "err", err)
			break
		}
		if failures == 0 {
			s.o.Log.Warn("lines of logs are not taken, trying again", "lines", n, "err", err)
		}
		timer := time.NewTimer(s.o.Backoff(failures))
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
	for _, move := range s.batch.moves {
		move(s.state)
	}
	s.batch = batch{lines: record.Batch{Records: s.batch.lines.Records[:0], Marks: s.batch.lines.Marks[:0]}}
	return nil
}

func (s *Shipper) closeTails() {
	for _, t := range s.tails {
		t.close()
	}
}

// add puts a line into the batch.
func (s *Shipper) add(r record.Record, stream string, offset int64) {
	s.batch.lines.Records = append(s.batch.lines.Records, r)
	s.batch.lines.Marks = append(s.batch.lines.Marks, record.Mark{Stream: stream, Offset: offset})
	s.batch.bytes += len(r.Message) + 200
}

func (s *Shipper) context() context.Context { return s.ctx }

func isRefused(err error) bool { return errors.Is(err, ErrRefused) }

// hostZone is the time zone of this server.
func hostZone(z *time.Location) *time.Location {
	if z != nil {
		return z
	}
	return time.Local
}

// readable says whether a path is a file that can be read.
func readable(path string) (os.FileInfo, bool) {
	info, err := os.Stat(path)
	return info, err == nil && info.Mode().IsRegular()
}
