package record

import (
	"math"
	"strings"
	"time"
)

// ParseTime reads a time as programs write it into logs: RFC 3339 and its
// cousins, with a space for the T, a comma for the point, a zone without its
// colon, or none, which is UTC; a date alone is its midnight. It returns
// nanoseconds since 1970, and false for what is no time or lies beyond what
// nanoseconds hold, the years 1678 to 2261.
func ParseTime(s string) (ns int64, ok bool) {
	if len(s) < len("2006-01-02") || s[4] != '-' || s[7] != '-' {
		return 0, false
	}
	year, ok1 := digits(s[0:4])
	month, ok2 := digits(s[5:7])
	day, ok3 := digits(s[8:10])
	if !ok1 || !ok2 || !ok3 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || year < 1678 || year > 2261 {
		return 0, false
	}
	ns = dayNumber(year, month, day) * int64(24*time.Hour)
	s = s[10:]
	if s == "" {
		return ns, true
	}
	if s[0] != 'T' && s[0] != 't' && s[0] != ' ' || len(s) < len("T15:04") || s[3] != ':' {
		return 0, false
	}
	hour, ok1 := digits(s[1:3])
	minute, ok2 := digits(s[4:6])
	if !ok1 || !ok2 || hour > 23 || minute > 59 {
		return 0, false
	}
	ns += int64(hour)*int64(time.Hour) + int64(minute)*int64(time.Minute)
	s = s[6:]
	if len(s) >= 3 && s[0] == ':' {
		second, ok := digits(s[1:3])
		if !ok || second > 60 {
			return 0, false
		}
		ns += int64(second) * int64(time.Second)
		s = s[3:]
		if s != "" && (s[0] == '.' || s[0] == ',') {
			n, unit := 1, int64(time.Second)
			for ; n < len(s) && s[n] >= '0' && s[n] <= '9'; n++ {
				unit /= 10 // beyond nanoseconds it adds nothing
				ns += int64(s[n]-'0') * unit
			}
			if n == 1 {
				return 0, false
			}
			s = s[n:]
		}
	}
	offset, ok := zone(strings.TrimPrefix(s, " "))
	return ns - offset, ok
}

// zone reads what follows a time of day.
func zone(s string) (offset int64, ok bool) {
	switch s {
	case "", "Z", "z", "UTC", "GMT":
		return 0, true
	}
	sign := int64(1)
	switch s[0] {
	case '-':
		sign = -1
	case '+':
	default:
		return 0, false
	}
	s = s[1:]
	if len(s) == 5 && s[2] == ':' {
		s = s[:2] + s[3:]
	}
	if len(s) != 2 && len(s) != 4 {
		return 0, false
	}
	hours, ok := digits(s[:2])
	minutes := 0
	if ok && len(s) == 4 {
		minutes, ok = digits(s[2:])
	}
	if !ok || hours > 23 || minutes > 59 {
		return 0, false
	}
	return sign * (int64(hours)*int64(time.Hour) + int64(minutes)*int64(time.Minute)), true
}

func digits(s string) (n int, ok bool) {
	for i := range len(s) {
		c := s[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// dayNumber counts days since 1970, after Howard Hinnant's days_from_civil:
// years begin in March, so that the leap day is their last.
func dayNumber(year, month, day int) int64 {
	if month <= 2 {
		year--
	}
	era := year / 400
	yoe := year - era*400
	doy := (153*((month+9)%12)+2)/5 + day - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return int64(era)*146097 + int64(doe) - 719468
}

// EpochTime reads a number as a time since 1970 in seconds, milliseconds,
// microseconds or nanoseconds, whichever lies between 1990 and 2262; programs
// write all four.
func EpochTime(f float64) (ns int64, ok bool) {
	const year = 365.2425 * 24 * 3600
	for _, unit := range []float64{1e9, 1e6, 1e3, 1} {
		if at := f * unit; at >= 20*year*1e9 && at < 292*year*1e9 {
			whole, part := math.Modf(f)
			return int64(whole)*int64(unit) + int64(math.Round(part*unit)), true
		}
	}
	return 0, false
}
