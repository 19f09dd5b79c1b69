package opsrepo

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Duration is a length of time as people write it: "10s", "1h30m", "15d", "2w".
type Duration time.Duration

// The units of a Duration, largest first, the order in which they are written.
var units = []struct {
	name string
	d    time.Duration
}{
	{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}, {"h", time.Hour},
	{"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond},
}

const durationForm = `write it like "10s", "5m", "1h30m", "15d" or "2w"`

// maxDuration keeps sums and timers far from overflow.
const maxDuration = 100 * 365 * 24 * time.Hour

// ParseDuration reads a Duration. A bare number is an error, except 0.
func ParseDuration(s string) (Duration, error) {
	if s == "0" {
		return 0, nil
	}
	rest, total, next := s, time.Duration(0), 0
	for rest != "" {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		if digits == 0 || digits > 9 {
			return 0, durationError(s)
		}
		n := 0
		for _, c := range rest[:digits] {
			n = n*10 + int(c-'0')
		}
		rest = rest[digits:]
		letters := len(rest) - len(strings.TrimLeft(rest, "abcdefghijklmnopqrstuvwxyz"))
		unit := next
		for unit < len(units) && units[unit].name != rest[:letters] {
			unit++
		}
		if unit == len(units) {
			return 0, durationError(s)
		}
		if n > int(maxDuration/units[unit].d) {
			return 0, errors.New("is longer than 100 years; " + durationForm)
		}
		rest, next = rest[letters:], unit+1
		if total += time.Duration(n) * units[unit].d; total > maxDuration {
			return 0, errors.New("is longer than 100 years; " + durationForm)
		}
	}
	if s == "" {
		return 0, durationError(s)
	}
	return Duration(total), nil
}

func durationError(s string) error { return fmt.Errorf("%q is no duration; %s", s, durationForm) }

// Std returns the standard library's duration.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String writes the duration the way ParseDuration reads it.
func (d Duration) String() string {
	if d == 0 {
		return "0s"
	}
	var b strings.Builder
	left := time.Duration(d)
	if left < 0 {
		b.WriteByte('-')
		left = -left
	}
	for _, u := range units {
		// Weeks read well only alone: "2w", but "15d" and not "2w1d".
		if u.name == "w" && left%u.d != 0 {
			continue
		}
		if n := left / u.d; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, u.name)
			left %= u.d
		}
	}
	return b.String()
}
