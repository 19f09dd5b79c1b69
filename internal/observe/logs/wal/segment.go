package wal

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// segment is one file of frames.
type segment struct {
	number uint64 // growing by one from segment to segment
	nonce  nonce
	path   string
	size   int64 // up to the end of the last frame that counts
}

const (
	segmentSuffix = ".wal"
	tmpSuffix     = ".tmp"
)

func newSegment(dir string, number uint64) *segment {
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails
	s := &segment{number: number, nonce: nonce(binary.LittleEndian.Uint64(b[:]))}
	s.path = filepath.Join(dir, fmt.Sprintf("%012d-%016x%s", number, uint64(s.nonce), segmentSuffix))
	return s
}

// parseName reads what newSegment put into a file's name.
func parseName(name string) (number uint64, n nonce, ok bool) {
	name, ok = strings.CutSuffix(name, segmentSuffix)
	if !ok {
		return 0, 0, false
	}
	first, second, ok := strings.Cut(name, "-")
	if !ok {
		return 0, 0, false
	}
	number, err := strconv.ParseUint(first, 10, 64)
	if err != nil {
		return 0, 0, false
	}
	v, err := strconv.ParseUint(second, 16, 64)
	return number, nonce(v), err == nil
}

// list returns the segments of a folder in order. What a rewrite left
// unfinished is removed: the segment it was to replace is still there.
func list(dir string) ([]*segment, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []*segment
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if strings.HasSuffix(e.Name(), segmentSuffix+tmpSuffix) {
			if err := os.Remove(path); err != nil {
				return nil, err
			}
			continue
		}
		number, n, ok := parseName(e.Name())
		if !ok {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		all = append(all, &segment{number: number, nonce: n, path: path, size: info.Size()})
	}
	slices.SortFunc(all, func(a, b *segment) int { return strings.Compare(a.path, b.path) })
	return all, nil
}

// replace puts other bytes in the place of a segment's, whole or not at all.
func (s *segment) replace(b []byte) error {
	tmp := s.path + tmpSuffix
	err := writeFile(tmp, b)
	if err == nil {
		err = os.Rename(tmp, s.path)
	}
	if err != nil {
		_ = os.Remove(tmp)
		return err
	}
	s.size = int64(len(b))
	return syncDir(filepath.Dir(s.path))
}

func writeFile(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if err := writeAndSync(f, b); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}

func writeAndSync(f *os.File, b []byte) error {
	if _, err := f.Write(b); err != nil {
		return err
	}
	return f.Sync()
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	return d.Sync()
}
