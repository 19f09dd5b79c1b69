package chart

import (
	"math"
	"strconv"
	"strings"
)

// Unit says what the numbers of a chart are, so that ticks, sentences and the
// crosshair write them alike.
type Unit string

// The units a chart can have.
const (
	None           Unit = ""
	Percent        Unit = "percent" // 0 to 100
	Bytes          Unit = "bytes"   // steps of 1024
	BytesPerSecond Unit = "bytes/s" // steps of 1000, as networks are sold
	Seconds        Unit = "seconds"
	Count          Unit = "count"
)

// nbsp keeps a number and its unit on one line.
const nbsp = "\u00a0"

// scale is one step of a unit: values from size upwards are divided by it.
type scale struct {
	size float64
	name string
}

// scales lists the steps of each unit, largest first.
func (u Unit) scales() []scale {
	switch u {
	case Percent:
		return []scale{{1, "%"}}
	case Bytes:
		return []scale{{1 << 50, "PiB"}, {1 << 40, "TiB"}, {1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}, {1, "B"}}
	case BytesPerSecond:
		return []scale{{1e12, "TB/s"}, {1e9, "GB/s"}, {1e6, "MB/s"}, {1e3, "kB/s"}, {1, "B/s"}}
	case Seconds:
		return []scale{{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}, {1e-3, "ms"}, {1e-6, "µs"}}
	default:
		return []scale{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e4, "k"}, {1, ""}}
	}
}

// divisor is what a value of this step is divided by. Counts switch to
// thousands only from ten thousand on: 1 204 says more than 1.2 k.
func (s scale) divisor() float64 {
	if s.name == "k" {
		return 1e3
	}
	return s.size
}

// scaleFor picks the step in which v reads best.
func (u Unit) scaleFor(v float64) scale {
	steps := u.scales()
	for _, s := range steps {
		if math.Abs(v) >= s.size {
			return s
		}
	}
	if u == Seconds && v != 0 {
		return steps[len(steps)-1]
	}
	for _, s := range steps {
		if s.size == 1 {
			return s
		}
	}
	return steps[len(steps)-1]
}

// Words writes one value with its unit, "5.1 GiB" or "99.71 %". A value that
// is not a number reads "no data".
func (u Unit) Words(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "no data"
	}
	if u == Percent {
		return percent(v)
	}
	s := u.scaleFor(v)
	return join(number(v/s.divisor()), s.name)
}

// tick writes a value of an axis whose largest value is top: all ticks of one
// axis share one unit.
func (u Unit) tick(v, top float64) string {
	s := u.scaleFor(top)
	if v == 0 && u != Percent {
		return "0"
	}
	exact := trim(strconv.FormatFloat(v/s.divisor(), 'f', 3, 64))
	if len(exact) > 4 { // what stands left of the axis has little room
		exact = number(v / s.divisor())
	}
	return join(exact, s.name)
}

// percent never rounds a value up to 100: what reads 100 % is 100 %. Between
// 99 and 100 two digits are kept, because there they are the message.
func percent(v float64) string {
	a := math.Abs(v)
	switch {
	case v > 99 && v < 100:
		return trim(strconv.FormatFloat(math.Floor(v*100+1e-6)/100, 'f', 2, 64)) + nbsp + "%"
	case a > 0 && a < 0.01:
		return "<" + nbsp + "0.01" + nbsp + "%"
	case a < 1:
		return trim(strconv.FormatFloat(v, 'f', 2, 64)) + nbsp + "%"
	case a < 10:
		return trim(strconv.FormatFloat(v, 'f', 1, 64)) + nbsp + "%"
	default:
		return strconv.FormatFloat(v, 'f', 0, 64) + nbsp + "%"
	}
}

// number keeps three digits that matter; whole parts are never shortened and
// get a space every three digits.
func number(v float64) string {
	a := math.Abs(v)
	switch {
	case a >= 100:
		return group(strconv.FormatFloat(v, 'f', 0, 64))
	case a >= 10:
		return trim(strconv.FormatFloat(v, 'f', 1, 64))
	case a >= 1 || a == 0:
		return trim(strconv.FormatFloat(v, 'f', 2, 64))
	default:
		return trim(strconv.FormatFloat(v, 'f', 3, 64))
	}
}

func join(n, unit string) string {
	if unit == "" {
		return n
	}
	return n + nbsp + unit
}

// trim drops zeros after the point, and the sign of a zero.
func trim(s string) string {
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	if s == "-0" || s == "" {
		return "0"
	}
	return s
}

// group puts a no-break space between thousands: "1 204".
func group(s string) string {
	sign, digits := "", s
	if strings.HasPrefix(s, "-") {
		sign, digits = "-", s[1:]
	}
	if len(digits) <= 3 {
		return s
	}
	var b strings.Builder
	b.WriteString(sign)
	for i, r := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteString(nbsp)
		}
		b.WriteRune(r)
	}
	return b.String()
}
