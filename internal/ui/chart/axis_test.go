package chart

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAxisHasThreeRoundTicks(t *testing.T) {
	f := func(u Unit, low, high float64, want [3]float64) {
		t.Helper()
		if got := niceAxis(u, low, high).ticks(); got != want {
			t.Errorf("niceAxis(%s, %v, %v) = %v, want %v", u, low, high, got, want)
		}
	}
	f(Percent, 12, 74, [3]float64{0, 50, 100})
	f(Percent, 1, 7, [3]float64{0, 5, 10})
	f(Percent, 0, 0, [3]float64{0, 50, 100})
	f(Count, 0, 3, [3]float64{0, 2, 4})
	f(Count, 0, 0.2, [3]float64{0, 1, 2})
	f(Count, 0, 43, [3]float64{0, 25, 50})
	f(None, -3, 3, [3]float64{-5, 0, 5})
	f(None, -10, -1, [3]float64{-10, -5, 0})
	f(Bytes, 0, 7<<30, [3]float64{0, 5 << 30, 10 << 30})
	f(Seconds, 0, 0.31, [3]float64{0, 0.2, 0.4})
	f(Seconds, 0, 7000, [3]float64{0, 3600, 7200})
}

func TestTimeTicksStandOnRoundLocalTimes(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	f := func(from string, span time.Duration, want string) {
		t.Helper()
		start, err := time.Parse(time.RFC3339, from)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, tick := range timeTicks(start, start.Add(span), paris) {
			got = append(got, tick.label)
		}
		if diff := cmp.Diff(want, strings.Join(got, "|")); diff != "" {
			t.Errorf("%s + %s (-want +got):\n%s", from, span, diff)
		}
	}
	f("2026-11-23T18:00:00Z", 4*time.Hour, "19:00|20:00|21:00|22:00|23:00")
	f("2026-11-23T18:07:00Z", time.Hour, "19:15|19:30|19:45|20:00")
	f("2026-11-23T18:07:00Z", 5*time.Minute, "19:07|19:08|19:09|19:10|19:11|19:12")
	f("2026-11-23T18:07:05Z", 170*time.Second, "19:08|19:09")
	f("2026-11-23T18:07:05Z", 100*time.Second, "19:07:30|19:08:00|19:08:30")
	f("2026-11-23T12:00:00Z", 24*time.Hour, "18:00|Tue 24|06:00|12:00")
	f("2026-11-20T12:00:00Z", 7*24*time.Hour, "Sat 21|Sun 22|Mon 23|Tue 24|Wed 25|Thu 26|Fri 27")
	f("2026-10-24T22:00:00Z", 24*time.Hour, "Sun 25|06:00|12:00|18:00") // the clock goes back at 03:00
	f("2026-10-01T00:00:00Z", 30*24*time.Hour, "6 Oct|11 Oct|16 Oct|21 Oct|26 Oct|31 Oct")
	f("2026-11-23T18:00:00Z", 0, "")
}

func FuzzTimeTicks(f *testing.F) {
	f.Add(int64(1_790_000_000), int64(3600))
	f.Add(int64(1_774_745_000), int64(86400*3))
	f.Add(int64(-62135596800), int64(1))
	f.Fuzz(func(t *testing.T, start, span int64) {
		const century = 86400 * 36525
		start, span = start%(50*century), span%(5*century)
		from := time.Unix(start, 0)
		ticks := timeTicks(from, from.Add(time.Duration(span)*time.Second), time.UTC)
		if len(ticks) > 20 {
			t.Fatalf("%d ticks", len(ticks))
		}
		for i, tick := range ticks {
			if tick.at.Before(from) || i > 0 && !tick.at.After(ticks[i-1].at) {
				t.Fatalf("tick %d at %s is out of order", i, tick.at)
			}
		}
	})
}
