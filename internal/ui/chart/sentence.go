package chart

import (
	"math"
	"strings"
)

// sentence says in words what the drawing shows, for whoever cannot see it.
func (l Line) sentence(w window) string {
	var b strings.Builder
	b.WriteString(l.Title + ", " + w.words() + ":")
	for i, s := range l.Series {
		low, high, last := math.Inf(1), math.Inf(-1), math.NaN()
		for _, p := range s.Points {
			if w.holds(p.T) && finite(p.V) {
				low, high, last = math.Min(low, p.V), math.Max(high, p.V), p.V
			}
		}
		if i > 0 {
			b.WriteString(";")
		}
		if len(l.Series) > 1 && s.Name != "" {
			b.WriteString(" " + s.Name)
		}
		if !finite(last) {
			b.WriteString(" no data")
			continue
		}
		b.WriteString(" last " + l.Unit.Words(last) + ", lowest " + l.Unit.Words(low) + ", highest " + l.Unit.Words(high))
	}
	for _, limit := range l.Limits {
		name := limit.Label
		if name == "" {
			name = "limit"
		}
		b.WriteString("; " + name + " at " + l.Unit.Words(limit.Value))
	}
	if n := len(l.Unusual); n > 0 {
		b.WriteString("; unusual at times")
	}
	return b.String() + "."
}
