package wal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Options says how a log is kept.
type Options struct {
	SegmentBytes int64 // a segment is closed at this size; 32 MiB
	// Head is kept at the beginning of every segment, for what has to be known
	// however many segments are dropped. It is called like an Entry's Frame.
	Head func() []byte
	// Aside is the folder for bytes that cannot be read; DIR/damaged.
	Aside string
	// Synced is told of every write: how many entries it held, bytes, and how long
	// it took to be on the disk. May be nil.
	Synced func(entries, bytes int, took time.Duration)

	write func(f *os.File, b []byte) error // for tests: a disk that is full
}

func (o Options) withDefaults(dir string) Options {
	if o.SegmentBytes <= 0 {
		o.SegmentBytes = 32 << 20
	}
	if o.Head == nil {
		o.Head = func() []byte { return nil }
	}
	if o.Aside == "" {
		o.Aside = filepath.Join(dir, "damaged")
	}
	if o.Synced == nil {
		o.Synced = func(int, int, time.Duration) {}
	}
	if o.write == nil {
		o.write = writeAndSync
	}
	return o
}

// maxGroup is about how many bytes are written at once: more would make those
// who wait wait longer than their neighbours' fsync.
const maxGroup = 4 << 20

// Entry is one frame on its way into the log. The log calls its methods one at
// a time, never two entries at once.
type Entry interface {
	// Frame appends the payload to b. All entries before this one in the log have
	// been framed, so that what depends on the order is decided here. One that
	// appends nothing takes no room in the log, and is done like all others.
	Frame(b []byte) []byte
	// Done is told that the entry is on the disk, in the segment of this number,
	// or why it is not. Entries that were written are done in their order. Those
	// that were not are done in reverse, so that each can take back what it
	// changed in Frame; nothing is framed in between.
	Done(segment uint64, err error)
}

// The errors that a caller may ask about.
var (
	ErrTooLarge = errors.New("too large for a frame of the write-ahead log")
	ErrClosed   = errors.New("the write-ahead log is closed")
)

// Log is a write-ahead log. Its methods may be called from several goroutines.
type Log struct {
	dir string
	o   Options

	queue struct {
		sync.Mutex
		waiting []*pending
		led     bool // somebody writes, or was told to
	}

	turn     sync.Mutex // held while a group is framed, written and done
	segments []*segment // oldest first
	active   *os.File   // the last of segments, open; nil until the first append and after a failed one
	next     uint64     // number of the next segment
	closed   bool
	buf      []byte
	framed   []*pending
}

// pending is an entry whose caller waits.
type pending struct {
	entry Entry
	err   error
	// lead is sent true when the caller is to write the next group, false when its
	// entry is done.
	lead chan bool
}

// Append adds an entry and returns when it is on the disk, or why it is not.
// Callers that come while others are written wait for one write and one fsync
// together.
func (l *Log) Append(e Entry) error {
	p := &pending{entry: e, lead: make(chan bool, 1)}
	l.queue.Lock()
	l.queue.waiting = append(l.queue.waiting, p)
	lead := !l.queue.led
	l.queue.led = true
	l.queue.Unlock()
	if !lead && !<-p.lead {
		return p.err
	}
	l.turn.Lock()
	done := l.group()
	l.turn.Unlock()

	l.queue.Lock()
	l.queue.led = len(l.queue.waiting) > 0
	if l.queue.led {
		l.queue.waiting[0].lead <- true
	}
	l.queue.Unlock()
	for _, d := range done {
		if d != p {
			d.lead <- false
		}
	}
	return p.err
}

// group frames, writes and finishes what is waiting, the caller's own entry
// first.
func (l *Log) group() []*pending {
	var group []*pending
	l.framed = l.framed[:0]
	err := l.writable()
	l.buf = l.buf[:0]
	for len(l.buf) < maxGroup {
		l.queue.Lock()
		if len(l.queue.waiting) == 0 {
			l.queue.Unlock()
			break
		}
		p := l.queue.waiting[0]
		l.queue.waiting[0] = nil
		l.queue.waiting = l.queue.waiting[1:]
		l.queue.Unlock()
		group = append(group, p)
		if err != nil {
			p.err = err
			p.entry.Done(0, err)
			continue
		}
		l.frame(p)
	}
	if err != nil || len(l.framed) == 0 {
		return group
	}
	s := l.segments[len(l.segments)-1]
	if err := l.write(s); err != nil {
		for _, p := range slices.Backward(l.framed) {
			p.err = err
			p.entry.Done(0, err)
		}
	} else {
		for _, p := range l.framed {
			p.entry.Done(s.number, nil)
		}
	}
	clear(l.framed)
	if cap(l.buf) > 2*maxGroup {
		l.buf = nil // one large entry is no reason to hold its memory forever
	}
	return group
}

