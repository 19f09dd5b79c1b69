package chart

import (
	"context"
	"io"
	"strconv"
)

// Strip is a row of cells, one a day, each with its own words.
type Strip struct {
	Label string
	Cells []Cell
}

// Cell is one day of a strip.
type Cell struct {
	Kind  string // ok, warn, bad, planned, none
	Title string // "12 Nov: down for 6 min"
}

// Render writes the strip.
func (s Strip) Render(_ context.Context, w io.Writer) error {
	_, err := io.WriteString(w, s.SVG())
	return err
}

// SVG is the drawing. Colour is not alone: trouble also fills its cell to a
// different height, and every cell has its words.
func (s Strip) SVG() string {
	const step, gap, height = 6, 1.6, 26
	c := &canvas{}
	c.raw(`<svg class="strip" width="100%" height="26" viewBox="0 0 `).raw(strconv.Itoa(max(1, len(s.Cells)*step))).raw(` 26" preserveAspectRatio="none" role="img"`)
	c.attr("aria-label", s.Label+s.tally()).raw(">")
	for i, cell := range s.Cells {
		kind := kindOr(cell.Kind, "none")
		top := dayTop(kind)
		c.raw("<rect").attr("class", "day "+kind).attrNum("x", float64(i*step)).attrNum("y", top).attrNum("width", step-gap).attrNum("height", height-top).raw(` rx="1"><title>`).text(cell.Title).raw("</title></rect>")
	}
	c.raw("</svg>")
	return string(c.b)
}

// dayTop is where the cell of a day begins: the worse the day, the taller.
func dayTop(kind string) float64 {
	switch kind {
	case "bad":
		return 0
	case "warn":
		return 2
	case "none", "quiet":
		return 10
	default:
		return 4
	}
}

// tally counts the days that were not well.
func (s Strip) tally() string {
	n := map[string]int{}
	for _, c := range s.Cells {
		n[c.Kind]++
	}
	out := ": " + strconv.Itoa(len(s.Cells)) + " days"
	for _, k := range []struct{ kind, words string }{{"bad", " down"}, {"warn", " degraded"}, {"planned", " in maintenance"}, {"none", " without data"}} {
		if n[k.kind] > 0 {
			out += ", " + strconv.Itoa(n[k.kind]) + k.words
		}
	}
	return out
}
