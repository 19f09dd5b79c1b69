package part

import (
	"container/heap"
	"context"
	"fmt"
	"os"
	"slices"
)

// mergeWidth is how many files are read at once: each has a page of its columns
// in memory, of small files that is all of them.
const mergeWidth = 8

// Merge writes one file of several that have the same Info. It does not delete
// them. In memory it has a page of each column of eight files, the row group
// that is written, and the filters; of more than eight files it makes fewer ones
// before, which are leftovers should it be killed.
func Merge(ctx context.Context, out string, in ...*Part) (Meta, error) {
	if len(in) == 0 {
		return Meta{}, fmt.Errorf("write %s: there is nothing to merge", out)
	}
	for _, p := range in {
		if p.meta.Info != in[0].meta.Info {
			return Meta{}, fmt.Errorf("%s and %s hold lines of different owners, classes or days", in[0].path, p.path)
		}
	}
	made := 0
	for len(in) > mergeWidth {
		var fewer []*Part
		for some := range slices.Chunk(in, mergeWidth) {
			if len(some) > 1 {
				path := fmt.Sprintf("%s.%d%s", out, made, leftover)
				made++
				meta, err := merge(ctx, path, some)
				if err != nil {
					return Meta{}, err
				}
				defer func() { _ = os.Remove(path) }()
				some = []*Part{Known(path, meta)}
			}
			fewer = append(fewer, some...)
		}
		in = fewer
	}
	return merge(ctx, out, in)
}

func merge(ctx context.Context, out string, in []*Part) (Meta, error) {
	shape := NewShape()
	var h sources
	defer func() {
		for _, s := range h {
			s.close()
		}
	}()
	for _, p := range in {
		f, err := open(p.path)
		if err != nil {
			return Meta{}, err
		}
		s := &source{cursor: f.cursor(ctx, nil)}
		h = append(h, s)
		shape.AddFields(f.fields())
		if err := s.advance(); err != nil {
			return Meta{}, err
		}
	}
	w, err := Create(out, in[0].meta.Info, shape)
	if err != nil {
		return Meta{}, err
	}
	defer w.Abort()
	heap.Init(&h)
	for len(h) > 0 {
		s := h[0]
		if err := w.Add(&s.line); err != nil {
			return Meta{}, err
		}
		if err := s.advance(); err != nil {
			return Meta{}, err
		}
		if s.done {
			heap.Pop(&h)
			s.close()
		} else {
			heap.Fix(&h, 0)
		}
	}
	return w.Close()
}

// source is a file that is merged.
type source struct {
	*cursor
	key  key
	done bool
}

func (s *source) advance() error {
	r, err := s.next()
	if err != nil {
		return err
	}
	if r == nil {
		s.done = true
		return nil
	}
	s.key = keyOf(r)
	return nil
}

func (s *source) close() {
	s.cursor.close()
	s.f.close()
}

type sources []*source

func (h sources) Len() int           { return len(h) }
func (h sources) Less(i, j int) bool { return h[i].key.compare(h[j].key) < 0 }
func (h sources) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *sources) Push(x any)        { *h = append(*h, x.(*source)) }
func (h *sources) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
