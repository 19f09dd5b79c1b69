package schedule

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
	"github.com/teambition/rrule-go"
)

// Timetable says when something happens again and again. The zero value says
// never.
type Timetable struct {
	next func(after time.Time) time.Time
}

// Next is the first time after a moment, or zero when there is none any more.
func (t Timetable) Next(after time.Time) time.Time {
	if t.next == nil {
		return time.Time{}
	}
	return t.next(after)
}

// horizon is how far ahead a time is looked for: what does not come within it
// never does, such as the 30th of February.
const horizon = 5 * 366 * 24 * time.Hour

// Cron reads a cron expression of five fields, or one of @hourly, @daily,
// @weekly, @monthly and @yearly, in a time zone.
//
// When clocks change, something of a certain hour happens once: at the first
// of two such hours, and right after the gap when its hour is left out.
// Something of every hour follows the hours as they pass.
func Cron(text string, zone *time.Location) (Timetable, error) {
	text = strings.TrimSpace(text)
	if strings.Contains(text, "TZ=") || strings.HasPrefix(text, "@every") || strings.HasPrefix(text, "@reboot") {
		return Timetable{}, fmt.Errorf("%q is no cron expression of five fields; the time zone is a field of its own", text)
	}
	// In UTC no hour is left out or doubled: what is found there is a time of
	// the wall clock, and put into the zone afterwards.
	s, err := cron.ParseStandard("CRON_TZ=UTC " + text)
	if err != nil {
		return Timetable{}, fmt.Errorf("%q is no cron expression: %w; write minute, hour, day of the month, month and day of the week, such as \"30 3 * * 1\"", text, err)
	}
	if fields := strings.Fields(text); len(fields) == 5 && strings.HasPrefix(fields[1], "*") || text == "@hourly" {
		local, err := cron.ParseStandard("CRON_TZ=" + zone.String() + " " + text)
		if err == nil {
			return Timetable{bounded(local.Next)}, nil
		}
	}
	return Timetable{bounded(func(after time.Time) time.Time {
		wall := asWall(after.In(zone))
		for range 400 {
			if wall = s.Next(wall); wall.IsZero() {
				return wall
			}
			if t := inZone(wall, zone); t.After(after) {
				return t
			}
		}
		return time.Time{}
	})}, nil
}

// bounded leaves out what lies too far ahead.
func bounded(next func(time.Time) time.Time) func(time.Time) time.Time {
	return func(after time.Time) time.Time {
		t := next(after)
		if t.IsZero() || t.Sub(after) > horizon {
			return time.Time{}
		}
		return t
	}
}

// asWall is what the clock on the wall says, as a time in UTC.
func asWall(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// inZone is the first moment at which the clock on the wall of a zone says
// that, or the end of the gap that leaves it out.
func inZone(wall time.Time, zone *time.Location) time.Time {
	t := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, zone)
	if asWall(t).Equal(wall) {
		// Of two such moments the first.
		for _, shift := range []time.Duration{2 * time.Hour, time.Hour, 30 * time.Minute} {
			if earlier := t.Add(-shift); asWall(earlier.In(zone)).Equal(wall) {
				return earlier
			}
		}
		return t
	}
	// The wall clock jumps over it: the jump is where it begins to say more.
	lo, hi := t.Add(-3*time.Hour), t.Add(3*time.Hour)
	for hi.Sub(lo) > time.Second {
		mid := lo.Add(hi.Sub(lo) / 2)
		if asWall(mid.In(zone)).Before(wall) {
			lo = mid
		} else {
			hi = mid
		}
	}
	return hi.Truncate(time.Second)
}

// Rule reads a recurrence rule of iCalendar (RFC 5545), such as
// FREQ=MONTHLY;BYDAY=1SU;BYHOUR=3, from its first moment on.
func Rule(text string, starts time.Time) (Timetable, error) {
	text = strings.TrimPrefix(strings.TrimSpace(text), "RRULE:")
	if strings.ContainsAny(text, "\r\n") || strings.Contains(text, "DTSTART") {
		return Timetable{}, errors.New("a rule is one line without DTSTART; its beginning is a field of its own")
	}
	o, err := rrule.StrToROption(text)
	if err != nil {
		return Timetable{}, fmt.Errorf("%q is no recurrence rule: %w; write one such as FREQ=MONTHLY;BYDAY=1SU;BYHOUR=3", text, err)
	}
	switch o.Freq {
	case rrule.SECONDLY, rrule.MINUTELY:
		return Timetable{}, fmt.Errorf("%q comes more often than every hour", text)
	case rrule.YEARLY, rrule.MONTHLY, rrule.WEEKLY, rrule.DAILY, rrule.HOURLY:
	}
	if o.Interval < 0 || o.Interval > 1000 {
		return Timetable{}, fmt.Errorf("%q: INTERVAL is from 1 to 1000", text)
	}
	if len(o.Bysecond) > 0 || len(o.Byminute) > 60 || len(o.Byeaster) > 0 {
		return Timetable{}, fmt.Errorf("%q: BYSECOND and BYEASTER mean nothing here", text)
	}
	o.Dtstart = starts
	if _, err := rrule.NewRRule(*o); err != nil {
		return Timetable{}, fmt.Errorf("%q is no recurrence rule: %w", text, err)
	}
	return Timetable{bounded(func(after time.Time) time.Time {
		// Without an end a rule that never comes true is tried for ever.
		near := *o
		if end := later(after, starts).Add(horizon); near.Until.IsZero() || near.Until.After(end) {
			near.Until = end
		}
		r, err := rrule.NewRRule(near)
		if err != nil {
			return time.Time{} // it was one a moment ago
		}
		return r.After(after, false)
	})}, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
