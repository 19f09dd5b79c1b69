package logstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// Erased is what was deleted of an owner, and the proof that nothing is left.
type Erased struct {
	Owner    record.Owner
	At       time.Time
	Lines    int64
	Files    []string // names of the files that are gone
	Bytes    int64    // of them
	Days     []string
	Segments int // of the write-ahead log that were written anew
	// Searched is how many files were searched for the owner's name afterwards;
	// Left names those that have it still. There are none unless something failed.
	Searched int
	Left     []string
}

// Erase deletes every line of an owner: files, memory, the write-ahead log and
// what was set aside. Then it looks whether anything of it is left and says so.
// A legal hold refuses it. Lines that come meanwhile or later are kept: whoever
// erases stops what sends first.
func (s *Store) Erase(ctx context.Context, owner record.Owner) (Erased, error) {
	out := Erased{Owner: owner, At: s.o.Now()}
	if s.o.Held(owner) {
		return out, fmt.Errorf("%s is under a legal hold, which has to end first", owner)
	}
	// Nobody writes files or merges from here on.
	s.writing.Lock()
	defer s.writing.Unlock()
	// What comes from now on is in later segments.
	until := s.log.Seal()
	dates := map[string]bool{}
	for _, at := range s.places() {
		if at.owner != owner {
			continue
		}
		files, lines := s.forget(at, until)
		out.Lines += lines
		out.Days = append(out.Days, at.date())
		for _, f := range files {
			out.Lines += f.meta().Lines
			out.Bytes += f.meta().Bytes
			out.Files = append(out.Files, f.name)
		}
		if len(files) > 0 {
			dates[at.date()] = true
			s.swap(at, nil, files)
		}
	}
	slices.Sort(out.Days)
	out.Days = slices.Compact(out.Days)
	var err error
	for date := range dates {
		err = errors.Join(err, s.rewrite(date))
	}
	// Searches that read files of the owner are waited for: each has its time.
	err = errors.Join(err, s.waitGone(ctx, out.Files))
	err = errors.Join(err, os.RemoveAll(filepath.Join(s.o.Dir, "parts", owner.Kind, owner.Slug)))
	err = errors.Join(err, s.eraseAside(owner))
	n, rewriteErr := s.log.Rewrite(until, func(b []byte) []byte { return without(b, owner) })
	out.Segments = n
	err = errors.Join(err, rewriteErr, s.dropLog())
	if err != nil {
		return out, fmt.Errorf("erase %s: %w", owner, err)
	}
	out.Searched, out.Left, err = s.searchFor(owner)
	return out, err
}

// waitGone waits until files are deleted that somebody may read still.
func (s *Store) waitGone(ctx context.Context, names []string) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for _, name := range names {
		for {
			if _, err := os.Lstat(filepath.Join(s.o.Dir, name)); errors.Is(err, fs.ErrNotExist) {
				break
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-tick.C:
			}
		}
	}
	return nil
}

// eraseAside deletes what was set aside of an owner's files.
func (s *Store) eraseAside(owner record.Owner) error {
	dir := filepath.Join(s.o.Dir, "aside")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		mine := strings.HasPrefix(e.Name(), owner.Kind+"_"+owner.Slug+"_")
		if !mine {
			// A damaged piece of the write-ahead log may hold lines of anybody.
			b, err := os.ReadFile(filepath.Join(dir, e.Name()))
			mine = err == nil && bytes.Contains(b, []byte(owner.Slug))
		}
		if mine {
			err = errors.Join(err, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	return err
}

// searchFor looks for what names an owner: in the names of files and folders,
// in the journals, and in the write-ahead log, where lines are not compressed.
func (s *Store) searchFor(owner record.Owner) (searched int, left []string, err error) {
	names := func(b []byte) bool {
		return bytes.Contains(b, []byte(`"Kind":"`+owner.Kind+`","Slug":"`+owner.Slug+`"`)) || bytes.Contains(b, encodedOwner(owner))
	}
	err = filepath.WalkDir(s.o.Dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		searched++
		name, err := filepath.Rel(s.o.Dir, path)
		if err != nil {
			return err
		}
		if strings.HasPrefix(name, filepath.Join("parts", owner.Kind, owner.Slug)+string(filepath.Separator)) {
			left = append(left, name)
			return nil
		}
		if strings.HasPrefix(name, "parts"+string(filepath.Separator)) {
			return nil // of somebody else: a file has lines of one owner
		}
		b, err := os.ReadFile(path)
		if err == nil && names(b) {
			left = append(left, name)
		}
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return err
	})
	return searched, left, err
}

// encodedOwner is an owner as the codec writes it in front of a line's class.
func encodedOwner(o record.Owner) []byte {
	b := append([]byte{byte(len(o.Kind))}, o.Kind...) //nolint:gosec // short
	b = append(b, byte(len(o.Slug)))                  //nolint:gosec // at most 128
	return append(b, o.Slug...)
}
