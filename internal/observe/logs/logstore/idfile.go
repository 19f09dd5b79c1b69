package logstore

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// idFile is a file of hashes of ids, sorted, 8 bytes each; after them the first
// of each page of them; at the end how many there are, of which day the newest
// is, and a checksum of all that is not a hash.
type idFile struct {
	file  *os.File
	count int
	day   int32    // of the newest
	first []uint64 // of each page
}

const (
	idPage    = 512 // hashes that are read at once: 4 KiB
	idFileEnd = 8 + 4 + 4 + 4
	idMagic   = 0x31444956 // "VID1"
	// idFileMost is how many hashes a file has at most: it goes as a whole, when
	// all in it is old.
	idFileMost = 64 << 20
)

// has says whether a hash is in the file, with one read of it at most.
func (f *idFile) has(id uint64) (bool, error) {
	page, exact := slices.BinarySearch(f.first, id)
	if exact {
		return true, nil
	}
	if page == 0 {
		return false, nil
	}
	page--
	var b [idPage * 8]byte
	n := min(idPage, f.count-page*idPage)
	if _, err := f.file.ReadAt(b[:8*n], int64(page)*idPage*8); err != nil {
		return false, err
	}
	lo, hi := 0, n
	for lo < hi {
		mid := (lo + hi) / 2
		switch at := binary.LittleEndian.Uint64(b[8*mid:]); {
		case at == id:
			return true, nil
		case at < id:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return false, nil
}

func (f *idFile) remove() error { return os.Remove(f.file.Name()) }

// writeIDFile writes the file of some ids, whole or not at all.
func writeIDFile(name string, ids map[uint64]int32) (*idFile, error) {
	newest := int32(0)
	for _, day := range ids {
		newest = max(newest, day)
	}
	return createIDFile(name, newest, func(add func(uint64) error) error {
		for _, id := range slices.Sorted(maps.Keys(ids)) {
			if err := add(id); err != nil {
				return err
			}
		}
		return nil
	})
}

// mergeIDFiles writes a file of what two have.
func mergeIDFiles(name string, a, b *idFile) (*idFile, error) {
	return createIDFile(name, max(a.day, b.day), func(add func(uint64) error) error {
		ra, rb := a.reader(), b.reader()
		x, errX := ra()
		y, errY := rb()
		for errX == nil || errY == nil {
			switch {
			case errY != nil || errX == nil && x < y:
				if err := add(x); err != nil {
					return err
				}
				x, errX = ra()
			case errX != nil || y < x:
				if err := add(y); err != nil {
					return err
				}
				y, errY = rb()
			default:
				x, errX = ra() // both have it: y is added in its turn
			}
		}
		for _, err := range []error{errX, errY} {
			if !errors.Is(err, io.EOF) {
				return err
			}
		}
		return nil
	})
}

// reader reads one hash after the other.
func (f *idFile) reader() func() (uint64, error) {
	r := bufio.NewReaderSize(io.NewSectionReader(f.file, 0, 8*int64(f.count)), 64<<10)
	var b [8]byte
	return func() (uint64, error) {
		_, err := io.ReadFull(r, b[:])
		return binary.LittleEndian.Uint64(b[:]), err
	}
}

// createIDFile writes a file of the hashes that fill adds, in their order.
func createIDFile(name string, day int32, fill func(add func(uint64) error) error) (_ *idFile, err error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return nil, err
	}
	out, err := os.OpenFile(name+leftover, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = out.Close()
			_ = os.Remove(name + leftover)
			err = fmt.Errorf("write a file of document ids: %w", err)
		}
	}()
	f := &idFile{day: day}
	w := bufio.NewWriterSize(out, 64<<10)
	var b [8]byte
	err = fill(func(id uint64) error {
		if f.count%idPage == 0 {
			f.first = append(f.first, id)
		}
		f.count++
		binary.LittleEndian.PutUint64(b[:], id)
		_, err := w.Write(b[:])
		return err
	})
	if err != nil {
		return nil, err
	}
	if _, err = w.Write(f.end()); err != nil {
		return nil, err
	}
	if err = cmp.Or(w.Flush(), out.Sync(), out.Close()); err != nil {
		return nil, err
	}
	if err = os.Rename(name+leftover, name); err != nil {
		return nil, err
	}
	if err = syncDir(filepath.Dir(name)); err != nil {
		return nil, err
	}
	f.file, err = os.Open(name)
	return f, err
}

func (f *idFile) end() []byte {
	b := make([]byte, 0, 8*len(f.first)+idFileEnd)
	for _, id := range f.first {
		b = binary.LittleEndian.AppendUint64(b, id)
	}
	b = binary.LittleEndian.AppendUint64(b, uint64(f.count)) //nolint:gosec // not negative
	b = binary.LittleEndian.AppendUint32(b, uint32(f.day))   //nolint:gosec // a day
	b = binary.LittleEndian.AppendUint32(b, idMagic)
	return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

const leftover = ".new"

// openIDFiles opens all files of a folder, which need not be there, deletes
// what a crash left half written, and names those that are damaged. last is the
// highest number that a file has.
func openIDFiles(folder string) (files []*idFile, last int, damaged []string, err error) {
	names, err := os.ReadDir(folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil, 0, nil, nil
	}
	if err != nil {
		return nil, 0, nil, err
	}
	for _, n := range names {
		path := filepath.Join(folder, n.Name())
		if strings.HasSuffix(path, leftover) {
			if err := os.Remove(path); err != nil {
				return nil, 0, nil, err
			}
			continue
		}
		if i, err := strconv.Atoi(n.Name()); err == nil {
			last = max(last, i)
		}
		f, err := openIDFile(path)
		if err != nil {
			damaged = append(damaged, n.Name())
			continue
		}
		files = append(files, f)
	}
	return files, last, damaged, nil
}

var errIDFile = errors.New("this is no whole file of document ids")

func openIDFile(path string) (_ *idFile, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = file.Close()
		}
	}()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	size := info.Size()
	var tail [idFileEnd]byte
	if size < idFileEnd {
		return nil, errIDFile
	}
	if _, err := file.ReadAt(tail[:], size-idFileEnd); err != nil {
		return nil, err
	}
	count, day := binary.LittleEndian.Uint64(tail[:]), binary.LittleEndian.Uint32(tail[8:])
	if binary.LittleEndian.Uint32(tail[12:]) != idMagic || count > idFileMost {
		return nil, errIDFile
	}
	f := &idFile{file: file, count: int(count), day: int32(day)} //nolint:gosec // bounded above; a day
	pages := (f.count + idPage - 1) / idPage
	if size != int64(8*f.count+8*pages+idFileEnd) {
		return nil, errIDFile
	}
	b := make([]byte, 8*pages+idFileEnd)
	if _, err := file.ReadAt(b, int64(8*f.count)); err != nil {
		return nil, err
	}
	if crc32.ChecksumIEEE(b[:len(b)-4]) != binary.LittleEndian.Uint32(b[len(b)-4:]) {
		return nil, errIDFile
	}
	for i := range pages {
		f.first = append(f.first, binary.LittleEndian.Uint64(b[8*i:]))
	}
	return f, nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return cmp.Or(d.Sync(), d.Close())
}
