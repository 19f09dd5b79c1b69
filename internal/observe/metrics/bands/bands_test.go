package bands_test

import (
	"math"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/metrics/bands"
)

func TestMedianIsTheMiddle(t *testing.T) {
	f := func(want float64, vs ...float64) {
		t.Helper()
		if got := bands.Median(vs); got != want {
			t.Errorf("Median = %v, want %v", got, want)
		}
	}
	f(0)
	f(3, 3)
	f(2, 3, 1)
	f(2, 9, 2, 1)
	f(2.5, 4, 1, 2, 3)
	f(math.MaxFloat64, math.MaxFloat64, math.MaxFloat64)
}

func repeat(v float64, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = v
	}
	return out
}

func TestABandNeedsEnoughPast(t *testing.T) {
	if _, ok := bands.Learn(repeat(1, bands.MinPoints-1), bands.Floor{}); ok {
		t.Error("a band was learned from too few points")
	}
	past := append(repeat(1, bands.MinPoints-1), math.NaN(), math.Inf(1))
	if _, ok := bands.Learn(past, bands.Floor{}); ok {
		t.Error("values that are no numbers counted as past")
	}
	if _, ok := bands.Learn(repeat(1, bands.MinPoints), bands.Floor{}); !ok {
		t.Error("no band was learned from enough points")
	}
}

func TestAPastIncidentDoesNotMoveTheBand(t *testing.T) {
	past := []float64{10, 11, 10, 9, 10, 11, 9, 10, 10, 11, 9, 10, 500, 500, 500}
	b, ok := bands.Learn(past, bands.Floor{})
	if !ok || b.Expected != 10 || b.Spread != 1 {
		t.Errorf("Learn = %+v, %v, want 10 ± 1", b, ok)
	}
}

func TestTheFloorKeepsAFlatSeriesQuiet(t *testing.T) {
	for _, c := range []struct {
		name   string
		floor  bands.Floor
		v      float64
		beyond bool
	}{
		{"no floor, no change", bands.Floor{}, 100, false},
		{"no floor, any change", bands.Floor{}, 100.1, true},
		{"absolute floor, small change", bands.Floor{Absolute: 1}, 105, false},
		{"absolute floor, large change", bands.Floor{Absolute: 1}, 107, true},
		{"relative floor, small change", bands.Floor{Relative: 0.05}, 129, false},
		{"relative floor, large change down", bands.Floor{Relative: 0.05}, 60, true},
		{"the larger floor counts", bands.Floor{Absolute: 1, Relative: 0.05}, 129, false},
	} {
		b, _ := bands.Learn(repeat(100, 24), c.floor)
		if got := math.Abs(b.Score(c.v)) > bands.Limit; got != c.beyond {
			t.Errorf("%s: score %v beyond the limit is %v, want %v", c.name, b.Score(c.v), got, c.beyond)
		}
	}
}

func TestScoreAgreesWithTheBorders(t *testing.T) {
	b := bands.Band{Expected: 20, Spread: 2}
	if b.Lower() != 8 || b.Upper() != 32 {
		t.Errorf("band is %v to %v, want 8 to 32", b.Lower(), b.Upper())
	}
	if b.Score(b.Upper()) != bands.Limit || b.Score(b.Lower()) != -bands.Limit {
		t.Errorf("scores at the borders are %v and %v, want ±6", b.Score(b.Upper()), b.Score(b.Lower()))
	}
}

func TestOnePointAloneIsNoise(t *testing.T) {
	for _, c := range []struct {
		previous, last float64
		want           bool
	}{
		{0, 0, false}, {0, 7, false}, {7, 0, false}, {7, 7, true}, {-7, -7, true}, {-7, 7, false}, {6, 7, false}, {math.NaN(), 7, false},
	} {
		if got := bands.Unusual(c.previous, c.last); got != c.want {
			t.Errorf("Unusual(%v, %v) = %v, want %v", c.previous, c.last, got, c.want)
		}
	}
}

func TestTheClocksChangeAndTheHabitsDoNot(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	nine := time.Date(2026, 3, 30, 9, 0, 0, 0, paris) // the clocks changed the day before
	for i, w := range bands.Weekly(nine, paris) {
		want := time.Date(2026, 3, 30-7*(i+1), 9, 0, 0, 0, paris)
		if !w.From.Equal(want) || w.To.Sub(w.From) != bands.Slot {
			t.Errorf("week %d: %v to %v, want half an hour from %v", i+1, w.From, w.To, want)
		}
	}
}

func TestSeasonsAreTheSameHalfHour(t *testing.T) {
	at := time.Date(2026, 3, 11, 14, 47, 12, 0, time.UTC)
	weekly := bands.Weekly(at, time.UTC)
	if len(weekly) != 4 {
		t.Fatalf("%d windows, want 4", len(weekly))
	}
	for i, w := range weekly {
		want := time.Date(2026, 3, 11-7*(i+1), 14, 30, 0, 0, time.UTC)
		if !w.From.Equal(want) || !w.To.Equal(want.Add(30*time.Minute)) {
			t.Errorf("window %d is %v to %v, want the half hour from %v", i, w.From, w.To, want)
		}
	}
	daily := bands.Daily(at, time.UTC)
	if len(daily) != 7 || !daily[6].From.Equal(time.Date(2026, 3, 4, 14, 30, 0, 0, time.UTC)) {
		t.Errorf("daily windows are %v", daily)
	}
}
