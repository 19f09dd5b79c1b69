package drift

import (
	"testing"
	"time"
)

func paris(t *testing.T) *time.Location {
	t.Helper()
	l, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestANightIsDueAtItsTimeOfDay(t *testing.T) {
	f := func(zone, date string, at TimeOfDay, want string) {
		t.Helper()
		l, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		d, err := time.Parse(time.DateOnly, date)
		if err != nil {
			t.Fatal(err)
		}
		n := nightOf(d.Year(), d.Month(), d.Day(), at, l)
		if got := n.Due.Format(time.RFC3339); got != want || n.Date != date {
			t.Errorf("%s at %s in %s is due at %s as %s, want %s", date, at, zone, got, n.Date, want)
		}
	}
	f("UTC", "2026-03-29", "02:30", "2026-03-29T02:30:00Z")
	f("Europe/Paris", "2026-01-10", "03:00", "2026-01-10T02:00:00Z")
	f("Europe/Paris", "2026-07-10", "03:00", "2026-07-10T01:00:00Z")
	// 02:30 does not exist on the day the clocks go forward: 03:00 summer time.
	f("Europe/Paris", "2026-03-29", "02:30", "2026-03-29T01:00:00Z")
	f("Europe/Paris", "2026-03-29", "02:00", "2026-03-29T01:00:00Z")
	f("Europe/Paris", "2026-03-29", "03:00", "2026-03-29T01:00:00Z")
	f("America/New_York", "2026-03-08", "02:30", "2026-03-08T07:00:00Z")
	// 02:30 is there twice on the day the clocks go back: the first counts.
	f("Europe/Paris", "2026-10-25", "02:30", "2026-10-25T00:30:00Z")
	f("Europe/Paris", "2026-10-25", "03:00", "2026-10-25T02:00:00Z")
	f("America/New_York", "2026-11-01", "01:30", "2026-11-01T05:30:00Z")
	// Where the gap is at midnight.
	f("Africa/Cairo", "2026-04-24", "00:30", "2026-04-23T22:00:00Z")
	// Half an hour back.
	f("Australia/Lord_Howe", "2026-04-05", "01:45", "2026-04-04T14:45:00Z")
}

func TestEveryNightIsDueExactlyOnce(t *testing.T) {
	for _, zone := range []string{"Europe/Paris", "America/New_York", "Africa/Cairo", "Australia/Lord_Howe", "UTC", "Pacific/Apia"} {
		l, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range []TimeOfDay{"00:00", "00:30", "01:30", "02:00", "02:30", "03:00", "23:59"} {
			seen, last := map[string]bool{}, Night{}
			begin := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
			for now := begin; now.Before(begin.AddDate(1, 0, 0)); now = now.Add(10 * time.Minute) {
				n, due := dueNight(now, begin, at, l)
				if !due {
					continue
				}
				if n.Date != last.Date && seen[n.Date] || n.Date < last.Date {
					t.Fatalf("%s at %s: the night %s comes again at %s", zone, at, n.Date, now)
				}
				seen[n.Date], last = true, n
			}
			if len(seen) != 365 {
				t.Errorf("%s at %s: a year has %d nights", zone, at, len(seen))
			}
		}
	}
}

func TestANightThatWasMissedWaitsForTheNext(t *testing.T) {
	l := paris(t)
	at := func(hour, minute int) time.Time { return time.Date(2026, 11, 20, hour, minute, 0, 0, l) }
	begun := at(0, 0).AddDate(0, 0, -3)
	f := func(now, begun time.Time, want bool) {
		t.Helper()
		if _, got := dueNight(now, begun, "03:00", l); got != want {
			t.Errorf("at %s a look is due: %v, want %v", now, got, want)
		}
	}
	f(at(2, 59), begun, false)
	f(at(3, 0), begun, true)
	f(at(9, 0), begun, true)
	f(at(9, 1), begun, false)
	f(at(23, 59), begun, false)
	f(at(4, 0), at(3, 30), false) // it was set up after
}

func TestTheNextNightIsAfterNow(t *testing.T) {
	l := paris(t)
	now := time.Date(2026, 10, 25, 1, 0, 0, 0, time.UTC)
	if n := nextNight(now, "02:30", l); n.Date != "2026-10-26" {
		t.Errorf("after the repeated hour the next night is %s", n.Date)
	}
	if n := nextNight(now.Add(-2*time.Hour), "02:30", l); n.Date != "2026-10-25" {
		t.Errorf("before it the next night is %s", n.Date)
	}
}

func TestATimeOfDayIsChecked(t *testing.T) {
	for _, good := range []TimeOfDay{"00:00", "03:00", "23:59"} {
		if err := good.CheckText(); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []TimeOfDay{"", "3:00", "24:00", "03:60", "03:00:00", "noon"} {
		if bad.CheckText() == nil {
			t.Errorf("%q is taken for a time of day", bad)
		}
	}
}
