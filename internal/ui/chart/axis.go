package chart

import (
	"math"
	"time"
)

// yAxis is the vertical range of a chart with its three ticks.
type yAxis struct{ low, high float64 }

// ticks are bottom, middle and top.
func (a yAxis) ticks() [3]float64 {
	return [3]float64{a.low, (a.low + a.high) / 2, a.high}
}

// at is the height of v in a drawing h high, kept inside it.
func (a yAxis) at(v, h float64) float64 {
	y := h * (1 - (v-a.low)/(a.high-a.low))
	return math.Max(0, math.Min(h, y))
}

// niceAxis finds the smallest range of round numbers that holds low to high.
// It contains zero: a chart that starts at 98 makes a ripple look like a wall.
// Whoever wants that says so with a fixed range.
func niceAxis(u Unit, low, high float64) yAxis {
	low, high = math.Min(low, 0), math.Max(high, 0)
	if high-low < 1e-9 { // nothing that a screen could tell from zero
		low, high = 0, 0
	}
	if low == 0 && high == 0 {
		high = 1
		if u == Percent {
			high = 100
		}
	}
	if u == Percent && low == 0 && high > 50 && high <= 100 {
		return yAxis{0, 100}
	}
	half := niceStep(u, (high-low)/2)
	for range 4 { // the next round number or the one after it is wide enough
		bottom := math.Floor(low/half) * half
		if bottom+2*half >= high {
			return yAxis{bottom, bottom + 2*half}
		}
		half = niceStep(u, half*1.01)
	}
	return yAxis{low, high}
}

// niceStep is the smallest round number that is at least v.
func niceStep(u Unit, v float64) float64 {
	base := 1.0
	switch u {
	case Bytes:
		for v/base > 1000 {
			base *= 1024
		}
	case Seconds:
		for _, s := range []float64{60, 3600, 86400} {
			if v > s/2 {
				base = s
			}
		}
	}
	v /= base
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 2.5, 5, 10} {
		// The tolerance forgives the last bit that a division lost.
		if m == 2.5 && power <= 1 && u == Count {
			continue
		}
		if m*power >= v*(1-1e-9) {
			if u == Count && m*power < 1 {
				return 1
			}
			return m * power * base
		}
	}
	return 10 * power * base
}

// xTick is one label of the time axis.
type xTick struct {
	at    time.Time
	label string
}

// timeTicks puts about six labels on round local times. Days start where
// the zone's days start, also when the clock is changed.
func timeTicks(from, to time.Time, zone *time.Location) []xTick {
	const most, mostLong = 6, 4 // labels with seconds are long, and some charts small
	span := to.Sub(from)
	if span <= 0 {
		return nil
	}
	from = from.In(zone)
	y, m, d := from.Date()
	var ticks []xTick
	add := func(t time.Time, layout string) bool {
		if t.After(to) {
			return false
		}
		if !t.Before(from) && (len(ticks) == 0 || t.After(ticks[len(ticks)-1].at)) {
			ticks = append(ticks, xTick{t, t.Format(layout)})
		}
		return true
	}
	for _, step := range []time.Duration{
		time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second,
		time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	} {
		if span/step >= most || step < time.Minute && span/step >= mostLong {
			continue
		}
		secs := int(step / time.Second)
		layout := "15:04"
		if step < time.Minute {
			layout = "15:04:05"
		}
		first := from.Hour()*3600/secs + from.Minute()*60/secs - 2
		for k := max(0, first); ; k++ {
			t := time.Date(y, m, d, 0, 0, k*secs, 0, zone)
			l := layout
			if t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0 {
				l = "Mon 2"
			}
			if !add(t, l) {
				return ticks
			}
		}
	}
	days := 1
	for _, days = range []int{1, 2, 5, 7, 14, 30, 61, 91, 182, 365, 730, 3650} {
		if span/(time.Duration(days)*24*time.Hour) <= most+1 {
			break
		}
	}
	layout := "2 Jan"
	switch {
	case span < 9*24*time.Hour:
		layout = "Mon 2"
	case span > 330*24*time.Hour:
		layout = "Jan 2006"
	}
	for k := 0; k < 10000; k++ {
		if !add(time.Date(y, m, d+k*days, 0, 0, 0, 0, zone), layout) {
			break
		}
	}
	return ticks
}
