package query

import (
	"slices"
	"strings"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// Select returns the rows of a block that a filter takes: those that Match
// takes one by one. It reads whole columns, and of each only what the filter
// asks about.
func Select(f Filter, b Block) *Set {
	switch f := f.(type) {
	case All:
		return NewSet(b.Len()).fill()
	case And:
		s := NewSet(b.Len()).fill()
		for _, sub := range cheapFirst(f) {
			s.and(Select(sub, b))
			if s.Empty() {
				break
			}
		}
		return s
	case Or:
		s := NewSet(b.Len())
		for _, sub := range f {
			s.or(Select(sub, b))
		}
		return s
	case AtLeast:
		return selectAtLeast(f, b)
	case Not:
		s := Select(f.Filter, b)
		s.not()
		return s
	}
	s := NewSet(b.Len())
	field, one := leaf(f)
	switch field {
	case "":
	case AnyField:
		if c := b.Column(record.Message); c != nil {
			selectColumn(f, one, c, true, s)
		}
		for _, name := range b.Names() {
			if !record.Reserved(name) {
				if c := b.Column(name); c != nil {
					selectColumn(f, one, c, true, s)
				}
			}
		}
	default:
		if c := b.Column(field); c != nil {
			selectColumn(f, one, c, false, s)
		}
	}
	return s
}

// cheapFirst puts what reads much text last, since it is not read where nothing
// is left.
func cheapFirst(f And) And {
	cost := func(f Filter) int {
		switch f := f.(type) {
		case All, None, Range, Exists, OneOf:
			return 0
		case Equal:
			return 1
		case Words:
			if f.Field == AnyField {
				return 5
			}
			return 4
		case Pattern:
			return 6
		}
		return 3
	}
	return slices.SortedStableFunc(slices.Values(f), func(a, b Filter) int { return cost(a) - cost(b) })
}

func selectAtLeast(f AtLeast, b Block) *Set {
	if f.N <= 0 {
		return NewSet(b.Len()).fill()
	}
	counts := make([]int, b.Len())
	s := NewSet(b.Len())
	for _, sub := range f.Of {
		for row := range Select(sub, b).Each {
			if counts[row]++; counts[row] >= f.N {
				s.Add(row)
			}
		}
	}
	return s
}

// selectColumn adds the rows of which a value of the column is asked for; with
// text, only values of text count.
func selectColumn(f Filter, one func(record.Value) bool, c *Column, text bool, s *Set) {
	ok := one
	if text {
		ok = func(v record.Value) bool { return textual(v) && one(v) }
	}
	switch {
	case c.Codes != nil:
		selectDict(ok, c, s)
	case c.Ends != nil:
		selectText(f, ok, c, s)
	case c.Values != nil:
		for row, v := range c.Values {
			if v.Kind != record.None && ok(v) {
				s.Add(row)
			}
		}
	case !text:
		selectNums(f, ok, c, s)
	}
	for row, more := range c.More {
		if slices.ContainsFunc(more, ok) {
			s.Add(row)
		}
	}
}

func selectDict(ok func(record.Value) bool, c *Column, s *Set) {
	taken := make([]bool, len(c.Dict))
	some := false
	for i, v := range c.Dict {
		taken[i] = ok(v)
		some = some || taken[i]
	}
	if !some {
		return
	}
	for row, code := range c.Codes {
		if code >= 0 && taken[code] {
			s.Add(row)
		}
	}
}

// span is a range of numbers, both ends in it.
type span struct{ from, to int64 }

// spanOf is a filter as a range of a column's numbers, where it is one.
func spanOf(f Filter, kind record.Kind) (span, bool) {
	if kind != record.Int && kind != record.Moment {
		return span{}, false
	}
	all := span{-1 << 63, 1<<63 - 1}
	switch f := f.(type) {
	case Exists:
		return all, true
	case Equal:
		if f.Value.Kind == kind {
			return span{f.Value.Num, f.Value.Num}, true
		}
	case Range:
		if f.From.Kind != record.None {
			if f.From.Kind != kind || f.FromOpen && f.From.Num == all.to {
				return all, false
			}
			all.from = f.From.Num
			if f.FromOpen {
				all.from++
			}
		}
		if f.To.Kind != record.None {
			if f.To.Kind != kind || f.ToOpen && f.To.Num == -1<<63 {
				return all, false
			}
			all.to = f.To.Num
			if f.ToOpen {
				all.to--
			}
		}
		return all, true
	}
	return span{}, false
}

func selectNums(f Filter, ok func(record.Value) bool, c *Column, s *Set) {
	if r, is := spanOf(f, c.Kind); is {
		for row, n := range c.Nums {
			if n >= r.from && n <= r.to && !c.Gap(row) {
				s.Add(row)
			}
		}
		return
	}
	for row, n := range c.Nums {
		if !c.Gap(row) && ok(record.Value{Kind: c.Kind, Num: n}) {
			s.Add(row)
		}
	}
}

func selectText(f Filter, ok func(record.Value) bool, c *Column, s *Set) {
	if w, is := f.(Words); is {
		if !w.Phrase && len(w.Words) > 1 && c.More == nil {
			selectEach(w, c, s)
			return
		}
		if anchor := anchorOf(w); anchor != "" {
			findWords(w, anchor, c, s)
			return
		}
	}
	if _, is := f.(Exists); is {
		for row := range len(c.Ends) - 1 {
			if !c.Gap(row) {
				s.Add(row)
			}
		}
		return
	}
	for row := range len(c.Ends) - 1 {
		if v := c.At(row); v.Kind != record.None && ok(v) {
			s.Add(row)
		}
	}
}

// selectEach looks for words that may stand anywhere one after the other.
func selectEach(w Words, c *Column, s *Set) {
	all := NewSet(s.n).fill()
	for i, word := range w.Words {
		one := Words{Field: w.Field, Words: []string{word}, Prefix: w.Prefix && i == len(w.Words)-1}
		some := NewSet(s.n)
		selectText(one, func(v record.Value) bool { return textual(v) && one.in(v.Text()) }, c, some)
		if all.and(some); all.Empty() {
			return
		}
	}
	s.or(all)
}

// anchorOf is the word of a filter by which rows are found: the longest of
// ASCII, empty for none.
func anchorOf(w Words) string {
	anchor := ""
	for _, word := range w.Words {
		if len(word) > len(anchor) && !strings.ContainsFunc(word, func(r rune) bool { return r >= 0x80 }) {
			anchor = word
		}
	}
	return anchor
}
