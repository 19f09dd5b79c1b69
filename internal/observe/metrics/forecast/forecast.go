// Package forecast says when something that grows reaches its limit.
//
// The slope is Theil and Sen's: the median of the slopes between all pairs of
// points. A log rotation or one large temporary file moves it little, where
// least squares would follow.
package forecast

import (
	"math"
	"slices"
	"time"
)

// Point is one measurement.
type Point struct {
	T time.Time
	V float64
}

// Horizon is as far as a forecast looks. What fills later, or never, is
// answered with it.
const Horizon = 365 * 24 * time.Hour

// maxPoints bounds the work: 128 points make 8,128 pairs.
const maxPoints = 128

// Slope returns the change a second, or false if there are fewer than three
// points of different times.
func Slope(points []Point) (float64, bool) {
	points = thin(points)
	if len(points) < 3 {
		return 0, false
	}
	slopes := make([]float64, 0, len(points)*(len(points)-1)/2)
	for i, a := range points {
		for _, b := range points[i+1:] {
			if dt := b.T.Sub(a.T).Seconds(); dt != 0 {
				slopes = append(slopes, (b.V-a.V)/dt)
			}
		}
	}
	if len(slopes) < 3 {
		return 0, false
	}
	slices.Sort(slopes)
	n := len(slopes)
	return (slopes[(n-1)/2] + slopes[n/2]) / 2, true
}

// thin keeps evenly spread points, always with the last one, and drops what is
// no number.
func thin(points []Point) []Point {
	ok := make([]Point, 0, len(points))
	for _, p := range points {
		if !math.IsNaN(p.V) && !math.IsInf(p.V, 0) {
			ok = append(ok, p)
		}
	}
	if len(ok) <= maxPoints {
		return ok
	}
	out := make([]Point, maxPoints)
	for i := range out {
		out[i] = ok[i*(len(ok)-1)/(maxPoints-1)]
	}
	return out
}

// Usage is what is known about one thing that can fill up.
type Usage struct {
	Used, Limit float64
	Long        []Point // seven days
	Short       []Point // six hours
}

// Windows of the two views, and how much of them must be covered by points
// before the view counts.
const (
	LongWindow  = 7 * 24 * time.Hour
	ShortWindow = 6 * time.Hour
	minLong     = 24 * time.Hour
	minShort    = 2 * time.Hour
)

// TimeToFull returns how long until Used reaches Limit, at most Horizon. Both
// views must see growth, and the later of their two answers counts: a burst of
// an hour does not announce the end of the disk, and neither does a growth that
// ended yesterday. It is false while there is too little past to say anything.
func (u Usage) TimeToFull() (time.Duration, bool) {
	if u.Limit <= 0 || math.IsNaN(u.Used) || math.IsNaN(u.Limit) {
		return 0, false
	}
	if span(u.Long) < minLong || span(u.Short) < minShort {
		return 0, false
	}
	long, ok := Slope(u.Long)
	if !ok {
		return 0, false
	}
	short, ok := Slope(u.Short)
	if !ok {
		return 0, false
	}
	if u.Used >= u.Limit {
		return 0, true
	}
	slope := min(long, short)
	if slope <= 0 {
		return Horizon, true
	}
	seconds := (u.Limit - u.Used) / slope
	if seconds >= Horizon.Seconds() {
		return Horizon, true
	}
	return time.Duration(seconds * float64(time.Second)), true
}

func span(points []Point) time.Duration {
	if len(points) == 0 {
		return 0
	}
	return points[len(points)-1].T.Sub(points[0].T)
}
