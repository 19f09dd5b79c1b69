package logstore

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cespare/xxhash/v2"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
	"github.com/vigie-ops/vigie/internal/observe/logs/wal"
)

// stream is a stream's name where nobody can read it: names hold paths, and
// with them what has to be erased.
type stream [16]byte

func streamOf(name string) (s stream) {
	sum := sha256.Sum256([]byte(name))
	copy(s[:], sum[:])
	return s
}

// mark is how far a stream was taken.
type mark struct {
	offset int64
	day    int32 // when it was taken last
}

// marksKept is how many days a stream is remembered of which nothing comes.
const marksKept = 100

// orderly is what is decided in the order of the write-ahead log.
type orderly struct {
	s     *Store
	seq   uint64 // of the next line
	marks map[stream]mark
}

// The kinds of payloads.
const payloadBatch = 1

// head is what has to be known however many segments are dropped: the next
// number and the marks.
func (o *orderly) head() []byte {
	b := binary.AppendUvarint([]byte{payloadBatch}, o.seq)
	today := dayOf(o.s.o.Now().UnixNano())
	for name, m := range o.marks {
		if today-m.day > marksKept {
			delete(o.marks, name)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(o.marks)))
	for name, m := range o.marks {
		b = appendMark(b, name, m)
	}
	return b
}

func appendMark(b []byte, name stream, m mark) []byte {
	b = append(b, name[:]...)
	b = binary.AppendVarint(b, m.offset)
	return binary.AppendVarint(b, int64(m.day))
}

// entry is a batch on its way into the write-ahead log. Its payload is a
// version, the lines with their lengths, and the marks that they move.
type entry struct {
	o     *orderly
	batch record.Batch
	out   []record.Outcome
	lines []line // of those stored; they lie in enc
	enc   []byte

	before uint64 // the next number before
	moved  []moved
	older  []bool // which ids, in their order, were in files as of moves
	moves  int
	taken  []uint64 // ids
}

type moved struct {
	name stream
	was  mark
	had  bool
}

// line is one line in an encoded batch.
type line struct {
	at, n int
	place place
	time  int64
	seq   uint64
}

// Frame implements wal.Entry: it decides what is known already.
func (e *entry) Frame(b []byte) []byte {
	o := e.o
	now := o.s.o.Now().UnixNano()
	today := dayOf(now)
	e.before = o.seq
	e.enc = e.enc[:0]
	nth := -1 // id
	for i := range e.batch.Records {
		r := &e.batch.Records[i]
		if r.ID != "" {
			nth++
		}
		if e.batch.Marks != nil {
			m := e.batch.Marks[i]
			name := streamOf(m.Stream)
			was, had := o.marks[name]
			if had && m.Offset <= was.offset {
				e.out[i] = record.Known
				continue
			}
			e.moved = append(e.moved, moved{name, was, had})
			o.marks[name] = mark{m.Offset, today}
		}
		if r.ID != "" {
			id := idOf(r.Index, r.ID)
			if !o.s.ids.take(id, max(today, dayOf(r.Time)), e.older[nth], e.moves) {
				e.out[i] = record.Duplicate
				continue
			}
			e.taken = append(e.taken, id)
		}
		r.Seq, r.Ingested = o.seq, now
		o.seq++
		at := len(e.enc)
		e.enc = record.Append(e.enc, r)
		e.lines = append(e.lines, line{at, len(e.enc) - at, place{r.Owner, r.Class, dayOf(r.Time)}, r.Time, r.Seq})
	}
	if len(e.lines) == 0 && len(e.moved) == 0 {
		return b
	}
	b = append(b, payloadBatch)
	b = binary.AppendUvarint(b, uint64(len(e.lines)))
	for _, l := range e.lines {
		b = binary.AppendUvarint(b, uint64(l.n)) //nolint:gosec // a length
		b = append(b, e.enc[l.at:l.at+l.n]...)
	}
	last := map[stream]bool{}
	for _, m := range e.moved {
		last[m.name] = true
	}
	b = binary.AppendUvarint(b, uint64(len(last)))
	for name := range last {
		b = appendMark(b, name, o.marks[name])
	}
	return b
}

// Done implements wal.Entry: what is on the disk can be found, what is not is
// taken back.
func (e *entry) Done(segment uint64, err error) {
	e.o.s.ids.written(e.taken, err == nil)
	if err == nil {
		e.o.s.remember(segment, e.enc, e.lines)
		return
	}
	if e.before > 0 {
		e.o.seq = e.before
	}
	for i := len(e.moved) - 1; i >= 0; i-- {
		if m := e.moved[i]; m.had {
			e.o.marks[m.name] = m.was
		} else {
			delete(e.o.marks, m.name)
		}
	}
}

// maxBatch is how many bytes of lines one write to the log may have.
const maxBatch = wal.MaxPayload / 2

// ErrLines is a batch that cannot be kept as it is.
var ErrLines = errors.New("these lines cannot be kept")

