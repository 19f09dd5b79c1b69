package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// Reader reads the spool for one hub, in order.
type Reader struct {
	s      *Spool
	hub    string
	at     uint64 // next record this hub needs
	behind bool   // the file of the cursor is older than at
	lost   uint64

	file    *os.File // open segment
	segment *segment
	offset  int64
	buf     []byte
}

// Reader returns the reader of a hub. A hub that is new starts at the end: it
// gets what is observed from now on.
func (s *Spool) Reader(hub string) (*Reader, error) {
	if err := checkHub(hub); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r, ok := s.readers[hub]; ok {
		return r, nil
	}
	r := &Reader{s: s, hub: hub, at: s.next}
	if err := saveCursor(s.cursorDir(), hub, r.at); err != nil {
		return nil, err
	}
	s.readers[hub] = r
	return r, nil
}

// Keep forgets the hubs that are not listed, so that they hold nothing back.
func (s *Spool) Keep(hubs ...string) error {
	listed := map[string]bool{}
	for _, h := range hubs {
		listed[h] = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for hub, r := range s.readers {
		if listed[hub] {
			continue
		}
		r.closeFile()
		if err := os.Remove(filepath.Join(s.cursorDir(), hub+cursorSuffix)); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("forget hub %s: %w", hub, err)
		}
		delete(s.readers, hub)
	}
	s.trim(s.o.Now())
	return nil
}

// Next waits for the next record this hub needs. It returns the same record
// until that one is acknowledged. The payload is valid until the next call.
func (r *Reader) Next(ctx context.Context) (Record, error) {
	for {
		rec, ok, err := r.Peek()
		if ok || err != nil {
			return rec, err
		}
		r.s.mu.Lock()
		grown, more := r.s.grown, r.at < r.s.next
		r.s.mu.Unlock()
		if more {
			continue // appended between the two looks
		}
		select {
		case <-ctx.Done():
			return Record{}, ctx.Err()
		case <-grown:
		}
	}
}

// Peek returns the next record without waiting; false when there is none.
func (r *Reader) Peek() (Record, bool, error) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	return r.peek()
}

func (r *Reader) peek() (Record, bool, error) {
	if r.at >= r.s.next {
		return Record{}, false, nil
	}
	rec, err := r.fromDisk()
	if err != nil && !errors.Is(err, io.EOF) {
		return Record{}, false, fmt.Errorf("read spool for %s: %w", r.hub, err)
	}
	found := err == nil
	for _, m := range r.s.memory {
		if m.Seq >= r.at && (!found || m.Seq < rec.Seq) {
			rec, found = m, true
			break
		}
	}
	if !found {
		// Nothing readable is left: what is missing was damaged or fell out of memory.
		r.jump(r.s.next)
		return Record{}, false, nil
	}
	r.jump(rec.Seq)
	return rec, true, nil
}

// jump moves forward over records that exist nowhere any more: dropped by the
// limits, damaged, or fallen out of memory. It is the one place that counts
// what a hub will never get.
func (r *Reader) jump(seq uint64) {
	if seq <= r.at {
		return
	}
	r.lost += seq - r.at
	r.s.stats.Lost += seq - r.at
	r.at = seq
	r.behind = true
}

// Ack says that the hub has the record. An error says that the disk did not
// take the new cursor: after a restart the record would be sent once more.
func (r *Reader) Ack(rec Record) error {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	if rec.Seq < r.at {
		return nil
	}
	r.at = rec.Seq + 1
	err := saveCursor(r.s.cursorDir(), r.hub, r.at)
	r.behind = err != nil
	r.s.trim(r.s.o.Now())
	return err
}

// Pending says what still waits for this hub.
type Pending struct {
	Bytes  int64     // about: whole segments, and the part of one
	Oldest time.Time // zero when nothing waits
	Lost   uint64    // records it will never get
}

// Pending returns what waits for this hub.
func (r *Reader) Pending() Pending {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	inUse := r.buf // by whoever sends the record that Next returned
	r.buf = nil
	rec, waits, err := r.peek()
	r.buf = inUse
	p := Pending{Lost: r.lost}
	if !waits || err != nil {
		return p
	}
	p.Oldest = rec.At
	for _, m := range r.s.memory {
		if m.Seq >= r.at {
			p.Bytes += m.size()
		}
	}
	for _, seg := range r.s.segments {
		switch {
		case seg == r.segment && seg.next > r.at:
			p.Bytes += seg.size - r.offset
		case seg.first >= r.at:
			p.Bytes += seg.size
		}
	}
	return p
}

// fromDisk returns the first record on disk whose number is at least r.at.
// The reader's offset stays before that record.
func (r *Reader) fromDisk() (Record, error) {
	for _, seg := range r.s.segments {
		if seg.next <= r.at {
			continue
		}
		if err := r.open(seg); err != nil {
			return Record{}, err
		}
		for {
			rec, next, skipped, buf, err := readAt(r.file, r.offset, seg.size, r.buf)
			r.buf = buf
			if skipped && seg.damaged == 0 {
				seg.damaged++
				r.s.stats.Damaged++
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return Record{}, err
			}
			if rec.Seq >= r.at {
				r.offset = next - rec.size()
				return rec, nil
			}
			r.offset = next
		}
	}
	return Record{}, io.EOF
}

// open makes seg the open segment.
func (r *Reader) open(seg *segment) error {
	if r.segment == seg && r.file != nil {
		return nil
	}
	r.closeFile()
	f, err := os.Open(seg.path)
	if err != nil {
		return err
	}
	r.file, r.segment, r.offset = f, seg, 0
	return nil
}

func (r *Reader) closeFile() {
	if r.file != nil {
		_ = r.file.Close()
	}
	r.file, r.segment, r.offset = nil, nil, 0
}
