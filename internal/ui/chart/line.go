package chart

import (
	"context"
	"io"
	"math"
	"strconv"
	"time"
)

// Line is a chart of series over time.
type Line struct {
	Title    string // what is measured; the drawing's name for screen readers
	Unit     Unit
	From, To time.Time
	Zone     *time.Location // of the labels; nil is UTC
	Height   int            // of the plot in pixels; 0 is 150
	Series   []Series       // up to four read well
	Band     []Band         // what was expected
	Limits   []Limit
	Marks    []Mark  // what happened: a release, a patch
	Unusual  []Point // points outside of what was expected
	// Low and High fix the vertical range where High is larger than Low;
	// otherwise it is found from the values and contains zero.
	Low, High float64
	Area      bool   // fill the space under the first series
	Broken    string // why there is nothing to draw, instead of data
}

// Series is one line of a chart.
type Series struct {
	Name   string
	Points []Point // in order of time
}

// Point is one value. NaN makes a gap.
type Point struct {
	T time.Time
	V float64
}

// Band is what was expected at one time.
type Band struct {
	T         time.Time
	Low, High float64
}

// Limit is a horizontal dashed line: where trouble begins.
type Limit struct {
	Value float64
	Label string
}

// Mark is a vertical line: when something happened.
type Mark struct {
	T     time.Time
	Label string
}

// Render writes the chart, and names of the series if there are several.
func (l Line) Render(_ context.Context, w io.Writer) error {
	c := &canvas{}
	c.raw(`<figure class="chart-box">`)
	if l.Broken != "" {
		c.failure(l.Title, l.Broken, l.height())
	} else {
		l.draw(c)
	}
	if len(l.Series) > 1 && l.Broken == "" {
		c.raw(`<figcaption class="legend">`)
		for i, s := range l.Series {
			c.raw(`<span`).attr("class", "key k"+strconv.Itoa(i%palette)).raw(">").text(s.Name).raw("</span>")
		}
		c.raw("</figcaption>")
	}
	c.raw("</figure>")
	_, err := w.Write(c.b)
	return err
}

// palette is how many looks the style sheet has for series: four colours,
// drawn through and dashed.
const palette = 8

// SVG is the drawing alone.
func (l Line) SVG() string {
	c := &canvas{}
	l.draw(c)
	return string(c.b)
}

func (l Line) height() float64 { return heightOr(l.Height, 150) }

func heightOr(h, fallback int) float64 {
	if h <= 0 {
		h = fallback
	}
	return float64(h)
}

func (l Line) draw(c *canvas) {
	h := l.height()
	w := window{l.From, l.To, zoneOr(l.Zone)}
	low, high, some := l.extent(w)
	if l.Broken != "" {
		c.open("chart broken", l.Title+": "+l.Broken, h)
		c.raw(">")
		c.level("axis base", h)
		c.message("chart-broken", h, l.Broken)
		c.raw("</svg>")
		return
	}
	y := niceAxis(l.Unit, low, high)
	if l.High > l.Low {
		y = yAxis{l.Low, l.High}
	}
	if !some {
		c.open("chart empty", l.Title+": no data in this range, "+w.words(), h)
		c.raw(">")
		c.grid(w, y, l.Unit, h)
		c.message("chart-empty", h, "no data in this range")
		c.raw("</svg>")
		return
	}
	c.open("chart", l.sentence(w), h)
	w.data(c, l.Unit, l.Series)
	c.raw(">")
	c.grid(w, y, l.Unit, h)
	c.stretched(h)
	l.drawBand(c, w, y, h)
	for i, s := range l.Series {
		if l.Area && i == 0 {
			c.raw(`<path class="area" d="`)
			outline(c, w, y, h, s.Points, true)
			c.raw(`"/>`)
		}
		c.raw("<path").attr("class", "series k"+strconv.Itoa(i%palette)).raw(` fill="none" d="`)
		outline(c, w, y, h, s.Points, false)
		c.raw(`"/>`)
	}
	c.raw("</svg>")
	l.drawLimits(c, y, h)
	l.drawMarks(c, w, h)
	for _, p := range l.Unusual {
		if w.holds(p.T) && finite(p.V) {
			c.raw(`<circle class="spot" r="2.2"`).attrPercent("cx", w.share(p.T)).attrNum("cy", y.at(p.V, h)).raw("/>")
		}
	}
	c.raw("</svg>")
}

// extent is the range of all values shown; some tells whether there is one.
func (l Line) extent(w window) (low, high float64, some bool) {
	low, high = math.Inf(1), math.Inf(-1)
	take := func(v float64) {
		if finite(v) {
			low, high = math.Min(low, v), math.Max(high, v)
		}
	}
	for _, s := range l.Series {
		for _, p := range s.Points {
			if w.holds(p.T) && finite(p.V) {
				take(p.V)
				some = true
			}
		}
	}
	for _, b := range l.Band {
		if w.holds(b.T) {
			take(b.Low)
			take(b.High)
		}
	}
	for _, limit := range l.Limits {
		take(limit.Value)
	}
	if low > high {
		return 0, 0, some
	}
	return low, high, some
}

// finite tells values apart that can be drawn. Beyond 1e21 nothing is
// measured, and sums of such values would leave the range of the type.
func finite(v float64) bool { return math.Abs(v) <= 1e21 }
