package logstore

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/lib/logattr"
	"github.com/vigie-ops/vigie/internal/observe/logs/part"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
	"github.com/vigie-ops/vigie/internal/observe/logs/wal"
)

// file is one file of lines. Who reads it holds it, so that it is deleted only
// once nobody does.
type file struct {
	part  *part.Part
	place place
	name  string // under the store's folder
	holds int
	dead  bool
}

func (f *file) meta() part.Meta { return f.part.Meta() }

// day is the journal of which files of a day count.
type day struct {
	journal *wal.Journal
	adds    int // entries that it has
	dels    int
}

// note is one change to the files of a day: whole or not at all.
type note struct {
	Add []noted  `json:"add,omitempty"`
	Del []string `json:"del,omitempty"`
}

// noted is a file in a journal.
type noted struct {
	Name string    `json:"name"`
	Meta part.Meta `json:"meta"`
}

// openDays reads which files count, and puts right what a crash left: files
// that no journal names and that hold what others hold, too, or what the
// write-ahead log holds.
func (s *Store) openDays() error {
	entries, err := os.ReadDir(filepath.Join(s.o.Dir, "days"))
	if err != nil {
		return err
	}
	known := map[string]*file{}
	for _, e := range entries {
		if _, err := time.Parse(time.DateOnly, e.Name()); err != nil {
			continue // half of a replacement
		}
		if err := s.openDay(e.Name(), known); err != nil {
			return fmt.Errorf("the journal of %s: %w", e.Name(), err)
		}
	}
	for _, f := range known {
		s.files[f.place] = append(s.files[f.place], f)
	}
	return s.adopt(known)
}

func (s *Store) openDay(date string, known map[string]*file) error {
	d := &day{}
	j, report, err := wal.OpenJournal(filepath.Join(s.o.Dir, "days", date), func(b []byte) error {
		var n note
		if err := json.Unmarshal(b, &n); err != nil {
			return err
		}
		for _, name := range n.Del {
			delete(known, name)
			d.dels++
		}
		for _, a := range n.Add {
			at, err := placeOf(a.Meta.Info)
			if err != nil {
				return err
			}
			known[a.Name] = &file{part: part.Known(filepath.Join(s.o.Dir, a.Name), a.Meta), place: at, name: a.Name}
			d.adds++
		}
		return nil
	})
	if err != nil {
		return err
	}
	d.journal = j
	s.days[date] = d
	for _, one := range report.Damaged {
		s.o.Damaged(filepath.Join("days", date), fmt.Errorf("%d bytes of the journal of files at %d cannot be read; files that it named are looked for", one.Bytes, one.At))
	}
	return nil
}

func placeOf(i part.Info) (place, error) {
	t, err := time.Parse(time.DateOnly, i.Day)
	if err != nil {
		return place{}, fmt.Errorf("the day %q of a file is none", i.Day)
	}
	return place{i.Owner, i.Class, dayOf(t.UnixNano())}, nil
}

// adopt looks for files that no journal names. One of which another file or no
// file has the lines is taken in; the rest are deleted, as the ends of what a
// crash interrupted.
func (s *Store) adopt(known map[string]*file) error {
	var strange []*file
	root := filepath.Join(s.o.Dir, "parts")
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(s.o.Dir, path)
		if err != nil {
			return err
		}
		if strings.HasSuffix(name, ".tmp") {
			return os.Remove(path)
		}
		if known[name] != nil || !strings.HasSuffix(name, ".parquet") {
			return nil
		}
		p, err := part.Open(path)
		if err != nil {
			s.setAside(name, err)
			return nil
		}
		at, err := placeOf(p.Meta().Info)
		if err != nil {
			s.setAside(name, err)
			return nil
		}
		strange = append(strange, &file{part: p, place: at, name: name})
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(strange, func(a, b *file) int { return cmp.Compare(b.meta().Lines, a.meta().Lines) })
	for _, f := range strange {
		m := f.meta()
		overlaps := slices.ContainsFunc(s.files[f.place], func(o *file) bool {
			return o.meta().MinSeq <= m.MaxSeq && m.MinSeq <= o.meta().MaxSeq
		})
		if overlaps {
			if err := os.Remove(filepath.Join(s.o.Dir, f.name)); err != nil {
				return err
			}
			continue
		}
		if err := s.write(f.place.date(), note{Add: []noted{{f.name, m}}}); err != nil {
			return err
		}
		s.files[f.place] = append(s.files[f.place], f)
	}
	return nil
}

