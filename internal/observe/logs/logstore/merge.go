package logstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/logs/part"
)

// What is merged: this many small files at once, or all that are small once
// their day is over; never more lines than this in one.
const (
	mergeWidth = 8
	mergeLines = 1_000_000
)

// calmAfter is how long nothing is merged after a merge was given up for what
// came meanwhile.
const calmAfter = 20 * time.Second

// mergeDue merges files where that is worth it.
func (s *Store) mergeDue(ctx context.Context) error {
	if s.o.Now().Before(s.mergeAfter) {
		return nil
	}
	today := dayOf(s.o.Now().UnixNano())
	s.mu.Lock()
	var all []place
	for at := range s.changed {
		all = append(all, at)
	}
	s.mu.Unlock()
	for _, at := range all {
		for {
			some := s.mergeable(at, at.day < today)
			if len(some) == 0 {
				break
			}
			calm, done := s.whileCalm(ctx)
			err := s.merge(calm, at, some)
			pressed := calm.Err() != nil
			done()
			if pressed && ctx.Err() == nil {
				s.mergeAfter = s.o.Now().Add(calmAfter)
				return nil
			}
			if err != nil {
				return err
			}
		}
		s.mu.Lock()
		// One of a day that is not over is looked at again when it is.
		if _, waits := s.mem[at]; at.day < today && !waits {
			delete(s.changed, at)
		}
		s.mu.Unlock()
	}
	return nil
}

// whileCalm is a context that ends when memory fills up: a merge can wait, files
// for what comes cannot.
func (s *Store) whileCalm(ctx context.Context) (context.Context, func()) {
	calm, cancel := context.WithCancel(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopMerge = cancel
	return calm, func() {
		s.mu.Lock()
		s.stopMerge = nil
		s.mu.Unlock()
		cancel()
	}
}

// mergeable are files of a place that should be one.
func (s *Store) mergeable(at place, over bool) []*file {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, waits := s.mem[at]; waits {
		over = false
	}
	files := slices.SortedFunc(slices.Values(s.files[at]), func(a, b *file) int { return cmp.Compare(a.meta().Lines, b.meta().Lines) })
	least := mergeWidth
	if over {
		least = 2
	}
	var some []*file
	lines := int64(0)
	for _, f := range files {
		if lines += f.meta().Lines; lines > mergeLines {
			break
		}
		some = append(some, f)
	}
	if len(some) < least {
		return nil
	}
	// While more comes, a large file is not written again for a few lines.
	if !over {
		for len(some) >= least && some[len(some)-1].meta().Lines > lines/2 {
			some = some[:len(some)-1]
		}
		if len(some) < least {
			return nil
		}
	}
	return some
}

func (s *Store) merge(ctx context.Context, at place, in []*file) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.mu.Lock()
	for _, f := range in {
		if !slices.Contains(s.files[at], f) {
			s.mu.Unlock()
			return nil // it was deleted or set aside meanwhile
		}
	}
	s.mu.Unlock()
	parts := make([]*part.Part, len(in))
	names := make([]string, len(in))
	seq := in[0].meta().MinSeq
	for i, f := range in {
		parts[i], names[i] = f.part, f.name
		seq = min(seq, f.meta().MinSeq)
	}
	name := s.newName(at, "merged", seq)
	meta, err := part.Merge(ctx, filepath.Join(s.o.Dir, name), parts...)
	if errors.Is(err, part.ErrDamaged) {
		return s.findDamaged(ctx, in, err)
	}
	if err != nil {
		return fmt.Errorf("merge files of %s, %s, %s: %w", at.owner, at.class, at.date(), err)
	}
	if err := s.write(at.date(), note{Add: []noted{{name, meta}}, Del: names}); err != nil {
		_ = os.Remove(filepath.Join(s.o.Dir, name))
		return err
	}
	s.swap(at, &file{part: part.Known(filepath.Join(s.o.Dir, name), meta), place: at, name: name}, in)
	if d := s.days[at.date()]; d != nil && d.dels > 100 && d.dels > d.adds/2 {
		return s.rewrite(at.date())
	}
	return nil
}

// findDamaged sets aside whichever of some files is damaged. writing is held.
func (s *Store) findDamaged(ctx context.Context, in []*file, cause error) error {
	found := false
	for _, f := range in {
		if err := f.part.Verify(ctx); errors.Is(err, part.ErrDamaged) {
			found = true
			s.takeOut(f, err)
		}
	}
	if !found {
		return cause
	}
	return nil
}
