package chart

import (
	"context"
	"io"
	"math"
)

// Spark is a line the height of a word.
type Spark struct {
	Label  string // what the values are, for screen readers
	Values []float64
	Kind   string
}

// Render writes the spark.
func (s Spark) Render(_ context.Context, w io.Writer) error {
	_, err := io.WriteString(w, s.SVG())
	return err
}

// SVG is the drawing. Without values it is a flat dotted line.
func (s Spark) SVG() string {
	const width, height, edge = 96, 22, 2
	c := &canvas{}
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range s.Values {
		if finite(v) {
			low, high = math.Min(low, v), math.Max(high, v)
		}
	}
	label := s.Label
	if low > high {
		label += ": no data"
	}
	c.raw(`<svg`).attr("class", "spark "+kindOr(s.Kind, "info")).raw(` width="96" height="22" viewBox="0 0 96 22" role="img"`).attr("aria-label", label).raw(">")
	if low > high {
		c.raw(`<path class="none" fill="none" d="M2,11H94"/></svg>`)
		return string(c.b)
	}
	c.raw(`<path class="series" fill="none" d="`)
	down := false
	for i, v := range s.Values {
		if !finite(v) {
			down = false
			continue
		}
		x, y := float64(edge), float64(height)/2
		if len(s.Values) > 1 {
			x += float64(width-2*edge) * float64(i) / float64(len(s.Values)-1)
		}
		if high > low {
			y = edge + float64(height-2*edge)*(1-(v-low)/(high-low))
		}
		if down {
			c.raw("L")
		} else {
			c.raw("M")
		}
		c.num(x).raw(",").num(y)
		if alone := !down && (i+1 == len(s.Values) || !finite(s.Values[i+1])); alone {
			c.raw("h0")
		}
		down = true
	}
	c.raw(`"/></svg>`)
	return string(c.b)
}
