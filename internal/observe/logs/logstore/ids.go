package logstore

import (
	"encoding/binary"
	"path/filepath"
	"sync"

	"github.com/vigie-ops/vigie/internal/observe/logs/wal"
)

// idsKept is how many documents with an id of their own are remembered: a
// shipper that sends one again does so soon.
const idsKept = 1 << 20

// idBook remembers the hashes of ids: those in the write-ahead log by reading
// it again, the others in a journal.
type idBook struct {
	journal *wal.Journal

	mu      sync.Mutex
	known   map[uint64]int32 // day it came
	pending map[uint64]int32 // known, and only in the write-ahead log
}

func (s *Store) openIDs() error {
	b := &idBook{known: map[uint64]int32{}, pending: map[uint64]int32{}}
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
	for range report.Damaged {
		s.o.Logger.Warn("a part of the journal of document ids cannot be read; documents that are sent again may be kept twice")
	}
	return err
}

func (b *idBook) has(id uint64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, ok := b.known[id]
	return ok
}

func (b *idBook) add(id uint64, day int32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok := b.known[id]; !ok {
		b.pending[id] = day
	}
	b.known[id] = day
}

func (b *idBook) forget(id uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.known, id)
	delete(b.pending, id)
}

// save puts on the disk what is only in the write-ahead log, before any of the
// log is dropped.
func (b *idBook) save() error {
	b.mu.Lock()
	pending, all := b.pending, map[uint64]int32(nil)
	if len(pending) == 0 {
		b.mu.Unlock()
		return nil
	}
	b.pending = map[uint64]int32{}
	if len(b.known) > idsKept {
		b.prune()
		all = make(map[uint64]int32, len(b.known))
		for id, day := range b.known {
			all[id] = day
		}
	}
	b.mu.Unlock()
	var err error
	if all != nil {
		err = b.journal.Replace(encodeIDs(all))
	} else {
		err = b.journal.Append(encodeIDs(pending))
	}
	if err != nil {
		b.mu.Lock()
		for id, day := range pending {
			b.pending[id] = day
		}
		b.mu.Unlock()
	}
	return err
}

// prune forgets the oldest ids, down to three quarters of what is kept.
func (b *idBook) prune() {
	days := map[int32]int{}
	oldest, newest := int32(1<<30), int32(0)
	for _, day := range b.known {
		days[day]++
		oldest, newest = min(oldest, day), max(newest, day)
	}
	over := len(b.known) - idsKept*3/4
	for day := oldest; day <= newest && over > 0; day++ {
		if days[day] == 0 {
			continue
		}
		for id, d := range b.known {
			if over == 0 {
				break
			}
			if d == day {
				delete(b.known, id)
				delete(b.pending, id)
				over--
			}
		}
	}
}

func encodeIDs(ids map[uint64]int32) []byte {
	out := make([]byte, 0, 12*len(ids))
	for id, day := range ids {
		out = binary.LittleEndian.AppendUint64(out, id)
		out = binary.LittleEndian.AppendUint32(out, uint32(day)) //nolint:gosec // a day
	}
	return out
}
