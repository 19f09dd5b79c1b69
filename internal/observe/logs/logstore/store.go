// Package logstore keeps log lines: in a write-ahead log and in memory first, in
// immutable Parquet files once they are worth one. A line that Append
// acknowledged is on the disk and is found by the next Search.
//
// On the disk, under one folder:
//
//	wal/                                      what came last, whoever it belongs to
//	parts/KIND/SLUG/CLASS/DAY/NAME.parquet    all else: a folder for each owner, class and day
//	days/DAY                                  which files count: a journal a day
//	ids, older-ids/                           which documents with an id came
//	aside/                                    files that are damaged
//
// Retention and erasure are deletions of files and folders. A copy of the
// folder is a backup of it, and any tool that reads Parquet reads the parts.
package logstore

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/vigie-ops/vigie/internal/lib/logattr"
	"github.com/vigie-ops/vigie/internal/observe/logs/part"
	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
	"github.com/vigie-ops/vigie/internal/observe/logs/wal"
)

// Options say how lines are kept. Zero fields take the defaults.
type Options struct {
	Dir string
	// Retention is how long the lines of an owner and class are kept after the
	// day they are of; zero is for ever. Nil keeps all.
	Retention func(record.Owner, string) time.Duration
	// Held says that nothing of an owner is deleted, whatever Retention says.
	Held func(record.Owner) bool
	// Cap is how many bytes of files an owner may have; beyond, the oldest days go.
	// Zero is no cap. Nil caps nobody.
	Cap func(record.Owner) int64
	// Total is how many bytes all files may have together; zero is no cap.
	Total int64

	// Memory is how many bytes of lines are in memory before files are written,
	// 48 MiB; at twice that nothing is taken for a while.
	Memory int64
	// Log is how many bytes the write-ahead log grows to before what is oldest in
	// it gets files, 256 MiB.
	Log int64
	// FileLines is how many lines a file of one owner, class and day is written
	// with at once, 200,000.
	FileLines int
	// IDs is how many documents' ids are in memory, 1,048,576; older ones are looked
	// up on the disk.
	IDs int
	// Searches is how many questions are answered at once; the others wait. 4.
	Searches int
	// Timeout ends an answer that takes longer, with what was found; 30 s.
	Timeout time.Duration

	Now func() time.Time
	// Damaged is told of files that were set aside, and of gaps in the
	// write-ahead log.
	Damaged func(path string, err error)
	// Synced is told how long writes to the write-ahead log take. May be nil.
	Synced func(entries, bytes int, took time.Duration)
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	o.Memory, o.Log = cmp.Or(o.Memory, 48<<20), cmp.Or(o.Log, 256<<20)
	o.FileLines, o.IDs, o.Searches = cmp.Or(o.FileLines, 200_000), cmp.Or(o.IDs, 1<<20), cmp.Or(o.Searches, 4)
	o.Timeout = cmp.Or(o.Timeout, 30*time.Second)
	if o.Retention == nil {
		o.Retention = func(record.Owner, string) time.Duration { return 0 }
	}
	if o.Held == nil {
		o.Held = func(record.Owner) bool { return false }
	}
	if o.Cap == nil {
		o.Cap = func(record.Owner) int64 { return 0 }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Damaged == nil {
		o.Damaged = func(string, error) {}
	}
	return o
}

// Store keeps lines. It is a query.Searcher.
type Store struct {
	o   Options
	log *wal.Log

	// Of the write-ahead log's callbacks alone, which come one at a time.
	order orderly

	// room is signalled when memory was freed.
	room *sync.Cond

	mu    sync.Mutex
	mem   map[place]*memory
	bytes int64 // of lines in memory
	files map[place][]*file
	tails map[*Tail]struct{}

	// stopMerge ends the merge under way, for files that come first; nil without one.
	stopMerge context.CancelFunc
	// mergeAfter is of Run alone.
	mergeAfter time.Time

	// writing is held by whoever writes, replaces or deletes files.
	writing sync.Mutex
	days    map[string]*day // by date
	ids     *idBook
	changed map[place]bool // where files may be worth merging

	kick    chan struct{}
	slots   chan struct{} // of searches
	workers int
}

var _ query.Searcher = (*Store)(nil)

// place is where lines lie: an owner's, of a class, of a day in UTC.
type place struct {
	owner record.Owner
	class string
	day   int32 // since 1970
}

const dayLength = int64(24 * time.Hour)

func dayOf(ns int64) int32 {
	d := ns / dayLength
	if ns%dayLength < 0 {
		d--
	}
	return int32(d) //nolint:gosec // nanoseconds hold 292 years
}

func (p place) date() string { return time.Unix(0, int64(p.day)*dayLength).UTC().Format(time.DateOnly) }

func (p place) folder() string {
	return filepath.Join("parts", p.owner.Kind, p.owner.Slug, p.class, p.date())
}

func (p place) info() part.Info { return part.Info{Owner: p.owner, Class: p.class, Day: p.date()} }

// Open reads what there is and makes it ready for more. Damage is told to
// Options.Damaged and is no error.
func Open(o Options) (*Store, error) {
	s := &Store{
		o: o.withDefaults(), mem: map[place]*memory{}, files: map[place][]*file{}, tails: map[*Tail]struct{}{}, days: map[string]*day{},
		changed: map[place]bool{}, kick: make(chan struct{}, 1), workers: runtime.GOMAXPROCS(0),
	}
	s.room = sync.NewCond(&s.mu)
	s.slots = make(chan struct{}, s.o.Searches)
	s.order = orderly{s: s, seq: 1, marks: map[stream]mark{}}
	for _, dir := range []string{"wal", "parts", "days", "aside"} {
		if err := os.MkdirAll(filepath.Join(s.o.Dir, dir), 0o700); err != nil {
			return nil, fmt.Errorf("open the store of logs: %w", err)
		}
	}
	if err := s.openIDs(); err != nil {
		return nil, fmt.Errorf("open the store of logs: %w", err)
	}
	if err := s.openDays(); err != nil {
		return nil, fmt.Errorf("open the store of logs: %w", err)
	}
	log, report, err := wal.Open(filepath.Join(s.o.Dir, "wal"), wal.Options{
		SegmentBytes: s.o.Log / 8, Head: s.order.head, Aside: filepath.Join(s.o.Dir, "aside"), Synced: s.o.Synced,
	}, s.replay)
	if err != nil {
		return nil, fmt.Errorf("open the store of logs: %w", err)
	}
	s.log = log
	for _, d := range report.Damaged {
		s.o.Damaged(filepath.Join("wal", d.Segment), fmt.Errorf("%d bytes of the write-ahead log at %d cannot be read; they are in %s", d.Bytes, d.At, cmp.Or(d.Aside, "their place")))
	}
	if report.Torn > 0 {
		s.o.Logger.Info("the end of the write-ahead log was torn and is cut off; nothing of it was acknowledged", "bytes", report.Torn)
	}
	return s, nil
}

// Name implements the hub's services.
func (s *Store) Name() string { return "logs store" }

// How often the store looks after itself, and how long it waits after a
// failure, such as a full disk.
const (
	lookEvery  = time.Second
	sweepEvery = 10 * time.Minute
	afterError = 10 * time.Second
)

// Run writes and merges files and deletes what is old, until ctx is done.
func (s *Store) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var swept, failed time.Time
	for {
		now := s.o.Now()
		if now.Sub(failed) >= afterError {
			err := s.flushDue(ctx)
			if err == nil {
				err = s.mergeDue(ctx)
			}
			if err == nil && now.Sub(swept) >= sweepEvery {
				err, swept = s.sweep(ctx), now
				if err == nil {
					err = s.tidyIDs()
				}
			}
			if err != nil && ctx.Err() == nil {
				failed = now
				s.o.Logger.Error("the store of logs cannot tidy up; what came is in its write-ahead log", logattr.Err(err))
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		case <-s.kick:
		}
	}
}

func (s *Store) wake() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// Close closes the store; nothing is lost, and the next Open reads the
// write-ahead log again. Run must have returned.
func (s *Store) Close() error {
	err := s.log.Close()
	s.ids.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for t := range s.tails {
		t.end()
	}
	return err
}

// places lists where lines are, newest day first.
func (s *Store) places() []place {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := map[place]bool{}
	for p := range s.mem {
		seen[p] = true
	}
	for p := range s.files {
		seen[p] = true
	}
	out := make([]place, 0, len(seen))
	for p := range seen {
		out = append(out, p)
	}
	slices.SortFunc(out, comparePlaces)
	return out
}

func comparePlaces(a, b place) int {
	return cmp.Or(cmp.Compare(b.day, a.day), cmp.Compare(a.owner.Kind, b.owner.Kind), cmp.Compare(a.owner.Slug, b.owner.Slug), cmp.Compare(a.class, b.class))
}
