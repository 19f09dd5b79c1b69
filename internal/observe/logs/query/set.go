package query

import "math/bits"

// Set is some of the rows of a block.
type Set struct {
	bits []uint64
	n    int // rows of the block
}

// NewSet returns a set of none of n rows.
func NewSet(n int) *Set { return &Set{bits: make([]uint64, (n+63)/64), n: n} }

// Add puts a row in.
func (s *Set) Add(row int) { s.bits[row>>6] |= 1 << (row & 63) }

// Has says whether a row is in.
func (s *Set) Has(row int) bool { return s.bits[row>>6]&(1<<(row&63)) != 0 }

// Count is how many rows are in.
func (s *Set) Count() int {
	n := 0
	for _, w := range s.bits {
		n += bits.OnesCount64(w)
	}
	return n
}

// Empty says whether no row is in.
func (s *Set) Empty() bool {
	for _, w := range s.bits {
		if w != 0 {
			return false
		}
	}
	return true
}

// Each yields the rows in their order.
func (s *Set) Each(yield func(row int) bool) {
	for i, w := range s.bits {
		for w != 0 {
			if !yield(i<<6 + bits.TrailingZeros64(w)) {
				return
			}
			w &= w - 1
		}
	}
}

// back yields the rows from the last one on.
func (s *Set) back(yield func(row int) bool) {
	for i := len(s.bits) - 1; i >= 0; i-- {
		for w := s.bits[i]; w != 0; {
			top := 63 - bits.LeadingZeros64(w)
			if !yield(i<<6 + top) {
				return
			}
			w &^= 1 << top
		}
	}
}

func (s *Set) fill() *Set {
	for i := range s.bits {
		s.bits[i] = ^uint64(0)
	}
	s.trim()
	return s
}

// trim takes out what is behind the last row.
func (s *Set) trim() {
	if rest := s.n & 63; rest != 0 {
		s.bits[len(s.bits)-1] &= 1<<rest - 1
	}
}

func (s *Set) and(o *Set) {
	for i := range s.bits {
		s.bits[i] &= o.bits[i]
	}
}

func (s *Set) or(o *Set) {
	for i := range s.bits {
		s.bits[i] |= o.bits[i]
	}
}

func (s *Set) not() {
	for i := range s.bits {
		s.bits[i] = ^s.bits[i]
	}
	s.trim()
}