func (l *Log) frame(p *pending) {
	start := len(l.buf)
	l.buf = begin(l.buf, kindEntry)
	empty := len(l.buf)
	l.buf = p.entry.Frame(l.buf)
	switch size := len(l.buf) - empty; {
	case size == 0:
		l.buf = l.buf[:start]
	case size > MaxPayload:
		l.buf = l.buf[:start]
		p.err = fmt.Errorf("%d bytes, at most %d: %w", size, MaxPayload, ErrTooLarge)
		p.entry.Done(0, p.err)
		return
	default:
		l.segments[len(l.segments)-1].nonce.finish(l.buf, start)
	}
	l.framed = append(l.framed, p)
}

// write puts l.buf behind the newest segment, or nothing of it.
func (l *Log) write(s *segment) error {
	if len(l.buf) == 0 {
		return nil
	}
	began := time.Now()
	if err := l.o.write(l.active, l.buf); err != nil {
		// A part may be there, and after a failed fsync nobody knows which. It is
		// cut off, and the next segment says where this one ends, in case it
		// cannot be.
		_ = l.active.Truncate(s.size)
		l.closeActive()
		return l.explain(err)
	}
	s.size += int64(len(l.buf))
	l.o.Synced(len(l.framed), len(l.buf), time.Since(began))
	if s.size >= l.o.SegmentBytes {
		l.closeActive()
	}
	return nil
}

func (l *Log) closeActive() {
	if l.active != nil {
		_ = l.active.Close() // everything in it is synced, or given up
		l.active = nil
	}
}

// writable opens a new segment when none is open.
func (l *Log) writable() error {
	if l.closed {
		return ErrClosed
	}
	if l.active != nil {
		return nil
	}
	s := newSegment(l.dir, l.next)
	var end int64
	if n := len(l.segments); n > 0 {
		end = l.segments[n-1].size
	}
	b := begin(nil, kindHead)
	b = binary.AppendUvarint(b, uint64(end)) //nolint:gosec // a size
	b = append(b, l.o.Head()...)
	s.nonce.finish(b, 0)
	f, err := os.OpenFile(s.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND|os.O_EXCL, 0o600)
	if err != nil {
		return l.explain(err)
	}
	err = l.o.write(f, b)
	if err == nil {
		err = syncDir(l.dir)
	}
	if err != nil {
		_ = f.Close()
		_ = os.Remove(s.path)
		return l.explain(err)
	}
	s.size = int64(len(b))
	l.segments = append(l.segments, s)
	l.active = f
	l.next++
	return nil
}

// explain says in a sentence what a person has to do.
func (l *Log) explain(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("write to %s: the disk is full; nothing is taken until there is space: %w", l.dir, err)
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("write to %s: the folder cannot be written; nothing is taken until it can: %w", l.dir, err)
	}
	return fmt.Errorf("write to %s: %w", l.dir, err)
}

// Quiet runs f while no entry is between Frame and Done.
func (l *Log) Quiet(f func()) {
	l.turn.Lock()
	defer l.turn.Unlock()
	f()
}

// Seal closes the segment that is written, so that it can be dropped or
// rewritten; the next entry begins a new one. It returns the number that one
// will have.
func (l *Log) Seal() (next uint64) {
	l.turn.Lock()
	defer l.turn.Unlock()
	l.closeActive()
	return l.next
}

// Segment is what is known of a segment without reading it.
type Segment struct {
	Number uint64
	Bytes  int64
	Sealed bool // no longer written
}

// Segments lists the log, oldest first.
func (l *Log) Segments() []Segment {
	l.turn.Lock()
	defer l.turn.Unlock()
	all := make([]Segment, len(l.segments))
	for i, s := range l.segments {
		all[i] = Segment{s.number, s.size, i < len(l.segments)-1 || l.active == nil}
	}
	return all
}

// Drop deletes the sealed segments with numbers below before; the newest one
// stays in any case, because of its head.
func (l *Log) Drop(before uint64) error {
	l.turn.Lock()
	defer l.turn.Unlock()
	n := 0
	var err error
	for i, s := range l.segments {
		if s.number >= before || i == len(l.segments)-1 {
			break
		}
		if err = os.Remove(s.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			break
		}
		err = nil
		n++
	}
	if n == 0 {
		return err
	}
	l.segments = slices.Delete(l.segments, 0, n)
	return errors.Join(err, syncDir(l.dir))
}

// Close closes the log. What was acknowledged is on the disk already.
func (l *Log) Close() error {
	l.turn.Lock()
	defer l.turn.Unlock()
	l.closed = true
	l.closeActive()
	return nil
}