// Append keeps a batch and returns when it is on the disk, with what became of
// each of its lines. It sets their Seq and Ingested and keeps nothing of them
// otherwise. While memory is full it waits, and gives up with record.ErrBusy.
func (s *Store) Append(ctx context.Context, b record.Batch) ([]record.Outcome, error) {
	if len(b.Records) == 0 {
		return nil, nil
	}
	if b.Marks != nil && len(b.Marks) != len(b.Records) {
		return nil, fmt.Errorf("%w: %d lines have %d marks", ErrLines, len(b.Records), len(b.Marks))
	}
	size := 0
	var ids []uint64
	for i := range b.Records {
		r := &b.Records[i]
		if r.ID != "" {
			ids = append(ids, idOf(r.Index, r.ID))
		}
		if _, err := record.ParseOwner(r.Owner.String()); err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrLines, i, err)
		}
		if !plainClass(r.Class) {
			return nil, fmt.Errorf("%w: line %d: a class is small letters, digits, - and _, not %q", ErrLines, i, r.Class)
		}
		size += len(r.Message) + 64
		for _, f := range r.Fields {
			size += len(f.Name) + len(f.Value.Str) + 12
		}
	}
	if size > maxBatch {
		return nil, fmt.Errorf("%w: the batch has %d MiB, at most %d", ErrLines, size>>20, maxBatch>>20)
	}
	if err := s.waitForRoom(ctx); err != nil {
		return nil, err
	}
	older, moves := s.ids.lookup(ids)
	e := &entry{o: &s.order, batch: b, older: older, moves: moves, out: make([]record.Outcome, len(b.Records)), enc: make([]byte, 0, size)}
	if err := s.log.Append(e); err != nil {
		return nil, err
	}
	return e.out, nil
}

// plainClass says whether a class can be the name of a folder.
func plainClass(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

func idOf(index, id string) uint64 {
	var d xxhash.Digest
	d.Reset()
	_, _ = d.WriteString(index) // it never fails
	_, _ = d.Write([]byte{0})
	_, _ = d.WriteString(id)
	return d.Sum64()
}

// replay reads a frame of the write-ahead log again.
func (s *Store) replay(f wal.Frame) error {
	d := payload{b: f.Payload}
	if len(f.Payload) == 0 {
		return nil // the first head, of a log without anything
	}
	if d.byte() != payloadBatch {
		return fmt.Errorf("segment %d: %w", f.Segment, errPayload)
	}
	if f.Head {
		s.order.seq = max(s.order.seq, d.uvarint())
		s.readMarks(&d)
		return d.err(f.Segment)
	}
	var lines []line
	n := d.uvarint()
	for range n {
		text := d.bytes()
		if d.bad {
			break
		}
		p, err := record.PeekAt(text)
		if err != nil {
			return fmt.Errorf("segment %d: %w", f.Segment, err)
		}
		s.order.seq = max(s.order.seq, p.Seq+1)
		at := place{record.Owner{Kind: p.Owner.Kind, Slug: p.Owner.Slug}, p.Class, dayOf(p.Time)}
		if p.ID != "" {
			s.ids.add(idOf(p.Index, p.ID), max(dayOf(p.Ingested), dayOf(p.Time)))
		}
		if p.Seq <= s.written(at) {
			continue // it is in a file
		}
		lines = append(lines, line{cap(f.Payload) - cap(text), len(text), at, p.Time, p.Seq})
	}
	s.readMarks(&d)
	if err := d.err(f.Segment); err != nil {
		return err
	}
	s.remember(f.Segment, f.Payload, lines)
	return nil
}

func (s *Store) readMarks(d *payload) {
	n := d.uvarint()
	for range n {
		var name stream
		copy(name[:], d.take(len(name)))
		m := mark{d.varint(), int32(d.varint())} //nolint:gosec // a day
		if d.bad {
			return
		}
		s.order.marks[name] = m
	}
}

var errPayload = errors.New("the write-ahead log holds what this version does not know; it was written by a newer one")

// payload reads what entries and heads wrote.
type payload struct {
	b   []byte
	bad bool
}

func (d *payload) err(segment uint64) error {
	if d.bad {
		return fmt.Errorf("segment %d: %w", segment, errPayload)
	}
	return nil
}

func (d *payload) take(n int) []byte {
	if n < 0 || n > len(d.b) {
		d.bad, d.b = true, nil
		return nil
	}
	b := d.b[:n]
	d.b = d.b[n:]
	return b
}

func (d *payload) byte() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *payload) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *payload) varint() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *payload) bytes() []byte {
	n := d.uvarint()
	if n > uint64(len(d.b)) {
		d.bad, d.b = true, nil
		return nil
	}
	return d.take(int(n)) //nolint:gosec // bounded above
}

// without returns a payload without the lines of an owner; itself where it has
// none, nil where nothing is left.
func without(b []byte, owner record.Owner) []byte {
	d := payload{b: b}
	if len(b) == 0 || d.byte() != payloadBatch {
		return b
	}
	n := d.uvarint()
	var kept [][]byte
	gone := false
	for range n {
		text := d.bytes()
		p, err := record.PeekAt(text)
		if d.bad || err != nil {
			return b
		}
		if p.Owner == owner {
			gone = true
			continue
		}
		kept = append(kept, text)
	}
	if !gone {
		return b
	}
	if marks, _ := binary.Uvarint(d.b); len(kept) == 0 && marks == 0 {
		return nil
	}
	out := binary.AppendUvarint([]byte{payloadBatch}, uint64(len(kept)))
	for _, text := range kept {
		out = binary.AppendUvarint(out, uint64(len(text)))
		out = append(out, text...)
	}
	return append(out, d.b...)
}
