package bands

import "time"

// Slot is how long one time of the week lasts.
const Slot = 30 * time.Minute

// Weeks is how far back a band looks.
const Weeks = 4

// Window is a stretch of the past: From included, To not.
type Window struct{ From, To time.Time }

// SlotOf returns the slot t lies in, by UTC.
func SlotOf(t time.Time) Window {
	from := t.UTC().Truncate(Slot)
	return Window{From: from, To: from.Add(Slot)}
}

// Weekly returns the same half hour of the last four weeks, newest first, by
// the clocks of a place: people come to work at nine, before and after the
// clocks change.
func Weekly(t time.Time, loc *time.Location) []Window { return back(t, loc, Weeks, 7) }

// Daily returns the same half hour of the last seven days, newest first: what a
// server that is younger than three weeks is measured against.
func Daily(t time.Time, loc *time.Location) []Window { return back(t, loc, 7, 1) }

func back(t time.Time, loc *time.Location, n, days int) []Window {
	s := SlotOf(t)
	out := make([]Window, n)
	for i := range out {
		from := s.From.In(loc).AddDate(0, 0, -(i+1)*days).UTC()
		out[i] = Window{From: from, To: from.Add(Slot)}
	}
	return out
}
