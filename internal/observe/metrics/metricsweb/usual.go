package metricsweb

import (
	"fmt"
	"time"
)

// The metrics room condenses what servers send into recordings that are kept
// for a year, vigie:<metric>:avg5m, and writes back what is usual for them at
// this time of the week.

// coarse is the step from which the recordings are as good as what was
// measured, much cheaper to read, and older.
const coarse = 10 * time.Minute

// recorded prefers a recording where the step is coarse, and fills in from what
// was measured where there is none yet. Both sides have the labels that the
// aggregation leaves.
func recorded(step time.Duration, aggregate, metric, selector, measured string) string {
	if step < coarse {
		return measured
	}
	return fmt.Sprintf("(%s(avg_over_time(vigie:%s:avg5m{%s}[%s])) or %s)", aggregate, metric, selector, window(step), measured)
}

// usual asks for the band of a metric. It is written every five minutes, which
// is as far as PromQL looks back by itself.
func usual(metric, selector string, factor int) *bandSpec {
	edge := func(name string) string {
		return fmt.Sprintf(`%d * avg(last_over_time(%s{metric=%q,%s}[11m]))`, factor, name, metric, selector)
	}
	return &bandSpec{lower: edge("vigie_band_lower"), upper: edge("vigie_band_upper")}
}

// full asks when a mount is full, in seconds from now.
func full(server, mount string) string {
	return fmt.Sprintf(`min(last_over_time(vigie_time_to_full_seconds{server=%q,mountpoint=%q}[70m]))`, server, mount)
}
