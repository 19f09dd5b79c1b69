package part

import "encoding/binary"

// Parquet's decoders believe the counts that they read. These are looked at
// before, so that nothing makes them take more memory than a page can need.

// runsHold says whether a sequence of runs and packed numbers of so many bits
// holds n of them, and no more than its packing makes it.
func runsHold(b []byte, width, n int) bool {
	total := uint64(0)
	for len(b) > 0 {
		head, size := binary.Uvarint(b)
		if size <= 0 {
			return false
		}
		b = b[size:]
		count := head >> 1
		bytes := uint64(width+7) / 8 //nolint:gosec // few bits
		if head&1 == 1 {
			bytes = count * uint64(width) //nolint:gosec // few bits
			count *= 8
		}
		if total += count; count > uint64(n)+7 || total > uint64(n)+7 || bytes > uint64(len(b)) { //nolint:gosec // a count
			return false
		}
		b = b[bytes:]
	}
	return total >= uint64(n) //nolint:gosec // a count
}

// deltaHolds says whether a sequence of differences holds n numbers and is
// divided as ours are.
func deltaHolds(b []byte, n int) bool {
	for _, want := range [3]uint64{128, 4, uint64(n)} { //nolint:gosec // a count
		v, size := binary.Uvarint(b)
		if size <= 0 || v != want {
			return false
		}
		b = b[size:]
	}
	return true
}
