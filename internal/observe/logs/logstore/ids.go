package logstore

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"sync"

	"github.com/vigie-ops/vigie/internal/observe/logs/wal"
)

// idBook remembers the hashes of documents' ids for as long as lines of their
// days are kept: those in the write-ahead log by reading it again, the newest
// others in a journal and in memory, all older ones in sorted files.
type idBook struct {
	journal *wal.Journal
	kept    int // in memory and in the journal
	folder  string
	log     *slog.Logger

	mu      sync.Mutex
	known   map[uint64]int32 // the later of the day it came and the day it is of
	pending map[uint64]int32 // known, and only in the write-ahead log
	writing map[uint64]int32 // on their way into the write-ahead log, or not
	older   []*idFile
	number  int // of the last file
	moves   int // how often ids went from known to older
}

func (s *Store) openIDs() error {
	b := &idBook{
		kept: s.o.IDs, folder: filepath.Join(s.o.Dir, "older-ids"), log: s.o.Logger,
		known: map[uint64]int32{}, pending: map[uint64]int32{}, writing: map[uint64]int32{},
	}
	s.ids = b
	var err error
	var report wal.Report
	b.journal, report, err = wal.OpenJournal(filepath.Join(s.o.Dir, "ids"), func(p []byte) error {
		for len(p) >= 12 {
			b.known[binary.LittleEndian.Uint64(p)] = int32(binary.LittleEndian.Uint32(p[8:])) //nolint:gosec // a day
			p = p[12:]
		}
		return nil
	})
	if err != nil {
		return err
	}
	for range report.Damaged {
		b.log.Warn("a part of the journal of document ids cannot be read; documents that are sent again may be kept twice")
	}
	var damaged []string
	b.older, b.number, damaged, err = openIDFiles(b.folder)
	for _, name := range damaged {
		b.log.Warn("a file of document ids cannot be read; documents that are sent again may be kept twice", "file", name)
	}
	return err
}

func (b *idBook) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range b.older {
		_ = f.file.Close() // it was only read
	}
	b.older = nil
}

// lookup tells which ids are in files, and as of which move. It reads the disk.
func (b *idBook) lookup(ids []uint64) (found []bool, moves int) {
	b.mu.Lock()
	older, moves := b.older, b.moves
	b.mu.Unlock()
	found = make([]bool, len(ids))
	for i, id := range ids {
		found[i] = len(older) > 0 && b.isIn(older, id)
	}
	return found, moves
}

// isIn says whether a file has an id. One that cannot be read has none: a
// document that is kept twice is better than one that is lost.
func (b *idBook) isIn(files []*idFile, id uint64) bool {
	for _, f := range files {
		ok, err := f.has(id)
		if err != nil {
			b.log.Warn("a file of document ids cannot be read; documents that are sent again may be kept twice", "file", f.file.Name(), "error", err)
		}
		if ok {
			return true
		}
	}
	return false
}

// take claims an id for a document that is about to be written and says
// whether it is new. found is what lookup said of it, as of moves.
func (b *idBook) take(id uint64, day int32, found bool, moves int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if found {
		return false
	}
	if _, ok := b.known[id]; ok {
		return false
	}
	if _, ok := b.writing[id]; ok {
		return false
	}
	if moves != b.moves && b.isIn(b.older, id) {
		return false
	}
	b.writing[id] = day
	return true
}

// written says of claimed ids that their documents are in the write-ahead log,
// or that they are not.
func (b *idBook) written(ids []uint64, ok bool) {
	if len(ids) == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range ids {
		if ok {
			b.known[id], b.pending[id] = b.writing[id], b.writing[id]
		}
		delete(b.writing, id)
	}
}

// add remembers an id that the write-ahead log has, when it is read again.
func (b *idBook) add(id uint64, day int32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok := b.known[id]; !ok {
		b.known[id], b.pending[id] = day, day
	}
}

