package spool

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// segment is one file of records, named after its first sequence number.
type segment struct {
	path    string
	first   uint64 // sequence number of its first record
	next    uint64 // behind its last record
	size    int64
	oldest  time.Time
	newest  time.Time
	damaged uint64 // places where records were unreadable
}

const segmentSuffix = ".seg"

func segmentPath(dir string, first uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%020d%s", first, segmentSuffix))
}

// listSegments returns the segments of dir in order, not yet scanned.
func listSegments(dir string) ([]*segment, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []*segment
	for _, e := range entries {
		name, ours := strings.CutSuffix(e.Name(), segmentSuffix)
		first, err := strconv.ParseUint(name, 10, 64)
		if !ours || err != nil {
			continue
		}
		all = append(all, &segment{path: filepath.Join(dir, e.Name()), first: first, next: first})
	}
	slices.SortFunc(all, func(a, b *segment) int { return strings.Compare(a.path, b.path) })
	return all, nil
}

// scan reads the whole segment: its numbers, times and damage. It returns
// where the last readable record ends; what follows is torn.
func (s *segment) scan() (end int64, err error) {
	b, err := os.ReadFile(s.path)
	if err != nil {
		return 0, err
	}
	s.size = int64(len(b))
	for at := int64(0); at < int64(len(b)); {
		rec, n, skipped, ok := nextRecord(b[at:])
		if !ok {
			break
		}
		if skipped > 0 {
			s.damaged++
		}
		at += skipped + n
		end = at
		s.saw(rec)
	}
	return end, nil
}

// saw takes a record's number and time into account.
func (s *segment) saw(r Record) {
	if r.Seq >= s.next {
		s.next = r.Seq + 1
	}
	if s.oldest.IsZero() || r.At.Before(s.oldest) {
		s.oldest = r.At
	}
	if r.At.After(s.newest) {
		s.newest = r.At
	}
}

// nextRecord finds the first readable record of b: how long it is, and how
// many bytes before it are unreadable.
func nextRecord(b []byte) (rec Record, n, skipped int64, ok bool) {
	for {
		rec, n, err := decode(b[skipped:])
		if err == nil {
			return rec, n, skipped, true
		}
		i := bytes.Index(b[min(skipped+1, int64(len(b))):], []byte(magic))
		if i < 0 {
			return Record{}, 0, 0, false
		}
		skipped += 1 + int64(i)
	}
}

// readAt reads the record at an offset of the open segment, the next readable
// one where that place is damaged. io.EOF is the end of what is written.
func readAt(f *os.File, at, size int64, buf []byte) (rec Record, next int64, skipped bool, _ []byte, err error) {
	if at >= size {
		return Record{}, at, false, buf, io.EOF
	}
	buf = slices.Grow(buf[:0], headerSize)[:headerSize]
	if size-at >= headerSize {
		if _, err := f.ReadAt(buf, at); err != nil {
			return Record{}, at, false, buf, err
		}
		if h, err := decodeHeader(buf); err == nil && at+h.size() <= size {
			buf = slices.Grow(buf[:0], int(h.size()))[:h.size()]
			if _, err := f.ReadAt(buf, at); err != nil {
				return Record{}, at, false, buf, err
			}
			rec, n, err := decode(buf)
			if err == nil {
				return rec, at + n, false, buf, nil
			}
		}
	}
	// Damage: read the rest and search. It happens once a damaged place.
	rest := make([]byte, size-at)
	if _, err := f.ReadAt(rest, at); err != nil && !errors.Is(err, io.EOF) {
		return Record{}, at, false, buf, err
	}
	rec, n, gap, ok := nextRecord(rest)
	if !ok {
		return Record{}, size, true, buf, io.EOF
	}
	return rec, at + gap + n, true, nil, nil
}
