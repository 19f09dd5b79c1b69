package probe_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/observe/probe"
)

// at reads "2006-01-02 15:04" in UTC.
func at(t *testing.T, s string) time.Time {
	t.Helper()
	if s == "" {
		return time.Time{}
	}
	v, err := time.Parse("2006-01-02 15:04", s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func spans(t *testing.T, times ...string) []probe.Span {
	t.Helper()
	var out []probe.Span
	for i := 0; i < len(times); i += 2 {
		out = append(out, probe.Span{From: at(t, times[i]), To: at(t, times[i+1])})
	}
	return out
}

func TestDays(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	type day struct {
		Length, Down, Unknown time.Duration
		Outages               int
	}
	const h = time.Hour
	always := []string{"2020-01-01 00:00", ""}
	f := func(name string, now string, loc *time.Location, known, down []string, want ...day) {
		t.Helper()
		var got []day
		for _, d := range probe.Days(at(t, now), loc, len(want), spans(t, known...), spans(t, down...)) {
			got = append(got, day{d.Length, d.Down, d.Unknown, d.Outages})
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	f("nothing happened", "2026-03-02 12:00", time.UTC, always, nil, day{24 * h, 0, 0, 0}, day{12 * h, 0, 0, 0})
	f("nothing known", "2026-03-02 12:00", time.UTC, nil, nil, day{24 * h, 0, 24 * h, 0}, day{12 * h, 0, 12 * h, 0})
	f("one outage", "2026-03-02 12:00", time.UTC, always, []string{"2026-03-02 03:00", "2026-03-02 04:00"},
		day{24 * h, 0, 0, 0}, day{12 * h, 1 * h, 0, 1})
	f("over midnight", "2026-03-02 12:00", time.UTC, always, []string{"2026-03-01 23:00", "2026-03-02 02:00"},
		day{24 * h, 1 * h, 0, 1}, day{12 * h, 2 * h, 0, 1})
	f("still going on", "2026-03-02 12:00", time.UTC, always, []string{"2026-03-02 09:00", ""}, day{12 * h, 3 * h, 0, 1})
	f("overlapping outages of several probes count once", "2026-03-02 12:00", time.UTC, always,
		[]string{"2026-03-02 01:00", "2026-03-02 03:00", "2026-03-02 02:00", "2026-03-02 04:00", "2026-03-02 02:30", "2026-03-02 02:45", "2026-03-02 04:00", "2026-03-02 05:00"},
		day{12 * h, 4 * h, 0, 1})
	f("two outages", "2026-03-02 12:00", time.UTC, always,
		[]string{"2026-03-02 05:00", "2026-03-02 06:00", "2026-03-02 01:00", "2026-03-02 02:00"}, day{12 * h, 2 * h, 0, 2})
	f("watched since ten", "2026-03-02 12:00", time.UTC, []string{"2026-03-02 10:00", ""}, nil,
		day{24 * h, 0, 24 * h, 0}, day{12 * h, 0, 10 * h, 0})
	f("known of two probes in turn", "2026-03-02 12:00", time.UTC,
		[]string{"2026-03-02 00:00", "2026-03-02 04:00", "2026-03-02 03:00", "2026-03-02 08:00"}, nil, day{12 * h, 0, 4 * h, 0})
	f("an outage is known by itself", "2026-03-02 12:00", time.UTC, []string{"2026-03-02 06:00", ""},
		[]string{"2026-03-02 04:00", "2026-03-02 07:00"}, day{12 * h, 3 * h, 4 * h, 1})
	f("clocks go forward: 23 hours", "2026-03-29 23:00", paris, always, []string{"2026-03-29 00:30", "2026-03-29 01:30"},
		day{23 * h, 1 * h, 0, 1}, day{1 * h, 0, 0, 0})
	f("clocks go back: 25 hours", "2026-10-26 00:00", paris, always, []string{"2026-10-24 22:00", "2026-10-25 23:00"},
		day{25 * h, 25 * h, 0, 1}, day{1 * h, 0, 0, 0})
	f("the day is that of the place", "2026-03-01 23:30", paris, always, []string{"2026-03-01 22:30", ""},
		day{24 * h, 30 * time.Minute, 0, 1}, day{30 * time.Minute, 30 * time.Minute, 0, 1})
	f("what lies ahead does not count", "2026-03-02 12:00", time.UTC, always, []string{"2026-03-02 11:00", "2026-03-02 15:00"},
		day{12 * h, 1 * h, 0, 1})
}

func TestUptimeIsTheShareOfTheKnownTime(t *testing.T) {
	f := func(d probe.Day, want float64, known bool) {
		t.Helper()
		if got, ok := d.Uptime(); got != want || ok != known {
			t.Errorf("%+v: %v %v, want %v %v", d, got, ok, want, known)
		}
	}
	f(probe.Day{Length: 24 * time.Hour}, 1, true)
	f(probe.Day{Length: 24 * time.Hour, Down: 6 * time.Hour}, 0.75, true)
	f(probe.Day{Length: 24 * time.Hour, Down: 6 * time.Hour, Unknown: 12 * time.Hour}, 0.5, true)
	f(probe.Day{Length: 24 * time.Hour, Unknown: 24 * time.Hour}, 0, false)
	f(probe.Day{}, 0, false)
	two := []probe.Day{{Length: 24 * time.Hour, Unknown: 24 * time.Hour}, {Length: 24 * time.Hour, Down: 12 * time.Hour}}
	if got, ok := probe.Share(two); got != 0.5 || !ok {
		t.Errorf("share of two days %v %v, want 0.5", got, ok)
	}
}
