package wal

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
)

// Journal is one file of entries that grows at its end and is now and then
// replaced by a shorter one that says the same: an index that is kept beside
// what it tells of. It is used by one goroutine at a time.
type Journal struct {
	path  string
	nonce nonce
	size  int64 // of what counts
	dirty bool  // a failed write may have left bytes behind
	write func(f *os.File, b []byte) error
}

// OpenJournal reads the journal at path, which need not exist, handing every
// entry to replay. Torn ends and damage are reported and no errors, as in Open;
// damaged parts stay where they are until Replace. An error of replay ends it.
func OpenJournal(path string, replay func(payload []byte) error) (*Journal, Report, error) {
	j := newJournal(path)
	var r Report
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, r, err
	}
	gaps, err := j.nonce.scan(b, func(_ int, body []byte) error {
		r.Entries++
		return replay(body[1:])
	})
	if err != nil {
		return nil, r, err
	}
	j.size = int64(len(b))
	if n := len(gaps); n > 0 && gaps[n-1].end == len(b) {
		r.Torn = int64(gaps[n-1].end - gaps[n-1].at)
		j.size, j.dirty = int64(gaps[n-1].at), true
		gaps = gaps[:n-1]
	}
	for _, g := range gaps {
		r.Damaged = append(r.Damaged, Damage{Segment: filepath.Base(path), At: int64(g.at), Bytes: int64(g.end - g.at)})
	}
	r.Bytes = j.size
	return j, r, nil
}

func newJournal(path string) *Journal {
	h := fnv.New64a()
	_, _ = h.Write([]byte(filepath.Base(path))) // it never fails
	return &Journal{path: path, nonce: nonce(h.Sum64()), write: writeAndSync}
}

// Size is how many bytes the journal has on the disk.
func (j *Journal) Size() int64 { return j.size }

// Append adds entries, all of them or none, and returns when they are on the
// disk.
func (j *Journal) Append(payloads ...[]byte) error {
	b, err := j.frames(payloads)
	if err != nil {
		return err
	}
	if err := j.append(b); err != nil {
		return fmt.Errorf("write to %s: %w", j.path, err)
	}
	return nil
}

func (j *Journal) append(b []byte) error {
	f, err := os.OpenFile(j.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // synced, or cut off
	if j.dirty {
		if err := f.Truncate(j.size); err != nil {
			return err
		}
		j.dirty = false
	}
	if err := j.write(f, b); err != nil {
		j.dirty = f.Truncate(j.size) != nil
		return err
	}
	if j.size == 0 {
		if err := syncDir(filepath.Dir(j.path)); err != nil {
			j.dirty = f.Truncate(j.size) != nil
			return err
		}
	}
	j.size += int64(len(b))
	return nil
}

// Replace puts these entries in the place of all there are, whole or not at
// all. Nothing of what is no longer said stays in the file.
func (j *Journal) Replace(payloads ...[]byte) error {
	b, err := j.frames(payloads)
	if err != nil {
		return err
	}
	s := segment{path: j.path}
	if err := s.replace(b); err != nil {
		return fmt.Errorf("replace %s: %w", j.path, err)
	}
	j.size, j.dirty = s.size, false
	return nil
}

func (j *Journal) frames(payloads [][]byte) ([]byte, error) {
	var b []byte
	for _, p := range payloads {
		if len(p) > MaxPayload {
			return nil, fmt.Errorf("%d bytes, at most %d: %w", len(p), MaxPayload, ErrTooLarge)
		}
		start := len(b)
		b = append(begin(b, kindEntry), p...)
		j.nonce.finish(b, start)
	}
	return b, nil
}

// Remove deletes the journal's file.
func (j *Journal) Remove() error {
	if err := os.Remove(j.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	j.size, j.dirty = 0, false
	return syncDir(filepath.Dir(j.path))
}
