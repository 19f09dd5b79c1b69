package forecast_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/metrics/forecast"
)

var start = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// line returns n points, step apart and ending now, of a value that ends at end
// and grew by slope a second.
func line(n int, step time.Duration, end, slope float64) []forecast.Point {
	out := make([]forecast.Point, n)
	for i := range out {
		back := time.Duration(n-1-i) * step
		out[i] = forecast.Point{T: start.Add(-back), V: end - slope*back.Seconds()}
	}
	return out
}

func TestSlopeOfALineIsItsSlope(t *testing.T) {
	for _, want := range []float64{0, 1, -2.5, 1e9, 1e-9} {
		got, ok := forecast.Slope(line(50, time.Minute, 100, want))
		if !ok || math.Abs(got-want) > 1e-6*math.Max(1, math.Abs(want)) {
			t.Errorf("Slope = %v, %v, want %v", got, ok, want)
		}
	}
}

func TestSlopeNeedsThreePoints(t *testing.T) {
	for n := range 3 {
		if _, ok := forecast.Slope(line(n, time.Minute, 1, 1)); ok {
			t.Errorf("%d points gave a slope", n)
		}
	}
	same := []forecast.Point{{start, 1}, {start, 2}, {start, 3}}
	if _, ok := forecast.Slope(same); ok {
		t.Error("points of one moment gave a slope")
	}
	holes := []forecast.Point{{start, math.NaN()}, {start.Add(1), math.Inf(1)}, {start.Add(2), 1}}
	if _, ok := forecast.Slope(holes); ok {
		t.Error("holes gave a slope")
	}
}

func TestSlopeShrugsOffOutliers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	ps := line(100, time.Minute, 1000, 0.5)
	for i := range ps {
		ps[i].V += r.NormFloat64()
		if i%5 == 0 {
			ps[i].V += 1e6 // a fifth of the points is nonsense
		}
	}
	got, _ := forecast.Slope(ps)
	if math.Abs(got-0.5) > 0.05 {
		t.Errorf("Slope = %v, want about 0.5", got)
	}
}

func TestManyPointsAreThinned(t *testing.T) {
	got, ok := forecast.Slope(line(100_000, time.Second, 1e6, 3))
	if !ok || math.Abs(got-3) > 1e-6 {
		t.Errorf("Slope = %v, %v, want 3", got, ok)
	}
}

func TestTimeToFull(t *testing.T) {
	const gb = 1e9
	hour := gb / 3600
	long := func(slope float64) []forecast.Point { return line(84, 2*time.Hour, 50*gb, slope) }
	short := func(slope float64) []forecast.Point { return line(72, 5*time.Minute, 50*gb, slope) }
	for _, c := range []struct {
		name  string
		usage forecast.Usage
		want  time.Duration
		ok    bool
	}{
		{"both grow alike", forecast.Usage{50 * gb, 100 * gb, long(hour), short(hour)}, 50 * time.Hour, true},
		{"the slower of the two counts: a burst", forecast.Usage{50 * gb, 100 * gb, long(hour), short(10 * hour)}, 50 * time.Hour, true},
		{"the slower of the two counts: it eased off", forecast.Usage{50 * gb, 100 * gb, long(hour), short(hour / 2)}, 100 * time.Hour, true},
		{"only the short view grows", forecast.Usage{50 * gb, 100 * gb, long(0), short(hour)}, forecast.Horizon, true},
		{"only the long view grows", forecast.Usage{50 * gb, 100 * gb, long(hour), short(0)}, forecast.Horizon, true},
		{"shrinks", forecast.Usage{50 * gb, 100 * gb, long(-hour), short(-hour)}, forecast.Horizon, true},
		{"so slow that it is beyond the horizon", forecast.Usage{50 * gb, 100 * gb, long(hour / 1e4), short(hour / 1e4)}, forecast.Horizon, true},
		{"full already", forecast.Usage{100 * gb, 100 * gb, long(hour), short(hour)}, 0, true},
		{"no limit", forecast.Usage{50 * gb, 0, long(hour), short(hour)}, 0, false},
		{"not a number", forecast.Usage{math.NaN(), 100 * gb, long(hour), short(hour)}, 0, false},
		{"no past", forecast.Usage{50 * gb, 100 * gb, nil, nil}, 0, false},
		{"half a day of past", forecast.Usage{50 * gb, 100 * gb, line(24, 30*time.Minute, 50*gb, hour), short(hour)}, 0, false},
		{"half an hour of short past", forecast.Usage{50 * gb, 100 * gb, long(hour), line(6, 5*time.Minute, 50*gb, hour)}, 0, false},
	} {
		got, ok := c.usage.TimeToFull()
		if ok != c.ok || (got-c.want).Abs() > time.Minute {
			t.Errorf("%s: %v, %v, want %v, %v", c.name, got, ok, c.want, c.ok)
		}
	}
}
