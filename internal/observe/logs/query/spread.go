package query

import (
	"maps"
	"math"
	"slices"
)

// keptNumbers is how many numbers percentiles are worked out of exactly;
// beyond, they are counted in classes whose bounds are 1 % apart, so that a
// percentile is at most 0.5 % away from a number that is there (DDSketch, Masson
// et al., 2019).
const keptNumbers = 4000

const growth = 1.01

var logGrowth = math.Log(growth)

// spread knows how numbers are distributed.
type spread struct {
	n       int64
	exact   []float64
	classes map[int]int64 // by class of the logarithm, the negative ones turned round
	below   map[int]int64
	zero    int64
}

func (s *spread) add(f float64) {
	if math.IsNaN(f) {
		return
	}
	s.n++
	if s.classes == nil {
		if len(s.exact) < keptNumbers {
			s.exact = append(s.exact, f)
			return
		}
		s.classify()
	}
	s.count(f, 1)
}

func (s *spread) count(f float64, n int64) {
	switch {
	case math.Abs(f) < 1e-9:
		s.zero += n
	case f > 0:
		s.classes[classOf(f)] += n
	default:
		s.below[classOf(-f)] += n
	}
}

func classOf(f float64) int { return int(math.Ceil(math.Log(min(f, math.MaxFloat64)) / logGrowth)) }

func middle(class int) float64 { return 2 * math.Exp(float64(class)*logGrowth) / (1 + growth) }

func (s *spread) classify() {
	if s.classes != nil {
		return
	}
	s.classes, s.below = map[int]int64{}, map[int]int64{}
	for _, f := range s.exact {
		s.count(f, 1)
	}
	s.exact = nil
}

func (s *spread) join(o *spread) {
	if o.classes == nil {
		for _, f := range o.exact {
			s.add(f)
		}
		return
	}
	s.classify()
	s.n += o.n
	s.zero += o.zero
	for c, n := range o.classes {
		s.classes[c] += n
	}
	for c, n := range o.below {
		s.below[c] += n
	}
}

// at is the value below which q of a hundred numbers lie; between two of few
// numbers it lies on the line that joins them.
func (s *spread) at(q float64) float64 {
	if s.n == 0 {
		return math.NaN()
	}
	rank := q / 100 * float64(s.n-1)
	if s.classes == nil {
		all := slices.Sorted(slices.Values(s.exact))
		i := int(rank)
		if i+1 >= len(all) {
			return all[len(all)-1]
		}
		return all[i] + (all[i+1]-all[i])*(rank-float64(i))
	}
	left := int64(rank)
	below := slices.Sorted(maps.Keys(s.below))
	for _, c := range slices.Backward(below) {
		if left -= s.below[c]; left < 0 {
			return -middle(c)
		}
	}
	if left -= s.zero; left < 0 {
		return 0
	}
	last := 0.0
	for _, c := range slices.Sorted(maps.Keys(s.classes)) {
		last = middle(c)
		if left -= s.classes[c]; left < 0 {
			break
		}
	}
	return last
}
