package drift

import "time"

// missedAfter is how late a nightly look may begin. One that is later waits
// for the next night, so that a hub that comes back at noon does not check the
// whole fleet in the middle of the day.
const missedAfter = 6 * time.Hour

// Night is one night of the calendar, and when its look is due.
type Night struct {
	Date string // 2026-03-29, in the company's time zone
	Due  time.Time
}

// nightOf is the night of a day. Every day has exactly one: a time that the
// change to summer time leaves out is its first moment after the gap, and of
// a time that the change back repeats the first counts.
func nightOf(year int, month time.Month, day int, at TimeOfDay, zone *time.Location) Night {
	hour, minute := at.parts()
	n := Night{Date: time.Date(year, month, day, 12, 0, 0, 0, time.UTC).Format(time.DateOnly)}
	n.Due = time.Date(year, month, day, hour, minute, 0, 0, zone)
	wanted := time.Date(year, month, day, hour, minute, 0, 0, time.UTC)
	begins, ends := n.Due.ZoneBounds()
	switch shown := wall(n.Due); {
	case shown.Before(wanted): // in the gap, counted by the time after it
		n.Due = ends
	case shown.After(wanted): // in the gap, counted by the time before it
		n.Due = begins
	case !begins.IsZero():
		_, now := n.Due.Zone()
		_, before := begins.Add(-time.Second).Zone()
		if first := n.Due.Add(time.Duration(now-before) * time.Second); first.Before(begins) && wall(first).Equal(wanted) {
			n.Due = first
		}
	}
	n.Due = n.Due.UTC()
	return n
}

// wall is what a clock on the wall shows.
func wall(t time.Time) time.Time {
	y, mo, d := t.Date()
	h, m, s := t.Clock()
	return time.Date(y, mo, d, h, m, s, 0, time.UTC)
}

// lastNight is the newest night whose look is due at a moment.
func lastNight(now time.Time, at TimeOfDay, zone *time.Location) Night {
	y, m, d := now.In(zone).Date()
	// A night may be due on the day after its date, where the gap is at midnight.
	for day := d + 1; ; day-- {
		if n := nightOf(y, m, day, at, zone); !n.Due.After(now) {
			return n
		}
	}
}

// nextNight is the first night that is not due yet.
func nextNight(now time.Time, at TimeOfDay, zone *time.Location) Night {
	y, m, d := now.In(zone).Date()
	for day := d - 1; ; day++ {
		if n := nightOf(y, m, day, at, zone); n.Due.After(now) {
			return n
		}
	}
}

// dueNight is the night whose look may begin now. A night of before drift was
// looked for at all was not missed.
func dueNight(now, begun time.Time, at TimeOfDay, zone *time.Location) (Night, bool) {
	n := lastNight(now, at, zone)
	return n, !n.Due.Before(begun) && now.Sub(n.Due) <= missedAfter
}
