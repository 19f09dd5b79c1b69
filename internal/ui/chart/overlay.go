package chart

import (
	"math"
	"slices"
)

// drawBand fills what was expected, in one piece for each stretch without a
// gap.
func (l Line) drawBand(c *canvas, w window, y yAxis, h float64) {
	var run []Band
	flush := func() {
		if len(run) > 1 {
			c.raw(`<polygon class="band" points="`)
			for _, b := range run {
				c.num(wide * w.share(b.T)).raw(",").num(y.at(b.High, h)).raw(" ")
			}
			for _, b := range slices.Backward(run) {
				c.num(wide * w.share(b.T)).raw(",").num(y.at(b.Low, h)).raw(" ")
			}
			c.raw(`"/>`)
		}
		run = run[:0]
	}
	for _, b := range l.Band {
		if !finite(b.Low) || !finite(b.High) {
			flush()
			continue
		}
		if w.holds(b.T) {
			run = append(run, b)
		}
	}
	flush()
}

// drawLimits draws the limits that lie inside the range; each label stands
// above its line where there is room.
func (l Line) drawLimits(c *canvas, y yAxis, h float64) {
	for _, limit := range l.Limits {
		if !finite(limit.Value) || limit.Value < y.low || limit.Value > y.high {
			continue
		}
		at := y.at(limit.Value, h)
		c.level("limit", at)
		if limit.Label != "" {
			dy := at - 4
			if dy < 10 {
				dy = at + 12
			}
			c.label("limit-label", 0, 4, dy, "start", limit.Label)
		}
	}
}

// drawMarks writes each mark's label beside its line, and leaves a label out
// where it would run into the one before; the line's own title still has it.
func (l Line) drawMarks(c *canvas, w window, h float64) {
	const apart = 0.16
	last := math.Inf(-1)
	for _, m := range l.Marks {
		if !w.holds(m.T) {
			continue
		}
		share := w.share(m.T)
		c.raw(`<line class="mark"`).attrPercent("x1", share).attrPercent("x2", share).raw(` y1="0"`).attrNum("y2", h).raw("><title>").text(m.Label + ", " + m.T.In(w.zone).Format("2 Jan 15:04")).raw("</title></line>")
		if share-last < apart {
			continue
		}
		last = share
		if share > 0.6 {
			c.label("mark-label", share, 0, -5, "end", m.Label)
		} else {
			c.label("mark-label", share, 0, -5, "start", m.Label)
		}
	}
}