// save puts on the disk what is only in the write-ahead log, before any of the
// log is dropped. One at a time may call it.
func (b *idBook) save() error {
	b.mu.Lock()
	pending := b.pending
	if len(pending) == 0 {
		b.mu.Unlock()
		return nil
	}
	b.pending = map[uint64]int32{}
	var known map[uint64]int32
	if len(b.known) > b.kept {
		known = maps.Clone(b.known)
	}
	b.mu.Unlock()
	err := b.put(pending, known)
	if err != nil {
		b.mu.Lock()
		maps.Copy(b.pending, pending)
		b.mu.Unlock()
	}
	return err
}

// put appends ids to the journal, or moves the oldest of all of them into a file
// and leaves three quarters of those that are kept. A crash between the two
// leaves some in both.
func (b *idBook) put(pending, known map[uint64]int32) error {
	if known == nil {
		return b.journal.Append(encodeIDs(pending))
	}
	old := oldest(known, len(known)-b.kept*3/4)
	f, err := writeIDFile(b.newName(), old)
	if err != nil {
		return err
	}
	b.mu.Lock()
	b.older = append(slices.Clone(b.older), f)
	b.moves++
	for id := range old {
		delete(b.known, id)
		delete(known, id)
	}
	b.mu.Unlock()
	return b.journal.Replace(encodeIDs(known))
}

func (b *idBook) newName() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.number++
	return filepath.Join(b.folder, fmt.Sprintf("%08d", b.number))
}

// oldest are n ids of which none is of a later day than any other of all.
func oldest(all map[uint64]int32, n int) map[uint64]int32 {
	perDay := map[int32]int{}
	for _, day := range all {
		perDay[day]++
	}
	out := make(map[uint64]int32, n)
	for _, day := range slices.Sorted(maps.Keys(perDay)) {
		for id, d := range all {
			if len(out) == n {
				return out
			}
			if d == day {
				out[id] = d
			}
		}
	}
	return out
}

// tidyIDs forgets the ids of days of which there is no line any more.
func (s *Store) tidyIDs() error {
	first := dayOf(s.o.Now().UnixNano())
	for _, at := range s.places() {
		first = min(first, at.day)
	}
	return s.ids.tidy(first)
}

// tidy merges files of ids that are about as large, so that few have to be
// asked, and deletes those that are of days before the first of which there are
// lines.
func (b *idBook) tidy(first int32) error {
	b.mu.Lock()
	older := b.older
	b.mu.Unlock()
	kept := slices.Clone(older)
	var gone []*idFile
	kept = slices.DeleteFunc(kept, func(f *idFile) bool {
		if f.day < first {
			gone = append(gone, f)
		}
		return f.day < first
	})
	var err error
	for err == nil {
		slices.SortFunc(kept, func(x, y *idFile) int { return y.count - x.count })
		n := len(kept)
		if n < 2 || kept[n-2].count >= 2*kept[n-1].count || kept[n-1].count+kept[n-2].count > idFileMost {
			break
		}
		var merged *idFile
		if merged, err = mergeIDFiles(b.newName(), kept[n-2], kept[n-1]); err == nil {
			gone = append(gone, kept[n-2], kept[n-1])
			kept = append(kept[:n-2], merged)
		}
	}
	if len(gone) == 0 {
		return err
	}
	b.mu.Lock()
	// One may have come meanwhile.
	kept = append(kept, slices.DeleteFunc(slices.Clone(b.older), func(f *idFile) bool { return slices.Contains(older, f) })...)
	b.older = kept
	b.mu.Unlock()
	for _, f := range gone {
		// Who looks something up in it may go on; it is closed once nobody has it.
		if e := f.remove(); err == nil {
			err = e
		}
	}
	return err
}

func encodeIDs(ids map[uint64]int32) []byte {
	out := make([]byte, 0, 12*len(ids))
	for id, day := range ids {
		out = binary.LittleEndian.AppendUint64(out, id)
		out = binary.LittleEndian.AppendUint32(out, uint32(day)) //nolint:gosec // a day
	}
	return out
}
