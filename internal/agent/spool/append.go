package spool

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Append takes records, in order, with one write and one fsync. An error says
// that they are not on disk; they stay in memory, as many as fit, for hubs that
// can be reached, and whoever observes goes on observing.
func (s *Spool) Append(records ...Record) error {
	for _, r := range records {
		if err := r.check(); err != nil {
			return fmt.Errorf("append to spool: %w", err)
		}
	}
	if len(records) == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.o.Now().UTC().Truncate(time.Millisecond) // what the disk keeps
	s.buf = s.buf[:0]
	batch := make([]Record, len(records))
	for i, r := range records {
		r.Seq, r.At = s.next+uint64(i), now
		batch[i] = r
		s.buf = r.appendTo(s.buf)
	}
	s.next += uint64(len(batch))
	s.stats.Appended += uint64(len(batch))
	err := s.writeBatch(batch)
	if err != nil {
		s.stats.Unkept += uint64(len(batch))
		s.remember(batch)
	}
	s.trim(now)
	close(s.grown)
	s.grown = make(chan struct{})
	if cap(s.buf) > 1<<20 {
		s.buf = nil // one large batch is no reason to hold its memory forever
	}
	if err != nil {
		return fmt.Errorf("append to spool: %w", err)
	}
	return nil
}

// writeBatch writes s.buf behind the newest segment, or nothing of it.
func (s *Spool) writeBatch(batch []Record) error {
	seg, err := s.writable(batch[0])
	if err != nil {
		return err
	}
	if err := s.o.write(s.active, s.buf); err != nil {
		// A part may be there, and after a failed fsync nobody knows which. Cut
		// it off and go on with a new file; what cannot be cut is a torn record
		// that readers pass over.
		if s.active.Truncate(seg.size) == nil && seg.size == 0 {
			_ = os.Remove(seg.path)
			s.segments = s.segments[:len(s.segments)-1]
		} else if info, err := s.active.Stat(); err == nil {
			seg.size = info.Size()
		}
		_ = s.active.Close()
		s.active = nil
		return err
	}
	seg.size += int64(len(s.buf))
	for _, r := range batch {
		seg.saw(r)
	}
	return nil
}

// writable returns the segment to write to, a new one when the newest is full,
// spans more than an hour, or belongs to an earlier run or failure.
func (s *Spool) writable(r Record) (*segment, error) {
	if s.active != nil {
		seg := s.segments[len(s.segments)-1]
		full := seg.size >= s.o.SegmentBytes || r.At.Sub(seg.oldest) >= s.o.MaxAge/48
		if seg.size == 0 || !full {
			return seg, nil
		}
		_ = s.active.Close()
		s.active = nil
	}
	path := segmentPath(s.dir, r.Seq)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		_ = f.Close()
		_ = os.Remove(path)
		return nil, err
	}
	seg := &segment{path: path, first: r.Seq, next: r.Seq}
	s.segments = append(s.segments, seg)
	s.active = f
	return seg, nil
}

// remember keeps what the disk did not take, newest last, under its limit.
func (s *Spool) remember(batch []Record) {
	for _, r := range batch {
		r.Payload = append([]byte(nil), r.Payload...)
		s.memory = append(s.memory, r)
		s.memBytes += r.size()
	}
	for s.memBytes > s.o.MemoryBytes {
		s.forgetFirst() // readers count the gap when they come to it
	}
}

func (s *Spool) forgetFirst() {
	s.memBytes -= s.memory[0].size()
	s.memory[0] = Record{}
	s.memory = s.memory[1:]
}

// trim deletes what every hub has, and what is too old or too much. The newest
// segment stays unless everybody is past it, so that there is always a place
// to write.
func (s *Spool) trim(now time.Time) {
	var bytes int64
	for _, seg := range s.segments {
		bytes += seg.size
	}
	passed := s.passed()
	for len(s.memory) > 0 && s.memory[0].Seq < passed {
		s.forgetFirst()
	}
	for len(s.segments) > 0 {
		seg := s.segments[0]
		written := len(s.segments) == 1 && s.active != nil
		expired := bytes > s.o.MaxBytes || now.Sub(seg.newest) > s.o.MaxAge
		if written || seg.next > passed && !expired {
			return
		}
		if err := os.Remove(seg.path); err != nil && !os.IsNotExist(err) {
			return // tried again at the next append
		}
		for _, r := range s.readers {
			if r.segment == seg {
				r.closeFile() // a file that is open keeps its place on the disk
			}
			r.jump(seg.next)
		}
		bytes -= seg.size
		s.segments = s.segments[1:]
	}
}

// passed returns the number before which every hub has everything.
func (s *Spool) passed() uint64 {
	least := s.next
	for _, r := range s.readers {
		least = min(least, r.at)
	}
	return least
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	return d.Sync()
}
