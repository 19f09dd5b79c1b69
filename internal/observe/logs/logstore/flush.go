package logstore

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/logs/part"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// idleDay is how long nothing comes for a day that is over before its lines get
// a file, and quiet how long lines lie in memory at most.
const (
	idleDay = 30 * time.Minute
	quiet   = 6 * time.Hour
)

// due is a place of which the lines are worth a file, and how much.
type due struct {
	at    place
	bytes int64
}

// flushDue writes files of what is worth one.
func (s *Store) flushDue(ctx context.Context) error {
	for {
		at, ok := s.nextDue()
		if !ok {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.flush(ctx, at); err != nil {
			return err
		}
	}
}

// nextDue is the place to write next: what has many lines, then what is
// largest while memory is scarce, then what is oldest.
func (s *Store) nextDue() (place, bool) {
	now := s.o.Now()
	today := dayOf(now.UnixNano())
	oldest := s.crowded()
	s.mu.Lock()
	defer s.mu.Unlock()
	var best due
	for at, m := range s.mem {
		_, old := m.segments[oldest]
		switch {
		case m.lines >= s.o.FileLines,
			at.day < today && now.Sub(m.last) >= idleDay,
			now.Sub(m.first) >= quiet,
			old && oldest != 0,
			s.bytes > s.o.Memory:
			if m.bytes > best.bytes {
				best = due{at, m.bytes}
			}
		}
	}
	return best.at, best.bytes > 0
}

// crowded is the oldest segment of the write-ahead log while that is larger
// than it should be; zero otherwise.
func (s *Store) crowded() uint64 {
	all := s.log.Segments()
	size := int64(0)
	for _, one := range all {
		size += one.Bytes
	}
	if size <= s.o.Log || len(all) < 2 {
		return 0
	}
	return all[0].Number
}

// Flush writes files of all lines in memory.
func (s *Store) Flush(ctx context.Context) error {
	s.mu.Lock()
	all := slices.Collect(maps.Keys(s.mem))
	s.mu.Unlock()
	for _, at := range all {
		if err := s.flush(ctx, at); err != nil {
			return err
		}
	}
	return nil
}

// flush writes a file of all lines that a place has in memory.
func (s *Store) flush(ctx context.Context, at place) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.mu.Lock()
	m := s.mem[at]
	var views []*view
	if m != nil {
		for _, c := range m.chunks {
			c.sealed = true // what comes now goes into the next
			views = append(views, newView(at, c))
		}
	}
	s.mu.Unlock()
	if len(views) == 0 {
		return nil
	}
	f, err := s.writeFile(ctx, at, views)
	if err != nil {
		return fmt.Errorf("write a file of %s, %s, %s: %w", at.owner, at.class, at.date(), err)
	}
	if err := s.write(at.date(), note{Add: []noted{{f.name, f.meta()}}}); err != nil {
		_ = os.Remove(filepath.Join(s.o.Dir, f.name))
		return err
	}
	s.mu.Lock()
	for _, v := range views {
		for _, l := range v.lines {
			m.lines--
			m.bytes -= int64(l.n) + refBytes
			s.bytes -= int64(l.n) + refBytes
			if m.segments[l.segment]--; m.segments[l.segment] == 0 {
				delete(m.segments, l.segment)
			}
		}
	}
	m.chunks = slices.Clone(m.chunks[len(views):])
	m.first = s.o.Now()
	if len(m.chunks) == 0 {
		delete(s.mem, at)
	}
	s.files[at] = append(slices.Clone(s.files[at]), f)
	s.changed[at] = true
	s.room.Broadcast()
	s.mu.Unlock()
	return s.dropLog()
}

// dropLog drops the segments of the write-ahead log of which all lines are in
// files.
func (s *Store) dropLog() error {
	if err := s.ids.save(); err != nil {
		return err
	}
	// The list comes first: whatever is written after it lies in its newest
	// segment or a later one, and all that was written before is in memory.
	all := s.log.Segments()
	if len(all) == 0 {
		return nil
	}
	oldest := all[len(all)-1].Number
	s.mu.Lock()
	for _, m := range s.mem {
		for n := range m.segments {
			oldest = min(oldest, n)
		}
	}
	s.mu.Unlock()
	return s.log.Drop(oldest)
}

// writeFile writes lines in memory as a file. Only one of them at a time is
// decoded.
func (s *Store) writeFile(ctx context.Context, at place, views []*view) (*file, error) {
	type item struct {
		service string
		time    int64
		seq     uint64
		view    int32
		row     int32
	}
	n := 0
	for _, v := range views {
		n += len(v.lines)
	}
	items := make([]item, 0, n)
	services := map[string]string{} // each once
	shape := part.NewShape()
	var r record.Record
	for i, v := range views {
		for row, l := range v.lines {
			if _, err := record.Decode(v.line(row), &r); err != nil {
				return nil, err
			}
			shape.Add(&r)
			name := ""
			if service, ok := r.Get(record.Service); ok {
				if name, ok = services[service.Text()]; !ok {
					name = string(append([]byte{}, service.Text()...))
					services[name] = name
				}
			}
			items = append(items, item{name, l.time, l.seq, int32(i), int32(row)}) //nolint:gosec // bounded by memory
		}
	}
	slices.SortFunc(items, func(a, b item) int {
		return cmp.Or(cmp.Compare(a.service, b.service), cmp.Compare(a.time, b.time), cmp.Compare(a.seq, b.seq))
	})
	name := s.newName(at, "lines", views[0].lines[0].seq)
	if err := os.MkdirAll(filepath.Join(s.o.Dir, at.folder()), 0o700); err != nil {
		return nil, err
	}
	w, err := part.Create(filepath.Join(s.o.Dir, name), at.info(), shape)
	if err != nil {
		return nil, err
	}
	defer w.Abort()
	for i, one := range items {
		if i%4096 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if _, err := record.Decode(views[one.view].line(int(one.row)), &r); err != nil {
			return nil, err
		}
		if err := w.Add(&r); err != nil {
			return nil, err
		}
	}
	meta, err := w.Close()
	if err != nil {
		return nil, err
	}
	return &file{part: part.Known(filepath.Join(s.o.Dir, name), meta), place: at, name: name}, nil
}

// newName is a name that no file of a place has.
func (s *Store) newName(at place, what string, seq uint64) string {
	for i := 0; ; i++ {
		name := filepath.Join(at.folder(), fmt.Sprintf("%s-%012d-%d.parquet", what, seq, i))
		if _, err := os.Lstat(filepath.Join(s.o.Dir, name)); err != nil {
			return name
		}
	}
}
