package chart

import (
	"math"
	"slices"
	"time"
)

// outline writes the path of a series. A value that is not a number, or a
// hole of more than twice the usual distance, lifts the pen: a line across an
// outage would claim what nobody measured.
func outline(c *canvas, w window, y yAxis, h float64, points []Point, closed bool) {
	hole := 5 * usualStep(points) / 2
	down := false
	var start, prev float64
	var last time.Time
	closeRun := func() {
		if closed && down {
			c.raw("L").num(prev).raw(",").num(y.at(math.Max(0, y.low), h)).raw("L").num(start).raw(",").num(y.at(math.Max(0, y.low), h)).raw("Z")
		}
		if down && !closed && prev == start {
			c.raw("h0") // a point between two gaps shows as a dot
		}
		down = false
	}
	for _, p := range points {
		if !finite(p.V) || !w.holds(p.T) {
			closeRun()
			continue
		}
		if down && hole > 0 && p.T.Sub(last) > hole {
			closeRun()
		}
		x := wide * w.share(p.T)
		if down {
			c.raw("L")
		} else {
			c.raw("M")
			start = x
		}
		c.num(x).raw(",").num(y.at(p.V, h))
		down, prev, last = true, x, p.T
	}
	closeRun()
}

// usualStep is the middle distance between neighbours, 0 for fewer than three
// points.
func usualStep(points []Point) time.Duration {
	if len(points) < 3 {
		return 0
	}
	gaps := make([]time.Duration, 0, len(points)-1)
	for i := 1; i < len(points); i++ {
		gaps = append(gaps, points[i].T.Sub(points[i-1].T))
	}
	slices.Sort(gaps)
	return gaps[len(gaps)/2]
}
