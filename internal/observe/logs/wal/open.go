package wal

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Frame is what was once appended. The payload is good until the function it
// is handed to returns.
type Frame struct {
	Segment uint64
	Head    bool // what Options.Head returned when the segment began
	Payload []byte
}

// Report is what opening a log found.
type Report struct {
	Segments int
	Entries  int
	Bytes    int64 // of all segments
	Torn     int64 // bytes at the end of the log that were no whole entry, and were cut off
	Damaged  []Damage
}

// Damage is a part of a segment that cannot be read. Whatever lies behind it
// was read all the same.
type Damage struct {
	Segment string // name of the file
	At      int64  // where in it; 0 and all of it when the file cannot be read at all
	Bytes   int64
	Aside   string // where the bytes are now; empty when they could not be put there
	Err     error  // why they cannot be read or were not put aside; nil when their checksum is wrong
}

// Open reads the log in dir from its beginning, handing every frame to replay,
// and makes it ready for more. It writes nothing but what it mends: a torn end
// is cut off, damaged parts are put aside. Both are reported and neither is an
// error: what can be read is there. An error of replay ends Open.
func Open(dir string, o Options, replay func(Frame) error) (*Log, Report, error) {
	l := &Log{dir: dir, o: o.withDefaults(dir), next: 1}
	var r Report
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, r, fmt.Errorf("open the write-ahead log: %w", err)
	}
	segments, err := list(dir)
	if err != nil {
		return nil, r, fmt.Errorf("open the write-ahead log: %w", err)
	}
	for i, s := range segments {
		end := int64(-1)
		if i+1 < len(segments) && segments[i+1].number == s.number+1 {
			end = segments[i+1].endBefore()
		}
		readable, err := l.replay(s, end, i == len(segments)-1, &r, replay)
		if err != nil {
			return nil, r, fmt.Errorf("open the write-ahead log: %w", err)
		}
		l.next = s.number + 1
		if readable {
			l.segments = append(l.segments, s)
			r.Segments++
			r.Bytes += s.size
		}
	}
	return l, r, nil
}

// endBefore returns where the segment before this one ends, as the head of this
// one says; -1 when it cannot be read.
func (s *segment) endBefore() int64 {
	f, err := os.Open(s.path)
	if err != nil {
		return -1
	}
	defer func() { _ = f.Close() }()
	b := make([]byte, headerSize)
	if _, err := io.ReadFull(f, b); err != nil {
		return -1
	}
	length, ok := s.nonce.header(b)
	if !ok {
		return -1
	}
	b = append(b, make([]byte, length)...)
	if _, err := io.ReadFull(f, b[headerSize:]); err != nil {
		return -1
	}
	body, _, ok := s.nonce.frame(b)
	if !ok || body[0] != kindHead {
		return -1
	}
	end, n := binary.Uvarint(body[1:])
	if n <= 0 || end > 1<<62 {
		return -1
	}
	return int64(end)
}

// replay reads one segment. Nothing behind end counts: a write failed there.
// It says false when the file cannot be read at all.
func (l *Log) replay(s *segment, end int64, last bool, r *Report, f func(Frame) error) (readable bool, err error) {
	b, err := os.ReadFile(s.path)
	if err != nil {
		r.Damaged = append(r.Damaged, l.putFileAside(s, err))
		return false, nil
	}
	if end >= 0 && end < int64(len(b)) {
		b = b[:end]
	}
	var good [][]byte // runs of whole frames
	gaps, err := s.nonce.scan(b, func(_ int, body []byte) error {
		switch body[0] {
		case kindHead:
			_, n := binary.Uvarint(body[1:])
			if n <= 0 {
				return nil // no version wrote that; its sum is right, so it is not damage either
			}
			return f(Frame{s.number, true, body[1+n:]})
		case kindEntry:
			r.Entries++
			return f(Frame{s.number, false, body[1:]})
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	if n := len(gaps); n > 0 && last && gaps[n-1].end == len(b) {
		torn := gaps[n-1]
		gaps = gaps[:n-1]
		r.Torn += int64(torn.end - torn.at)
		b = b[:torn.at]
		_ = os.Truncate(s.path, int64(torn.at)) // the head of the next segment says so too
	}
	s.size = int64(len(b))
	if len(gaps) == 0 {
		return true, nil
	}
	at, whole := 0, true
	for _, g := range gaps {
		d := l.putAside(s, g, b[g.at:g.end])
		whole = whole && d.Aside != ""
		r.Damaged = append(r.Damaged, d)
		good = append(good, b[at:g.at])
		at = g.end
	}
	if whole { // else they are found again
		good = append(good, b[at:])
		_ = s.replace(join(good))
	}
	return true, nil
}

func join(parts [][]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

func (l *Log) putAside(s *segment, g gap, b []byte) Damage {
	name := filepath.Base(s.path)
	d := Damage{Segment: name, At: int64(g.at), Bytes: int64(len(b))}
	path := filepath.Join(l.o.Aside, fmt.Sprintf("%s-%d", name, g.at))
	if d.Err = os.MkdirAll(l.o.Aside, 0o700); d.Err != nil {
		return d
	}
	if d.Err = writeFile(path, b); d.Err == nil {
		d.Aside = path
	}
	return d
}

func (l *Log) putFileAside(s *segment, cause error) Damage {
	d := Damage{Segment: filepath.Base(s.path), Bytes: s.size, Err: cause}
	if os.MkdirAll(l.o.Aside, 0o700) != nil {
		return d
	}
	path := filepath.Join(l.o.Aside, d.Segment)
	if os.Rename(s.path, path) == nil {
		d.Aside = path
	}
	return d
}
