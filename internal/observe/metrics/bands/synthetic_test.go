package bands_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/vigie-ops/vigie/internal/observe/metrics/bands"
)

const (
	perHour = 12 // points of five minutes
	perDay  = 24 * perHour
	perWeek = 7 * perDay
)

// office is the load of an office application: busy on working days, with
// noise, nightly backups and, rarely, a single odd point.
func office(r *rand.Rand, i int) float64 {
	hour := float64(i%perDay) / perHour
	day := i / perDay % 7
	v := 0.08
	if day < 5 {
		v += 0.4 * math.Exp(-math.Pow(hour-14, 2)/18)
	}
	if hour >= 2 && hour < 2.5 {
		v += 0.3
	}
	v *= 1 + 0.08*r.NormFloat64()
	if r.IntN(400) == 0 {
		v += 0.4
	}
	return min(max(v, 0), 1)
}

// judge walks over a week after four weeks of learning and returns the number
// of episodes: runs of unusual points.
func judge(series []float64, floor bands.Floor) (episodes int) {
	previous, open := 0.0, false
	for i := bands.Weeks * perWeek; i < len(series); i++ {
		slot := i - i%6
		var past []float64
		for w := 1; w <= bands.Weeks; w++ {
			from := slot - w*perWeek
			past = append(past, series[from:from+6]...)
		}
		b, ok := bands.Learn(past, floor)
		if !ok {
			continue
		}
		score := b.Score(series[i])
		unusual := bands.Unusual(previous, score)
		if unusual && !open {
			episodes++
		}
		open, previous = unusual, score
	}
	return episodes
}

// The synthetic evaluation: injected incidents are found, quiet weeks are
// quiet.
func TestInjectedIncidentsAreFoundWithFewFalseAlarms(t *testing.T) {
	floor := bands.Floor{Absolute: 0.02, Relative: 0.05}
	const hosts = 100
	found, falseAlarms := 0, 0
	for h := range hosts {
		r := rand.New(rand.NewPCG(uint64(h), 42))
		series := make([]float64, (bands.Weeks+1)*perWeek)
		for i := range series {
			series[i] = office(r, i)
		}
		falseAlarms += judge(series, floor)

		// A runaway process takes most of the machine for an hour, some time in
		// the last week.
		at := bands.Weeks*perWeek + perHour + r.IntN(perWeek-3*perHour)
		for i := at; i < at+perHour; i++ {
			series[i] = min(1, series[i]+0.5)
		}
		if judge(series, floor) > 0 {
			found++
		}
	}
	t.Logf("found %d of %d incidents, %.2f false alarms a host and week", found, hosts, float64(falseAlarms)/hosts)
	if found < hosts*99/100 {
		t.Errorf("found %d of %d incidents", found, hosts)
	}
	if falseAlarms > hosts/2 {
		t.Errorf("%d false alarms in %d weeks", falseAlarms, hosts)
	}
}
