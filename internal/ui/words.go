package ui

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/ui/chart"
)

// Ago says how long ago something was: "3 min ago", and "in 3 min" for what
// is still to come. Ages are rounded down: what reads 2 h was at least that.
func Ago(d time.Duration) string {
	if d < 0 {
		if d > -time.Second {
			return "now"
		}
		return "in " + coarse(-d)
	}
	if d < 5*time.Second {
		return "just now"
	}
	return coarse(d) + " ago"
}

// coarse is one number and one unit.
func coarse(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Minute:
		return strconv.Itoa(int(d/time.Second)) + " s"
	case d < time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + " min"
	case d < 2*day:
		return strconv.Itoa(int(d/time.Hour)) + " h"
	case d < 730*day:
		return strconv.Itoa(int(d/day)) + " days"
	default:
		return strconv.Itoa(int(d/(365*day))) + " years"
	}
}

// Duration says how long something takes, in at most two units: "190 ms",
// "1 min 40 s", "6 h 12 min", "41 days".
func Duration(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < 0:
		return "-" + Duration(-max(d, -math.MaxInt64))
	case d == 0:
		return "0 s"
	case d < time.Millisecond:
		return "<1 ms"
	case d < time.Second:
		return strconv.Itoa(int(d/time.Millisecond)) + " ms"
	case d < 10*time.Second:
		s := strconv.FormatFloat(math.Floor(d.Seconds()*10)/10, 'f', 1, 64)
		return strings.TrimSuffix(s, ".0") + " s"
	case d < time.Minute:
		return strconv.Itoa(int(d/time.Second)) + " s"
	case d < time.Hour:
		return pair(int(d/time.Minute), " min", int(d%time.Minute/time.Second), " s")
	case d < day:
		return pair(int(d/time.Hour), " h", int(d%time.Hour/time.Minute), " min")
	case d < 10*day:
		return pair(int(d/day), plural(int(d/day), " day", " days"), int(d%day/time.Hour), " h")
	default:
		return strconv.Itoa(int(d/day)) + " days"
	}
}

func pair(a int, ua string, b int, ub string) string {
	if b == 0 {
		return strconv.Itoa(a) + ua
	}
	return strconv.Itoa(a) + ua + " " + strconv.Itoa(b) + ub
}

func plural(n int, one, many string) string {
	if n == 1 || n == -1 {
		return one
	}
	return many
}

// Bytes writes a size in steps of 1024: "5.1 GiB".
func Bytes(n float64) string { return chart.Bytes.Words(n) }

// Percent writes a value of 0 to 100: "71 %", "99.71 %". It never rounds up
// to 100 %.
func Percent(v float64) string { return chart.Percent.Words(v) }

// SI writes a large number short: "12.4 k".
func SI(v float64) string { return chart.Count.Words(v) }

// Digits is a whole number; thousands stand apart with a space that does not
// break.
func Digits(n int64) string {
	digits, sign := strconv.FormatInt(n, 10), ""
	if n < 0 {
		digits, sign = digits[1:], "-"
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "\u00a0" + digits[i:]
	}
	return sign + digits
}

// Count writes a number with its noun: "1 server", "1 204 servers".
func Count(n int, one, many string) string {
	return Digits(int64(n)) + " " + plural(n, one, many)
}

// Initials are the one or two letters of a face.
func Initials(name string) string {
	words := strings.Fields(name)
	if len(words) == 0 {
		return "?"
	}
	first := []rune(words[0])[:1]
	if len(words) > 1 {
		first = append(first, []rune(words[len(words)-1])[0])
	}
	return strings.ToUpper(string(first))
}
