package chart

import (
	"html"
	"math"
	"strconv"
	"time"
)

// wide is the width of the inner, stretched drawing, in its own units.
const wide = 1000

// canvas collects a drawing. Its methods are the only writers of markup, so
// text is escaped in one place.
type canvas struct{ b []byte }

// raw writes markup of this package's own making.
func (c *canvas) raw(s string) *canvas { c.b = append(c.b, s...); return c }

// text writes text of anyone.
func (c *canvas) text(s string) *canvas { c.b = append(c.b, html.EscapeString(clean(s))...); return c }

// num writes a coordinate with one digit after the point.
func (c *canvas) num(v float64) *canvas {
	c.b = appendShort(c.b, v, 1)
	return c
}

// attr writes name="value".
func (c *canvas) attr(name, value string) *canvas {
	return c.raw(" ").raw(name).raw(`="`).text(value).raw(`"`)
}

// attrNum writes name="value" for a coordinate.
func (c *canvas) attrNum(name string, v float64) *canvas {
	return c.raw(" ").raw(name).raw(`="`).num(v).raw(`"`)
}

// attrPercent writes a position along x as a percentage of the width.
func (c *canvas) attrPercent(name string, share float64) *canvas {
	c.raw(" ").raw(name).raw(`="`)
	c.b = appendShort(c.b, share*100, 2)
	return c.raw(`%"`)
}

// label writes a <text> element at a share of the width.
func (c *canvas) label(class string, share, dx, y float64, anchor, s string) {
	c.raw("<text").attr("class", class).attrPercent("x", share)
	if dx != 0 {
		c.attrNum("dx", dx)
	}
	c.attrNum("y", y).attr("text-anchor", anchor).raw(">").text(s).raw("</text>")
}

// level writes a horizontal line over the whole width.
func (c *canvas) level(class string, y float64) {
	c.raw("<line").attr("class", class).raw(` x1="0" x2="100%"`).attrNum("y1", y).attrNum("y2", y).raw("/>")
}

// clean drops characters that XML forbids, which no escaping can save.
func clean(s string) string {
	ok := true
	for _, r := range s {
		if !allowed(r) {
			ok = false
			break
		}
	}
	if ok {
		return s
	}
	kept := make([]rune, 0, len(s))
	for _, r := range s {
		if !allowed(r) {
			r = '\uFFFD'
		}
		kept = append(kept, r)
	}
	return string(kept)
}

func allowed(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r != 0xFFFE && r != 0xFFFF && r != '\uFFFD'
}

// appendShort writes v with at most digits after the point and no idle zeros.
func appendShort(b []byte, v float64, digits int) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return append(b, '0')
	}
	p := math.Pow10(digits)
	v = math.Round(v*p) / p
	if v == 0 {
		return append(b, '0')
	}
	return strconv.AppendFloat(b, v, 'f', -1, 64)
}

// window is the stretch of time a chart shows.
type window struct {
	from, to time.Time
	zone     *time.Location
}

// share is where t lies between the ends, 0 to 1 inside.
func (w window) share(t time.Time) float64 {
	span := w.to.Sub(w.from)
	if span <= 0 {
		return 0
	}
	return float64(t.Sub(w.from)) / float64(span)
}

func (w window) holds(t time.Time) bool { return !t.Before(w.from) && !t.After(w.to) }

// words names the ends: "Mon 23 Nov 19:00 to 23:00".
func (w window) words() string {
	a, b := w.from.In(w.zone), w.to.In(w.zone)
	const day, hour = "2 Jan", "15:04"
	if a.Format(day) == b.Format(day) {
		return a.Format(day+" "+hour) + " to " + b.Format(hour)
	}
	return a.Format(day+" "+hour) + " to " + b.Format(day+" "+hour)
}

func zoneOr(z *time.Location) *time.Location {
	if z == nil {
		return time.UTC
	}
	return z
}

// open starts the drawing: what it is called, what it shows, what the
// crosshair needs.
func (c *canvas) open(class, label string, height float64) {
	c.raw("<svg").attr("class", class).raw(` width="100%"`).attrNum("height", height).raw(` role="img"`).attr("aria-label", label)
}

// stretched starts the inner drawing, which follows the width of the page.
func (c *canvas) stretched(height float64) {
	c.raw(`<svg class="plot" width="100%"`).attrNum("height", height).raw(` viewBox="0 0 1000 `).num(height).raw(`" preserveAspectRatio="none">`)
}

// grid draws ticks and labels of both axes.
func (c *canvas) grid(w window, y yAxis, u Unit, height float64) {
	for i, v := range y.ticks() {
		class := "axis"
		if i == 0 {
			class = "axis base"
		}
		at := y.at(v, height)
		c.level(class, at)
		c.label("tick", 0, -8, at+4, "end", u.tick(v, math.Max(math.Abs(y.low), math.Abs(y.high))))
	}
	for i, t := range timeTicks(w.from, w.to, w.zone) {
		class := "tick"
		if i%2 == 1 {
			class = "tick alt"
		}
		share, anchor := w.share(t.at), "middle"
		if share > 0.97 {
			anchor = "end"
		} else if share < 0.01 {
			anchor = "start"
		}
		c.label(class, share, 0, height+18, anchor, t.label)
	}
}

// message draws a sentence in the middle instead of data.
func (c *canvas) message(class string, height float64, s string) {
	c.label(class, 0.5, 0, height/2+4, "middle", s)
}

// failure draws an empty plot with a sentence over it. The sentence is HTML,
// because text of a drawing cannot wrap on a phone.
func (c *canvas) failure(title, why string, height float64) {
	c.open("chart broken", title+": "+why, height)
	c.raw(">")
	c.level("axis base", height)
	c.raw(`</svg><p class="said" aria-hidden="true">`).text(why).raw("</p>")
}
