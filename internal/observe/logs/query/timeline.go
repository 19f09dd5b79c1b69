package query

import (
	"errors"
	"fmt"
	"time"
)

// timeline cuts time into the buckets of a histogram.
type timeline struct {
	every    time.Duration
	calendar string
	zone     *time.Location
	offset   time.Duration

	// The bucket of the moment before, and between what it is sure to be the one:
	// lines come in the order of time.
	last, from, to int64
}

func newTimeline(def Agg) (*timeline, error) {
	t := &timeline{every: def.Interval, calendar: def.Calendar, zone: def.Zone, offset: def.Offset, from: 1}
	if t.zone == nil {
		t.zone = time.UTC
	}
	switch t.calendar {
	case "":
		if t.every < time.Millisecond {
			return nil, errors.New("the interval is at least a millisecond")
		}
	case "second", "minute", "hour", "day", "week", "month", "quarter", "year":
		if t.every != 0 {
			return nil, errors.New("there is a fixed and a calendar interval; write one of them")
		}
	default:
		return nil, fmt.Errorf("%q is no calendar interval; write second, minute, hour, day, week, month, quarter or year", t.calendar)
	}
	return t, nil
}

// bucket is the beginning of the bucket of a moment; both are nanoseconds.
func (t *timeline) bucket(at int64) int64 {
	if at >= t.from && at < t.to {
		return t.last
	}
	t.last, t.to = t.around(at)
	t.from = t.last
	if t.to == at+1 {
		t.from = at
	}
	return t.last
}

// around returns the beginning of the bucket that a moment lies in, and until
// when moments lie in it; just behind the moment where clocks change.
func (t *timeline) around(at int64) (from, to int64) {
	at -= int64(t.offset)
	if t.calendar != "" {
		from, to = t.day(at)
		return from + int64(t.offset), to + int64(t.offset)
	}
	shift := t.shift(at)
	step := int64(t.every)
	n := (at + shift) / step
	if (at+shift)%step < 0 {
		n--
	}
	from = n*step - shift
	to = from + step
	if t.shift(from) != shift || t.shift(to-1) != shift {
		to = min(to, at+1) // where clocks change within the bucket, only this moment is sure
	}
	return from + int64(t.offset), to + int64(t.offset)
}

// shift is how far the clocks of the zone are ahead at a moment.
func (t *timeline) shift(at int64) int64 {
	if t.zone == time.UTC {
		return 0
	}
	_, seconds := time.Unix(0, at).In(t.zone).Zone()
	return int64(seconds) * int64(time.Second)
}

func (t *timeline) day(at int64) (from, to int64) {
	when := time.Unix(0, at).In(t.zone)
	y, m, d := when.Date()
	var a, b time.Time
	switch t.calendar {
	case "second":
		a = when.Truncate(time.Second)
		b = a.Add(time.Second)
	case "minute":
		a = when.Truncate(time.Minute)
		b = a.Add(time.Minute)
	case "hour":
		a = when.Add(-time.Duration(when.Minute())*time.Minute - time.Duration(when.Second())*time.Second - time.Duration(when.Nanosecond()))
		b = a.Add(time.Hour)
	case "day":
		a, b = time.Date(y, m, d, 0, 0, 0, 0, t.zone), time.Date(y, m, d+1, 0, 0, 0, 0, t.zone)
	case "week":
		d -= (int(when.Weekday()) + 6) % 7
		a, b = time.Date(y, m, d, 0, 0, 0, 0, t.zone), time.Date(y, m, d+7, 0, 0, 0, 0, t.zone)
	case "month":
		a, b = time.Date(y, m, 1, 0, 0, 0, 0, t.zone), time.Date(y, m+1, 1, 0, 0, 0, 0, t.zone)
	case "quarter":
		m -= (m - 1) % 3
		a, b = time.Date(y, m, 1, 0, 0, 0, 0, t.zone), time.Date(y, m+3, 1, 0, 0, 0, 0, t.zone)
	default:
		a, b = time.Date(y, 1, 1, 0, 0, 0, 0, t.zone), time.Date(y+1, 1, 1, 0, 0, 0, 0, t.zone)
	}
	return a.UnixNano(), b.UnixNano()
}

// between returns all buckets from the one of a moment to that of another.
func (t *timeline) between(from, to int64) ([]int64, error) {
	var out []int64
	for at := from; ; {
		start, _ := t.around(at)
		if len(out) == 0 || start > out[len(out)-1] {
			out = append(out, start)
		}
		if len(out) > MaxBuckets {
			return nil, ErrBuckets
		}
		next := start + int64(t.every)
		if t.calendar != "" {
			_, next = t.day(start - int64(t.offset))
			next += int64(t.offset)
		}
		if next <= at { // clocks were set back
			next = at + max(int64(t.every), 1)
		}
		if next > to {
			if last, _ := t.around(to); last > out[len(out)-1] {
				out = append(out, last)
			}
			return out, nil
		}
		at = next
	}
}
