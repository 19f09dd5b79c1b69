package probe

import (
	"slices"
	"time"
)

// Span is a stretch of time from From up to To; a zero To means it goes on.
type Span struct{ From, To time.Time }

// Day is how one day went, in the time zone it was asked for.
type Day struct {
	Date    time.Time     // its midnight
	Length  time.Duration // 23 to 25 hours; of today, what has passed
	Down    time.Duration
	Unknown time.Duration // nobody looked
	Outages int           // outages that touched the day, overlapping ones counted once
}

// Uptime is the share of the known time in which the subject was up, and false
// when nothing is known of the day.
func (d Day) Uptime() (float64, bool) {
	known := d.Length - d.Unknown
	if known <= 0 {
		return 0, false
	}
	return 1 - float64(d.Down)/float64(known), true
}

// History is how the days of a subject went, oldest first.
type History struct {
	Days  []Day
	Since time.Time // since when it is known, if that is later than the first day begins; else zero
}

func history(now time.Time, loc *time.Location, n int, known, down []Span) History {
	h := History{Days: Days(now, loc, n, known, down)}
	if all := merge(slices.Concat(known, down), now); len(all) > 0 && len(h.Days) > 0 && all[0].From.After(h.Days[0].Date) {
		h.Since = all[0].From
	}
	return h
}

// Days returns n days up to and including the one of now, oldest first. Time
// that lies outside every known span is unknown, unless an outage covers it:
// that one was confirmed.
func Days(now time.Time, loc *time.Location, n int, known, down []Span) []Day {
	known, down = merge(known, now), merge(down, now)
	y, m, d := now.In(loc).Date()
	days := make([]Day, 0, n)
	for i := n - 1; i >= 0; i-- {
		from := time.Date(y, m, d-i, 0, 0, 0, 0, loc)
		to := time.Date(y, m, d-i+1, 0, 0, 0, 0, loc) // the next midnight, whatever the clocks do between
		if to.After(now) {
			to = now
		}
		day := Day{Date: from, Length: to.Sub(from)}
		for _, s := range down {
			if o := overlap(s, from, to); o > 0 {
				day.Down += o
				day.Outages++
			}
		}
		seen := day.Length - covered(append(slices.Clone(known), down...), from, to, now)
		day.Unknown = seen
		days = append(days, day)
	}
	return days
}

// Share is the uptime over several days, and false when nothing is known.
func Share(days []Day) (float64, bool) {
	var sum Day
	for _, d := range days {
		sum.Length += d.Length
		sum.Down += d.Down
		sum.Unknown += d.Unknown
	}
	return sum.Uptime()
}

func covered(spans []Span, from, to, now time.Time) time.Duration {
	var sum time.Duration
	for _, s := range merge(spans, now) {
		sum += overlap(s, from, to)
	}
	return sum
}

func overlap(s Span, from, to time.Time) time.Duration {
	if s.From.After(from) {
		from = s.From
	}
	if s.To.Before(to) {
		to = s.To
	}
	return max(0, to.Sub(from))
}

// merge returns the spans in order with overlapping ones made one; what goes
// on ends now.
func merge(spans []Span, now time.Time) []Span {
	spans = slices.Clone(spans)
	for i := range spans {
		if spans[i].To.IsZero() || spans[i].To.After(now) {
			spans[i].To = now
		}
	}
	spans = slices.DeleteFunc(spans, func(s Span) bool { return !s.To.After(s.From) })
	slices.SortFunc(spans, func(a, b Span) int { return a.From.Compare(b.From) })
	out := spans[:0]
	for _, s := range spans {
		if len(out) > 0 && !s.From.After(out[len(out)-1].To) {
			if s.To.After(out[len(out)-1].To) {
				out[len(out)-1].To = s.To
			}
			continue
		}
		out = append(out, s)
	}
	return out
}

// without returns what of the span is left when the gaps are cut out.
func without(s Span, gaps []Span, now time.Time) []Span {
	if s.To.IsZero() {
		s.To = now
	}
	var out []Span
	for _, g := range merge(gaps, now) {
		if !g.To.After(s.From) || !s.To.After(g.From) {
			continue
		}
		if g.From.After(s.From) {
			out = append(out, Span{s.From, g.From})
		}
		s.From = g.To
	}
	if s.To.After(s.From) {
		out = append(out, s)
	}
	return out
}
