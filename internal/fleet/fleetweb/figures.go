package fleetweb

import (
	"context"
	"math"
	"time"

	"github.com/vigie-ops/vigie/internal/ui"
)

// Figures are the last measurements of servers.
type Figures interface {
	// Servers returns those of the named servers; one that is missing has none.
	Servers(ctx context.Context, slugs []string) (map[string]Figure, error)
}

// Figure is what a line of the list says of one server. NaN is unknown.
type Figure struct {
	CPU    []float64 // percent over the last hour, oldest first
	Memory float64   // percent in use
	Disk   float64   // percent of the fullest file system
	Up     time.Duration
}

// Response is how fast instances answer.
type Response interface {
	Response(ctx context.Context, slugs []string) (map[string]Answering, error)
}

// Answering is how fast one instance answered over the last 24 hours.
type Answering struct {
	Seconds []float64 // oldest first
	P95     float64   // seconds; NaN is unknown
}

// Uptime is how long instances were up.
type Uptime interface {
	Uptime(ctx context.Context, slugs []string) (map[string]Availability, error)
}

// Availability is that of one instance over 90 days.
type Availability struct {
	Percent float64       // NaN is unknown
	Watched time.Duration // since it is known, if that is less than the 90 days; else zero
	Days    []ui.Day
}

// words writes the percentage, and of how long, in one unit, if it is not of 90
// days.
func (a Availability) words() (percent, of string) {
	if math.IsNaN(a.Percent) || a.Watched <= 0 {
		return percentWords(a.Percent), ""
	}
	unit := time.Second
	for _, larger := range []time.Duration{time.Minute, time.Hour, 24 * time.Hour} {
		if a.Watched >= larger {
			unit = larger
		}
	}
	return percentWords(a.Percent), "in " + ui.Duration(a.Watched.Truncate(unit))
}

// last returns the newest measurement, or NaN.
func last(values []float64) float64 {
	for i := len(values) - 1; i >= 0; i-- {
		if !math.IsNaN(values[i]) {
			return values[i]
		}
	}
	return math.NaN()
}

// percentWords writes a percentage, or a dash where none is known.
func percentWords(v float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	return ui.Percent(v)
}

// secondsWords writes how long an answer took.
func secondsWords(v float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	return ui.Duration(time.Duration(v * float64(time.Second)))
}
