// Package bands says what is usual for a series at this time of the week, and
// how far from it a value is.
//
// What is usual is the median of what was seen at the same half hour before;
// how much it usually varies is the median absolute deviation (MAD). Both shrug
// off the incidents that lie in the past, which mean and standard deviation
// would learn as normal.
package bands

import (
	"math"
	"slices"
)

// Limit is the score from which a value is unusual, in either direction.
const Limit = 6

// MinPoints is how many points of the past a band needs.
const MinPoints = 12

// Band is what is usual.
type Band struct {
	Expected float64 // median of the past
	Spread   float64 // MAD of the past, never below the floor
}

// Floor is the smallest spread a series may have: without one, a series that
// stood still for a month would be unusual at its first wiggle.
type Floor struct {
	Absolute float64 // in the series' own unit
	Relative float64 // share of the expected value
}

// at returns the floor around an expected value.
func (f Floor) at(expected float64) float64 {
	return max(f.Absolute, f.Relative*math.Abs(expected))
}

// Learn returns the band of the values seen at the same time before, or false
// if there are too few of them. Values that are not numbers are left out.
func Learn(past []float64, floor Floor) (Band, bool) {
	vs := make([]float64, 0, len(past))
	for _, v := range past {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			vs = append(vs, v)
		}
	}
	if len(vs) < MinPoints {
		return Band{}, false
	}
	m := Median(vs)
	for i, v := range vs {
		vs[i] = math.Abs(v - m)
	}
	return Band{Expected: m, Spread: max(Median(vs), floor.at(m))}, true
}

// Lower returns the smallest value that is usual.
func (b Band) Lower() float64 { return b.Expected - Limit*b.Spread }

// Upper returns the largest value that is usual.
func (b Band) Upper() float64 { return b.Expected + Limit*b.Spread }

// Score returns how many spreads v is above (positive) or below (negative)
// what is expected.
func (b Band) Score(v float64) float64 {
	if b.Spread == 0 {
		switch {
		case v > b.Expected:
			return math.Inf(1)
		case v < b.Expected:
			return math.Inf(-1)
		}
		return 0
	}
	return (v - b.Expected) / b.Spread
}

// Unusual says whether the last two scores are both beyond the limit on the
// same side. One point alone is noise.
func Unusual(previous, last float64) bool {
	return previous > Limit && last > Limit || previous < -Limit && last < -Limit
}

// Median returns the middle of vs, which it reorders; zero if there are none.
func Median(vs []float64) float64 {
	if len(vs) == 0 {
		return 0
	}
	slices.Sort(vs)
	n := len(vs)
	if n%2 == 1 {
		return vs[n/2]
	}
	return vs[n/2-1]/2 + vs[n/2]/2
}
