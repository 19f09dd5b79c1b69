package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Options says how large and how old a spool may grow.
type Options struct {
	SegmentBytes int64         // a segment is closed at this size; 8 MiB
	MaxBytes     int64         // of all segments; 512 MiB
	MaxAge       time.Duration // of a segment's newest record; 48 h, the hub's out-of-order window
	MemoryBytes  int64         // kept in memory while the disk takes nothing; 4 MiB
	Now          func() time.Time

	write func(f *os.File, b []byte) error // for tests: a disk that is full
}

func (o Options) withDefaults() Options {
	def := func(v *int64, d int64) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&o.SegmentBytes, 8<<20)
	def(&o.MaxBytes, 512<<20)
	def(&o.MemoryBytes, 4<<20)
	if o.MaxAge <= 0 {
		o.MaxAge = 48 * time.Hour
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.write == nil {
		o.write = writeAndSync
	}
	return o
}

func writeAndSync(f *os.File, b []byte) error {
	if _, err := f.Write(b); err != nil {
		return err
	}
	return f.Sync()
}

// ErrInUse says that another process has the spool open.
var ErrInUse = errors.New("another agent uses this data folder")

// Spool is the log on disk. Its methods may be called from several goroutines.
type Spool struct {
	dir  string
	o    Options
	lock *os.File

	mu       sync.Mutex
	segments []*segment // oldest first; the last one is written
	active   *os.File   // nil until the first append, and after a failed one
	next     uint64
	memory   []Record // what the disk did not take, in order
	memBytes int64
	readers  map[string]*Reader
	buf      []byte
	stats    Stats
	grown    chan struct{} // closed and replaced at every append
}

// Stats is what a spool counted since it was opened, and what it holds.
type Stats struct {
	Bytes    int64     // on disk
	Oldest   time.Time // of the oldest segment; zero when empty
	Appended uint64    // records taken
	Unkept   uint64    // records the disk did not take; some of them still reached a hub from memory
	Lost     uint64    // records times hubs that will never get them: too old, too much, or damaged
	Damaged  uint64    // places on disk that could not be read
}

// Open opens the spool in dir, cuts a torn record off and forgets nothing else.
func Open(dir string, o Options) (*Spool, error) {
	s := &Spool{dir: dir, o: o.withDefaults(), readers: map[string]*Reader{}, next: 1, grown: make(chan struct{})}
	if err := os.MkdirAll(s.cursorDir(), 0o700); err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	if err := s.takeLock(); err != nil {
		return nil, err
	}
	if err := s.load(); err != nil {
		_ = s.lock.Close()
		return nil, fmt.Errorf("open spool: %w", err)
	}
	return s, nil
}

func (s *Spool) cursorDir() string { return filepath.Join(s.dir, "cursors") }

// takeLock keeps a second agent away: two writers would tear each other's
// records. The kernel frees the lock however the process ends.
func (s *Spool) takeLock() error {
	f, err := os.OpenFile(filepath.Join(s.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("open spool: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return fmt.Errorf("open spool %s: %w", s.dir, ErrInUse)
	}
	s.lock = f
	return nil
}

// load reads what earlier runs left.
func (s *Spool) load() error {
	segments, err := listSegments(s.dir)
	if err != nil {
		return err
	}
	for i, seg := range segments {
		end, err := seg.scan()
		if err != nil {
			return err
		}
		if end < seg.size && i == len(segments)-1 {
			if err := os.Truncate(seg.path, end); err != nil {
				return fmt.Errorf("cut a torn record off: %w", err)
			}
			seg.size = end
		}
		if seg.size == 0 { // its name may be needed again
			if err := os.Remove(seg.path); err != nil {
				return err
			}
			continue
		}
		s.segments = append(s.segments, seg)
		s.next = max(s.next, seg.next)
		s.stats.Damaged += seg.damaged
	}
	// Every cursor is behind something that existed; numbers never go back,
	// even when all segments are gone.
	cursors, err := loadCursors(s.cursorDir())
	if err != nil {
		return err
	}
	for hub, at := range cursors {
		s.next = max(s.next, at)
		s.readers[hub] = &Reader{s: s, hub: hub, at: at}
	}
	return nil
}

// Close closes the files. Readers must not be used afterwards.
func (s *Spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, r := range s.readers {
		r.closeFile()
		if r.behind {
			errs = append(errs, saveCursor(s.cursorDir(), r.hub, r.at))
		}
	}
	if s.active != nil {
		errs = append(errs, s.active.Close())
		s.active = nil
	}
	return errors.Join(append(errs, s.lock.Close())...)
}

// Stats returns what was counted.
func (s *Spool) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stats
	for _, seg := range s.segments {
		st.Bytes += seg.size
	}
	if len(s.segments) > 0 {
		st.Oldest = s.segments[0].oldest
	}
	return st
}
