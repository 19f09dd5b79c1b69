package part

import (
	"encoding/binary"
	"math/bits"
)

// A filter is a split block bloom filter, as in Parquet's own: blocks of 32
// bytes, of which a token sets a bit in each of eight words. A look costs one
// block, so that filters stay on disk.
const (
	bloomBlock = 32
	// bloomBits is how many bits a token gets: about one in two hundred of others
	// is taken for one.
	bloomBits = 12
	// maxBloom bounds a filter; beyond, it tells less well.
	maxBloom = 1 << 20
	// maxTokens is how many are gathered; a group with more has no filter, which
	// would tell nothing.
	maxTokens = 1 << 20
)

var bloomSalt = [8]uint32{0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31}

// newBloom makes a filter of tokens.
func newBloom(tokens *tokenSet) []byte {
	if tokens.n == 0 || tokens.n >= maxTokens {
		return nil
	}
	size := (tokens.n*bloomBits/8 + bloomBlock - 1) / bloomBlock * bloomBlock
	b := make([]byte, min(max(size, bloomBlock), maxBloom))
	for t := range tokens.all {
		block := b[bloomAt(len(b), t):]
		for i, salt := range bloomSalt {
			w := binary.LittleEndian.Uint32(block[i*4:])
			binary.LittleEndian.PutUint32(block[i*4:], w|1<<(uint32(t)*salt>>27)) //nolint:gosec // the lower half
		}
	}
	return b
}

// bloomAt is where the block of a token begins in a filter of size bytes.
func bloomAt(size int, token uint64) int {
	hi, _ := bits.Mul64(token, uint64(size/bloomBlock)) //nolint:gosec // a size
	return int(hi) * bloomBlock                         //nolint:gosec // less than size
}

// inBloom says whether a token may be among those of a block.
func inBloom(block []byte, token uint64) bool {
	for i, salt := range bloomSalt {
		if binary.LittleEndian.Uint32(block[i*4:])&(1<<(uint32(token)*salt>>27)) == 0 { //nolint:gosec // the lower half
			return false
		}
	}
	return true
}

// tokenSet gathers distinct tokens: a table of open places, for there are
// millions of words and few distinct ones.
type tokenSet struct {
	table []uint64 // zero is free
	n     int
}

func (s *tokenSet) add(t uint64) {
	if t == 0 {
		t = 1 // a filter only has more in it
	}
	if s.n >= maxTokens {
		return
	}
	if 2*s.n >= len(s.table) {
		s.grow()
	}
	mask := uint64(len(s.table) - 1)
	for i := t & mask; ; i = (i + 1) & mask {
		switch s.table[i] {
		case t:
			return
		case 0:
			s.table[i] = t
			s.n++
			return
		}
	}
}

func (s *tokenSet) grow() {
	old := s.table
	s.table, s.n = make([]uint64, max(1<<14, 2*len(old))), 0
	for _, t := range old {
		if t != 0 {
			s.add(t)
		}
	}
}

func (s *tokenSet) all(yield func(uint64) bool) {
	for _, t := range s.table {
		if t != 0 && !yield(t) {
			return
		}
	}
}

func (s *tokenSet) reset() {
	clear(s.table)
	s.n = 0
}
