package ui

import (
	"net/url"
	"strconv"
	"time"
)

// Range is the stretch of time a page shows.
type Range struct {
	From, To time.Time
	Key      string // one of the offered lengths, or "" for a chosen From and To
}

// lengths are the ranges a page offers.
var lengths = []struct {
	key, words string
	length     time.Duration
}{
	{"10m", "10 min", 10 * time.Minute},
	{"1h", "1 h", time.Hour},
	{"4h", "4 h", 4 * time.Hour},
	{"1d", "1 d", 24 * time.Hour},
	{"7d", "7 d", 7 * 24 * time.Hour},
	{"30d", "30 d", 30 * 24 * time.Hour},
}

// longest bounds a chosen range: more than five years is a slip of the hand
// and would be an expensive question.
const longest = 5 * 366 * 24 * time.Hour

// ParseRange reads ?range=4h or ?from=…&to=… (Unix milliseconds), which is
// what dragging over a chart asks for. Anything unreadable gives the range
// named fallback, counted back from now.
func ParseRange(q url.Values, now time.Time, fallback string) Range {
	from, err1 := strconv.ParseInt(q.Get("from"), 10, 64)
	to, err2 := strconv.ParseInt(q.Get("to"), 10, 64)
	if err1 == nil && err2 == nil && from >= 0 && from < to && to-from <= longest.Milliseconds() && to <= now.Add(longest).UnixMilli() {
		return Range{From: time.UnixMilli(from).UTC(), To: time.UnixMilli(to).UTC()}
	}
	for _, key := range []string{q.Get("range"), fallback, "4h"} {
		for _, l := range lengths {
			if l.key == key {
				return Range{From: now.Add(-l.length), To: now, Key: key}
			}
		}
	}
	return Range{From: now.Add(-4 * time.Hour), To: now, Key: "4h"}
}

// Covering returns the shortest of the offered ranges that shows all of what is
// as old as age, and most where that is shorter: a chart of four hours says
// little about a machine that was added a minute ago.
func Covering(age time.Duration, most string) string {
	for _, l := range lengths {
		if l.key == most || l.length >= age {
			return l.key
		}
	}
	return most
}

// Step is the distance between samples that gives about so many points, and
// never less than a second.
func (r Range) Step(points int) time.Duration {
	step := r.To.Sub(r.From) / time.Duration(max(1, points))
	return max(time.Second, step.Round(time.Second))
}

// rangeTabs are the links to the offered ranges. Other parameters of the page
// are kept, what belongs to a chosen stretch is dropped.
func rangeTabs(u *url.URL, r Range) []Tab {
	tabs := make([]Tab, 0, len(lengths)+1)
	for _, l := range lengths {
		q := u.Query()
		q.Del("from")
		q.Del("to")
		q.Set("range", l.key)
		tabs = append(tabs, Tab{Text: l.words, Href: u.Path + "?" + q.Encode(), Current: r.Key == l.key})
	}
	return tabs
}
