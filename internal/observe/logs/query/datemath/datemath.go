// Package datemath reads times as people write them into searches: dates of any
// precision, and sums of Elasticsearch such as now-15m/d and 2026-11-25||+1M/d.
package datemath

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// ErrTime is text that is no time.
var ErrTime = errors.New("the time cannot be read")

// Span is what a time stands for: a date is its whole day, a time of day in
// seconds the whole second. Both ends are nanoseconds since 1970, From is in it,
// To is not; a moment has To equal to From.
type Span struct{ From, To int64 }

// Moment says whether the span is a single moment.
func (s Span) Moment() bool { return s.From == s.To }

// maxMath bounds the steps of a sum.
const maxMath = 20

// Looks says whether a text is meant as a time: it begins with a date, or with
// now and what may follow it.
func Looks(text string) bool {
	if rest, ok := strings.CutPrefix(text, "now"); ok {
		return rest == "" || strings.ContainsAny(rest[:1], "+-/")
	}
	if date, _, ok := strings.Cut(text, "||"); ok {
		return len(date) >= 4 && isDigits(date[:4])
	}
	if len(text) < len("2006-01-02") {
		return false
	}
	return isDigits(text[:4]) && text[4] == '-' && isDigits(text[5:7]) && text[7] == '-' && isDigits(text[8:10])
}

// Parse reads a time. Text without an offset is in zone; nil is UTC.
func Parse(text string, now time.Time, zone *time.Location) (Span, error) {
	if zone == nil {
		zone = time.UTC
	}
	var at time.Time
	unit := byte(0)
	math, ok := strings.CutPrefix(text, "now")
	if ok {
		at = now.In(zone)
	} else {
		var date string
		date, math, _ = strings.Cut(text, "||")
		if at, unit, ok = absolute(date, zone); !ok {
			return Span{}, fmt.Errorf("%w: %.60q; write it like 2026-11-25, 2026-11-25T10:00:00Z or now-15m", ErrTime, text)
		}
	}
	at, rounded, err := sum(at, math)
	if err != nil {
		return Span{}, fmt.Errorf("%w: %.60q; %w", ErrTime, text, err)
	}
	if math != "" {
		unit = rounded
	}
	end := at
	if unit != 0 {
		end = step(at, 1, unit)
	}
	if at.Year() < 1678 || end.Year() > 2261 {
		return Span{}, fmt.Errorf("%w: %.60q; years are from 1678 to 2261", ErrTime, text)
	}
	return Span{at.UnixNano(), end.UnixNano()}, nil
}

// absolute reads a date, and to which unit it is written; 0 for a moment.
func absolute(s string, zone *time.Location) (at time.Time, unit byte, ok bool) {
	full := s
	switch {
	case len(s) == len("2006") && isDigits(s):
		full, unit = s+"-01-01", 'y'
	case len(s) == len("2006-01") && s[4] == '-':
		full, unit = s+"-01", 'M'
	case len(s) == len("2006-01-02"):
		unit = 'd'
	case len(s) == len("2006-01-02T15"):
		full, unit = s+":00", 'h'
	}
	ns, ok := record.ParseTime(full)
	if !ok {
		return at, 0, false
	}
	zoned := false
	if len(full) > len("2006-01-02T15:04") {
		rest := full[len("2006-01-02T15:04"):]
		zoned = strings.ContainsAny(rest, "Zz+-UG")
		if strings.ContainsAny(rest, ".,") {
			unit = 0
		} else if strings.HasPrefix(rest, ":") {
			unit = 's'
		} else {
			unit = 'm'
		}
	} else if unit == 0 {
		unit = 'm'
	}
	at = time.Unix(0, ns).UTC()
	if !zoned {
		at = time.Date(at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second(), at.Nanosecond(), zone)
	}
	return at, unit, true
}

// sum adds what is written behind a time; it returns the unit of the last
// rounding, 0 if there was none or something was added after.
func sum(at time.Time, math string) (time.Time, byte, error) {
	rounded := byte(0)
	for n := 0; math != ""; n++ {
		if n == maxMath {
			return at, 0, fmt.Errorf("a sum has at most %d steps", maxMath)
		}
		sign := math[0]
		math = math[1:]
		if sign == '/' {
			if math == "" || !isUnit(math[0]) {
				return at, 0, errors.New("behind / stands a unit: y, M, w, d, h, m or s")
			}
			at, rounded = floor(at, math[0]), math[0]
			math = math[1:]
			continue
		}
		if sign != '+' && sign != '-' {
			return at, 0, errors.New("behind the time stands +, - or /")
		}
		i := 0
		for i < len(math) && math[i] >= '0' && math[i] <= '9' {
			i++
		}
		count := 1
		if i > 0 {
			var err error
			if count, err = strconv.Atoi(math[:i]); err != nil || count > 1e6 {
				return at, 0, errors.New("the number is too large")
			}
		}
		if i == len(math) || !isUnit(math[i]) {
			return at, 0, errors.New("behind the number stands a unit: y, M, w, d, h, m or s")
		}
		if sign == '-' {
			count = -count
		}
		at, rounded = step(at, count, math[i]), 0
		math = math[i+1:]
	}
	return at, rounded, nil
}

func isUnit(c byte) bool { return strings.IndexByte("yMwdhHms", c) >= 0 }

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func step(at time.Time, n int, unit byte) time.Time {
	switch unit {
	case 'y':
		return months(at, 12*n)
	case 'M':
		return months(at, n)
	case 'w':
		return at.AddDate(0, 0, 7*n)
	case 'd':
		return at.AddDate(0, 0, n)
	case 'h', 'H':
		return at.Add(time.Duration(n) * time.Hour)
	case 'm':
		return at.Add(time.Duration(n) * time.Minute)
	}
	return at.Add(time.Duration(n) * time.Second)
}

// months adds months; a day that the month has not is its last, so that a month
// before the 31st of May is the 30th of April.
func months(at time.Time, n int) time.Time {
	to := at.AddDate(0, n, 0)
	if to.Day() != at.Day() {
		to = to.AddDate(0, 0, -to.Day())
	}
	return to
}

func floor(at time.Time, unit byte) time.Time {
	y, m, d := at.Date()
	zone := at.Location()
	switch unit {
	case 'y':
		return time.Date(y, 1, 1, 0, 0, 0, 0, zone)
	case 'M':
		return time.Date(y, m, 1, 0, 0, 0, 0, zone)
	case 'w':
		return time.Date(y, m, d-(int(at.Weekday())+6)%7, 0, 0, 0, 0, zone)
	case 'd':
		return time.Date(y, m, d, 0, 0, 0, 0, zone)
	}
	within := time.Duration(at.Nanosecond())
	if unit != 's' {
		within += time.Duration(at.Second()) * time.Second
	}
	if unit == 'h' || unit == 'H' {
		within += time.Duration(at.Minute()) * time.Minute
	}
	return at.Add(-within)
}
