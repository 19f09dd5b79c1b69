package query

import (
	"math"
	"math/bits"

	"github.com/cespare/xxhash/v2"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// exactly is how many distinct values are counted one by one; beyond, a
// HyperLogLog of 2^precision registers estimates them, with a standard error of
// 1.04/sqrt(2^14), 0.8 % (Flajolet et al., 2007).
const (
	exactly   = 3000
	precision = 14
)

// unique counts distinct values.
type unique struct {
	some      map[uint64]struct{} // hashes, while there are few
	registers []uint8             // nil while there are few
}

func (u *unique) add(v record.Value) { u.addHash(xxhash.Sum64String(v.Text())) }

func (u *unique) addHash(h uint64) {
	if u.registers == nil {
		if u.some == nil {
			u.some = map[uint64]struct{}{}
		}
		u.some[h] = struct{}{}
		if len(u.some) > exactly {
			u.estimate()
		}
		return
	}
	i := h >> (64 - precision)
	rank := uint8(bits.LeadingZeros64(h<<precision|1<<(precision-1)) + 1) //nolint:gosec // at most 51
	u.registers[i] = max(u.registers[i], rank)
}

func (u *unique) estimate() {
	if u.registers != nil {
		return
	}
	some := u.some
	u.some, u.registers = nil, make([]uint8, 1<<precision)
	for h := range some {
		u.addHash(h)
	}
}

func (u *unique) join(o *unique) {
	if o.registers != nil {
		u.estimate()
		for i, r := range o.registers {
			u.registers[i] = max(u.registers[i], r)
		}
	}
	for h := range o.some {
		u.addHash(h)
	}
}

func (u *unique) count() int64 {
	if u.registers == nil {
		return int64(len(u.some))
	}
	const m = 1 << precision
	sum, zeros := 0.0, 0
	for _, r := range u.registers {
		sum += math.Ldexp(1, -int(r))
		if r == 0 {
			zeros++
		}
	}
	const alpha = 0.7213 / (1 + 1.079/m)
	estimate := alpha * m * m / sum
	if estimate <= 2.5*m && zeros > 0 { // linear counting is better for few
		estimate = m * math.Log(float64(m)/float64(zeros))
	}
	return int64(math.Round(estimate))
}
