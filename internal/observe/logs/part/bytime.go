package part

import (
	"cmp"
	"container/heap"
	"context"
	"slices"
	"sync/atomic"

	"github.com/klauspost/compress/s2"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// run is rows of a group that follow each other in time: those of a service, or
// of several. A file is put into the order of time by merging its runs, of which
// there may be thousands when many files are read at once. Therefore a run has
// no page of its own open: when it needs lines, a page is decoded, the run packs
// those it will give next, and the page is given back.
type run struct {
	f        *file
	g        *groupInfo
	row, end int // the next one to pack, and the one behind the last, which may be before
	step     int
	fields   []string

	packed [][]byte // lines to come, in pieces
	open   []byte   // the piece that line is of
	rest   []byte   // what comes behind line
	line   record.Record
}

const (
	// packPiece is how much text of lines is packed at a time: what a run has
	// open.
	packPiece = 32 << 10
	// packAll bounds what all runs of all readers have packed. Beyond it each
	// packs one piece at a time, and so decodes its pages more than once.
	packAll = 64 << 20
)

// packedNow is what all runs have packed.
var packedNow atomic.Int64

// next reads the next line; false is the end. The line is good until the call
// after.
func (r *run) next(ctx context.Context, d *decodeRoom) (bool, error) {
	if len(r.rest) == 0 {
		if len(r.packed) == 0 {
			if r.row == r.end {
				return false, nil
			}
			if err := r.pack(ctx, d); err != nil {
				return false, err
			}
		}
		piece := r.packed[0]
		r.packed = r.packed[1:]
		packedNow.Add(-int64(len(piece)))
		var err error
		if r.open, err = s2.Decode(r.open[:cap(r.open)], piece); err != nil {
			return false, err // ours, from memory
		}
		r.rest = r.open
	}
	var err error
	r.rest, err = record.Decode(r.rest, &r.line)
	return err == nil, err
}

// decodeRoom is memory that the runs of a reader use one after the other.
type decodeRoom struct {
	line   record.Record
	text   []byte
	packed []byte
}

// pack decodes the page of the next row and packs its rows, or some of them
// where much is packed already.
func (r *run) pack(ctx context.Context, d *decodeRoom) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b := r.f.block(r.g)
	defer b.release()
	b.onePage = true
	p, _ := slices.BinarySearch(r.g.pages, r.row+1)
	stop := r.end
	if r.step > 0 {
		stop = min(stop, r.g.pages[p])
	} else if p > 0 {
		stop = max(stop, r.g.pages[p-1]-1)
	}
	r.packed = r.packed[:0:0]
	for d.text = d.text[:0]; r.row != stop; {
		b.read(r.row, r.fields, &d.line)
		if b.err != nil {
			return b.err
		}
		d.text = record.Append(d.text, &d.line)
		r.row += r.step
		if len(d.text) < packPiece && r.row != stop {
			continue
		}
		d.packed = s2.Encode(d.packed[:cap(d.packed)], d.text)
		d.text = d.text[:0]
		piece := slices.Clone(d.packed)
		r.packed = append(r.packed, piece)
		if packedNow.Add(int64(len(piece))) > packAll {
			break
		}
	}
	return nil
}

// close gives up what was packed.
func (r *run) close() {
	for _, piece := range r.packed {
		packedNow.Add(-int64(len(piece)))
	}
	r.packed, r.open, r.rest = nil, nil, nil
}

type runs []*run

func (h runs) Len() int { return len(h) }
func (h runs) Less(i, j int) bool {
	a, b := &h[i].line, &h[j].line
	return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.Seq, b.Seq))*h[i].step < 0
}
func (h runs) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *runs) Push(x any)   { *h = append(*h, x.(*run)) }
func (h *runs) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

func (f *file) byTime(ctx context.Context, fields []string, from, to int64, desc bool, yield func(*record.Record) error) error {
	var h runs
	var room decodeRoom
	defer func() {
		for _, r := range h {
			r.close()
		}
	}()
	for _, g := range f.groups {
		if from != 0 && g.most < from || to != 0 && g.least >= to {
			continue
		}
		some, err := f.runs(g, from, to)
		if err != nil {
			return err
		}
		for _, r := range some {
			r.fields = fields
			if r.step = 1; desc {
				r.step, r.row, r.end = -1, r.end-1, r.row-1
			}
			h = append(h, r)
			if _, err := r.next(ctx, &room); err != nil {
				return err
			}
		}
	}
	heap.Init(&h)
	for n := 0; len(h) > 0; n++ {
		if n%1024 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		r := h[0]
		if err := yield(&r.line); err != nil {
			return err
		}
		more, err := r.next(ctx, &room)
		if err != nil {
			return err
		}
		if more {
			heap.Fix(&h, 0)
		} else {
			heap.Pop(&h)
		}
	}
	return nil
}

// runs finds the runs of a group, with the rows of the times asked for. None is
// empty.
func (f *file) runs(g *groupInfo, from, to int64) ([]*run, error) {
	var h held
	defer h.release()
	times, err := f.decode(g, f.column(record.Time), 0, len(g.pages), &h)
	if err != nil {
		return nil, err
	}
	seqs, err := f.decode(g, f.column(record.Seq), 0, len(g.pages), &h)
	if err != nil {
		return nil, err
	}
	if times.Nums == nil || seqs.Nums == nil {
		return nil, damaged(f.path, g.chunks[0].at, "a line without time or number")
	}
	var all []*run
	t, s := times.Nums, seqs.Nums
	for start := 0; start < g.rows; {
		end := start + 1
		for end < g.rows && cmp.Or(cmp.Compare(t[end-1], t[end]), cmp.Compare(uint64(s[end-1]), uint64(s[end]))) <= 0 { //nolint:gosec // as it was written
			end++
		}
		r := &run{f: f, g: g, row: start, end: end}
		for from != 0 && r.row < r.end && t[r.row] < from {
			r.row++
		}
		for to != 0 && r.end > r.row && t[r.end-1] >= to {
			r.end--
		}
		if r.row < r.end {
			all = append(all, r)
		}
		start = end
	}
	return all, nil
}
