package chart

import (
	"encoding/json"
	"math"
	"strconv"
	"time"
)

// data writes the attributes the crosshair reads: the ends in milliseconds,
// the unit, the zone, and the points. Times that follow each other at one
// distance are written as start and step, which is most of them.
func (w window) data(c *canvas, u Unit, series []Series) {
	c.attr("data-from", strconv.FormatInt(w.from.UnixMilli(), 10))
	c.attr("data-to", strconv.FormatInt(w.to.UnixMilli(), 10))
	c.attr("data-unit", string(u)).attr("data-zone", w.zone.String())
	c.raw(` data-points="`)
	var b []byte
	b = append(b, '[')
	first := true
	for _, s := range series {
		shown := make([]Point, 0, len(s.Points))
		for _, p := range s.Points {
			if w.holds(p.T) {
				shown = append(shown, p)
			}
		}
		if len(shown) == 0 {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(b, `{"n":`...)
		name, _ := json.Marshal(clean(s.Name)) // a string always encodes
		b = append(b, name...)
		b = appendTimes(b, shown)
		b = append(b, `,"v":[`...)
		for i, p := range shown {
			if i > 0 {
				b = append(b, ',')
			}
			if !finite(p.V) {
				b = append(b, "null"...)
				continue
			}
			b = strconv.AppendFloat(b, significant(p.V), 'g', -1, 64)
		}
		b = append(b, "]}"...)
	}
	b = append(b, ']')
	c.text(string(b)).raw(`"`)
}

func appendTimes(b []byte, points []Point) []byte {
	start := points[0].T.UnixMilli()
	b = append(b, `,"t":`...)
	b = strconv.AppendInt(b, start, 10)
	if step, ok := evenStep(points); ok {
		b = append(b, `,"s":`...)
		return strconv.AppendInt(b, step, 10)
	}
	b = append(b, `,"o":[`...)
	for i, p := range points {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, p.T.UnixMilli()-start, 10)
	}
	return append(b, ']')
}

// evenStep is the distance in milliseconds if all neighbours share it.
func evenStep(points []Point) (int64, bool) {
	if len(points) < 2 {
		return 0, true
	}
	step := points[1].T.Sub(points[0].T)
	for i := 2; i < len(points); i++ {
		if points[i].T.Sub(points[i-1].T) != step {
			return 0, false
		}
	}
	return step.Milliseconds(), step%time.Millisecond == 0
}

// significant keeps four digits: more than a screen shows, less to send.
func significant(v float64) float64 {
	if v == 0 {
		return 0
	}
	p := math.Pow10(3 - int(math.Floor(math.Log10(math.Abs(v)))))
	r := math.Round(v*p) / p
	if !finite(r) {
		return v
	}
	return r
}
