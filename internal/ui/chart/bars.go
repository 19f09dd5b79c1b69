package chart

import (
	"context"
	"io"
	"math"
	"time"
)

// Bars is a chart of amounts in stretches of time.
type Bars struct {
	Title    string
	Unit     Unit
	From, To time.Time
	Zone     *time.Location
	Height   int // of the plot in pixels; 0 is 90
	Bars     []Bar
	Broken   string
}

// Bar is the amount of one stretch.
type Bar struct {
	From, To time.Time
	V        float64
	Kind     string // class of its colour: bad, warn, ok, info, quiet, planned
}

// Render writes the chart.
func (b Bars) Render(_ context.Context, w io.Writer) error {
	c := &canvas{}
	c.raw(`<figure class="chart-box">`)
	if b.Broken != "" {
		c.failure(b.Title, b.Broken, b.height())
	} else {
		b.draw(c)
	}
	c.raw("</figure>")
	_, err := w.Write(c.b)
	return err
}

// SVG is the drawing alone.
func (b Bars) SVG() string {
	c := &canvas{}
	b.draw(c)
	return string(c.b)
}

func (b Bars) height() float64 { return heightOr(b.Height, 90) }

func (b Bars) draw(c *canvas) {
	h := b.height()
	w := window{b.From, b.To, zoneOr(b.Zone)}
	if b.Broken != "" {
		c.open("chart broken", b.Title+": "+b.Broken, h)
		c.raw(">")
		c.level("axis base", h)
		c.message("chart-broken", h, b.Broken)
		c.raw("</svg>")
		return
	}
	high, sum, shown := 0.0, 0.0, 0
	middles := Series{Name: b.Title} // where the crosshair stops
	for _, bar := range b.Bars {
		if finite(bar.V) && b.shows(bar) {
			high, sum, shown = math.Max(high, bar.V), sum+bar.V, shown+1
			middles.Points = append(middles.Points, Point{bar.From.Add(bar.To.Sub(bar.From) / 2), bar.V})
		}
	}
	y := niceAxis(b.Unit, 0, high)
	if shown == 0 {
		c.open("chart empty", b.Title+": no data in this range, "+w.words(), h)
		c.raw(">")
		c.grid(w, y, b.Unit, h)
		c.message("chart-empty", h, "no data in this range")
		c.raw("</svg>")
		return
	}
	c.open("chart bars", b.Title+", "+w.words()+": "+b.Unit.Words(sum)+" in all, at most "+b.Unit.Words(high)+" at once.", h)
	w.data(c, b.Unit, []Series{middles})
	c.raw(">")
	c.grid(w, y, b.Unit, h)
	c.stretched(h)
	for _, bar := range b.Bars {
		if !finite(bar.V) || bar.V <= 0 || !b.shows(bar) {
			continue
		}
		left := math.Max(0, wide*w.share(bar.From))
		right := math.Min(wide, wide*w.share(bar.To))
		// A hair of space keeps neighbours apart; a bar is never thinner than that.
		gap := math.Min(1.2, (right-left)*0.2)
		top := y.at(bar.V, h)
		if h-top < 1 {
			top = h - 1 // something that happened is never invisible
		}
		c.raw("<rect").attr("class", "bar "+kindOr(bar.Kind, "info")).attrNum("x", left+gap/2).attrNum("y", top).attrNum("width", right-left-gap).attrNum("height", h-top)
		c.raw("><title>").text(bar.From.In(w.zone).Format("2 Jan 15:04") + ": " + b.Unit.Words(bar.V)).raw("</title></rect>")
	}
	c.raw("</svg></svg>")
}

func (b Bars) shows(bar Bar) bool { return bar.To.After(b.From) && bar.From.Before(b.To) }

// kindOr keeps classes to the ones the style sheet knows.
func kindOr(kind, fallback string) string {
	switch kind {
	case "bad", "warn", "ok", "info", "quiet", "planned", "none":
		return kind
	}
	return fallback
}