// write adds a note to the journal of a day. writing is held, or the store is
// being opened.
func (s *Store) write(date string, n note) error {
	d := s.days[date]
	if d == nil {
		d = &day{}
		var err error
		if d.journal, _, err = wal.OpenJournal(filepath.Join(s.o.Dir, "days", date), func([]byte) error { return nil }); err != nil {
			return err
		}
		s.days[date] = d
	}
	b, err := json.Marshal(n)
	if err != nil {
		return err
	}
	if err := d.journal.Append(b); err != nil {
		return err
	}
	d.adds += len(n.Add)
	d.dels += len(n.Del)
	return nil
}

// rewrite makes the journal of a day say what is, and nothing of what was.
func (s *Store) rewrite(date string) error {
	d := s.days[date]
	if d == nil {
		return nil
	}
	var all []noted
	s.mu.Lock()
	for at, files := range s.files {
		if at.date() == date {
			for _, f := range files {
				all = append(all, noted{f.name, f.meta()})
			}
		}
	}
	s.mu.Unlock()
	if len(all) == 0 {
		delete(s.days, date)
		return d.journal.Remove()
	}
	slices.SortFunc(all, func(a, b noted) int { return strings.Compare(a.Name, b.Name) })
	var entries [][]byte
	for some := range slices.Chunk(all, 1000) {
		b, err := json.Marshal(note{Add: some})
		if err != nil {
			return err
		}
		entries = append(entries, b)
	}
	if err := d.journal.Replace(entries...); err != nil {
		return err
	}
	d.adds, d.dels = len(all), 0
	return nil
}

// written is the number up to which the lines of a place are in files: whoever
// writes a file takes all that are in memory.
func (s *Store) written(at place) (seq uint64) {
	for _, f := range s.files[at] {
		seq = max(seq, f.meta().MaxSeq)
	}
	return seq
}

// swap puts files in the place of others, for readers and on the disk. The
// journal was written before.
func (s *Store) swap(at place, add *file, del []*file) {
	s.mu.Lock()
	files := slices.DeleteFunc(slices.Clone(s.files[at]), func(f *file) bool { return slices.Contains(del, f) })
	if add != nil {
		files = append(files, add)
	}
	if len(files) == 0 {
		delete(s.files, at)
	} else {
		s.files[at] = files
	}
	var gone []*file
	for _, f := range del {
		f.dead = true
		if f.holds == 0 {
			gone = append(gone, f)
		}
	}
	s.mu.Unlock()
	for _, f := range gone {
		s.unlink(f)
	}
}

// unlink deletes a file and the folders that are empty without it.
func (s *Store) unlink(f *file) {
	path := filepath.Join(s.o.Dir, f.name)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.o.Logger.Error("a file of logs that counts no more was not deleted; the next start does it", "file", f.name, logattr.Err(err))
		return
	}
	for dir := filepath.Dir(path); dir != filepath.Join(s.o.Dir, "parts"); dir = filepath.Dir(dir) {
		if os.Remove(dir) != nil { // not empty
			return
		}
	}
}

// hold keeps files from being deleted until they are released. mu is held.
func hold(files []*file) {
	for _, f := range files {
		f.holds++
	}
}

func (s *Store) release(files []*file) {
	var gone []*file
	s.mu.Lock()
	for _, f := range files {
		if f.holds--; f.holds == 0 && f.dead {
			gone = append(gone, f)
		}
	}
	s.mu.Unlock()
	for _, f := range gone {
		s.unlink(f)
	}
}

// setAside moves a damaged file out of the way and tells of it.
func (s *Store) setAside(name string, cause error) {
	to := filepath.Join("aside", strings.ReplaceAll(strings.TrimPrefix(name, "parts"+string(filepath.Separator)), string(filepath.Separator), "_"))
	if err := os.Rename(filepath.Join(s.o.Dir, name), filepath.Join(s.o.Dir, to)); err != nil {
		to = name
	}
	s.o.Damaged(to, cause)
}

// quarantine takes a file that turned out to be damaged out of the store.
func (s *Store) quarantine(f *file, cause error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.takeOut(f, cause)
}

// takeOut is quarantine for who holds writing.
func (s *Store) takeOut(f *file, cause error) {
	s.mu.Lock()
	there := slices.Contains(s.files[f.place], f)
	s.mu.Unlock()
	if !there {
		return // somebody was faster
	}
	if err := s.write(f.place.date(), note{Del: []string{f.name}}); err != nil {
		s.o.Logger.Error("a damaged file of logs could not be taken out", "file", f.name, logattr.Err(err))
		return
	}
	s.setAside(f.name, cause)
	s.swap(f.place, nil, []*file{f})
}

// ownerBytes are the bytes of files by owner.
func (s *Store) ownerBytes() map[record.Owner]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[record.Owner]int64{}
	for at, files := range s.files {
		for _, f := range files {
			out[at.owner] += f.meta().Bytes
		}
	}
	return out
}
