package logstore

import (
	"context"
	"slices"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// sweep deletes what is older than it is kept, and the oldest days of owners
// that have more than they may.
func (s *Store) sweep(ctx context.Context) error {
	now := s.o.Now().UnixNano()
	for _, at := range s.places() {
		if err := ctx.Err(); err != nil {
			return err
		}
		keep := s.o.Retention(at.owner, at.class)
		if keep <= 0 || s.o.Held(at.owner) || int64(at.day+1)*dayLength+int64(keep) > now {
			continue
		}
		if err := s.deletePlace(at, "older than it is kept"); err != nil {
			return err
		}
	}
	for owner, size := range s.ownerBytes() {
		if most := s.o.Cap(owner); most > 0 && size > most && !s.o.Held(owner) {
			if err := s.shrink(ctx, size-most, func(at place) bool { return at.owner == owner }); err != nil {
				return err
			}
		}
	}
	if s.o.Total > 0 {
		size := int64(0)
		for _, n := range s.ownerBytes() {
			size += n
		}
		if size > s.o.Total {
			return s.shrink(ctx, size-s.o.Total, func(at place) bool { return !s.o.Held(at.owner) })
		}
	}
	return nil
}

// shrink deletes the oldest days of places until so many bytes are gone.
func (s *Store) shrink(ctx context.Context, over int64, of func(place) bool) error {
	for _, at := range slices.Backward(s.places()) {
		if over <= 0 {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if !of(at) {
			continue
		}
		s.mu.Lock()
		for _, f := range s.files[at] {
			over -= f.meta().Bytes
		}
		s.mu.Unlock()
		if err := s.deletePlace(at, "there is more than may be kept"); err != nil {
			return err
		}
	}
	return nil
}

// deletePlace deletes all lines of a place.
func (s *Store) deletePlace(at place, why string) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	files, lines := s.forget(at, ^uint64(0))
	if len(files) == 0 && lines == 0 {
		return nil
	}
	n := note{}
	for _, f := range files {
		n.Del = append(n.Del, f.name)
		lines += f.meta().Lines
	}
	if len(files) > 0 {
		if err := s.write(at.date(), n); err != nil {
			return err
		}
		s.swap(at, nil, files)
		if err := s.tidyDay(at.date()); err != nil {
			return err
		}
	}
	s.o.Logger.Info("lines were deleted", "owner", at.owner.String(), "class", at.class, "day", at.date(), "lines", lines, "files", len(files), "why", why)
	return s.dropLog()
}

// forget drops what a place has in memory of segments of the write-ahead log
// below until, and returns its files.
func (s *Store) forget(at place, until uint64) (files []*file, lines int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.mem[at]; m != nil {
		kept := &memory{first: m.first, last: m.last, segments: map[uint64]int{}}
		for _, c := range m.chunks {
			for _, l := range c.lines {
				if l.segment < until {
					lines++
					continue
				}
				kept.add(l.segment, c.text[l.at:l.at+l.n], &line{n: int(l.n), time: l.time, seq: l.seq})
			}
		}
		s.bytes += kept.bytes - m.bytes
		if s.mem[at] = kept; kept.lines == 0 {
			delete(s.mem, at)
		}
		s.room.Broadcast()
	}
	delete(s.changed, at)
	return slices.Clone(s.files[at]), lines
}

// tidyDay removes the journal of a day without files, and writes one anew that
// is mostly about files that are gone.
func (s *Store) tidyDay(date string) error {
	d := s.days[date]
	if d == nil || d.adds > d.dels && (d.dels < 100 || d.dels < d.adds/2) {
		return nil
	}
	return s.rewrite(date)
}

// Amount is how much an owner has of a class and a day.
type Amount struct {
	Owner  record.Owner
	Class  string
	Day    time.Time
	Files  int
	Lines  int64
	Bytes  int64 // of files
	Memory int64 // bytes of lines that are in no file yet
}

// Amounts tells how much there is, newest day first.
func (s *Store) Amounts() []Amount {
	all := s.places()
	out := make([]Amount, 0, len(all))
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, at := range all {
		a := Amount{Owner: at.owner, Class: at.class, Day: time.Unix(0, int64(at.day)*dayLength).UTC()}
		for _, f := range s.files[at] {
			a.Files++
			a.Lines += f.meta().Lines
			a.Bytes += f.meta().Bytes
		}
		if m := s.mem[at]; m != nil {
			a.Lines += int64(m.lines)
			a.Memory = m.bytes
		}
		out = append(out, a)
	}
	return out
}
