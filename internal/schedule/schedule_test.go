package schedule_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/schedule"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// times are the first times after a moment.
func times(table schedule.Timetable, after time.Time, n int) []string {
	var out []string
	for range n {
		after = table.Next(after)
		if after.IsZero() {
			return append(out, "never")
		}
		out = append(out, after.Format("Mon 2006-01-02 15:04 MST"))
	}
	return out
}

func TestACronExpressionIsMeantInItsTimeZone(t *testing.T) {
	paris := zone(t, "Europe/Paris")
	for _, c := range []struct {
		cron, after string
		want        []string
	}{
		{"30 3 * * 1", "2026-11-26 12:00", []string{"Mon 2026-11-30 03:30 CET", "Mon 2026-12-07 03:30 CET"}},
		{"0 0 1 */2 *", "2026-11-26 12:00", []string{"Fri 2027-01-01 00:00 CET", "Mon 2027-03-01 00:00 CET"}},
		{"@daily", "2026-11-26 12:00", []string{"Fri 2026-11-27 00:00 CET"}},
		// The clock goes from 02:00 to 03:00 on 29 March 2026: what is of the hour
		// between is not left out.
		{"30 2 * * *", "2026-03-28 12:00", []string{"Sun 2026-03-29 03:00 CEST", "Mon 2026-03-30 02:30 CEST"}},
		// And back from 03:00 to 02:00 on 25 October: once, not twice.
		{"30 2 * * *", "2026-10-24 12:00", []string{"Sun 2026-10-25 02:30 CEST", "Mon 2026-10-26 02:30 CET"}},
		// What comes every hour follows the hours.
		{"0 * * * *", "2026-10-25 00:30", []string{"Sun 2026-10-25 01:00 CEST", "Sun 2026-10-25 02:00 CEST", "Sun 2026-10-25 02:00 CET", "Sun 2026-10-25 03:00 CET"}},
		{"0 0 30 2 *", "2026-11-26 12:00", []string{"never"}},
	} {
		table, err := schedule.Cron(c.cron, paris)
		if err != nil {
			t.Fatalf("%s: %v", c.cron, err)
		}
		after, err := time.ParseInLocation("2006-01-02 15:04", c.after, paris)
		if err != nil {
			t.Fatal(err)
		}
		if got := times(table, after, len(c.want)); !slices.Equal(got, c.want) {
			t.Errorf("%s after %s: %q, want %q", c.cron, c.after, got, c.want)
		}
	}
}

func TestARecurrenceRuleKeepsItsHourAcrossTheChangeOfClocks(t *testing.T) {
	paris := zone(t, "Europe/Paris")
	for _, c := range []struct {
		rule string
		want []string
	}{
		{"FREQ=MONTHLY;INTERVAL=2;BYDAY=1SU;BYHOUR=3;BYMINUTE=0", []string{"Sun 2026-01-04 03:00 CET", "Sun 2026-03-01 03:00 CET", "Sun 2026-05-03 03:00 CEST"}},
		{"FREQ=WEEKLY;BYDAY=TU;COUNT=2", []string{"Tue 2026-01-06 22:00 CET", "Tue 2026-01-13 22:00 CET", "never"}},
		{"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", []string{"never"}},
		{"FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30", []string{"never"}},
	} {
		table, err := schedule.Rule(c.rule, time.Date(2026, 1, 1, 22, 0, 0, 0, paris))
		if err != nil {
			t.Fatalf("%s: %v", c.rule, err)
		}
		if got := times(table, time.Date(2026, 1, 1, 0, 0, 0, 0, paris), len(c.want)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.rule, got, c.want)
		}
	}
}

func TestWhatIsNoTimetableIsRefusedInWords(t *testing.T) {
	for _, text := range []string{"", "* * * *", "61 * * * *", "TZ=UTC 0 3 * * *", "CRON_TZ=UTC 0 3 * * *", "@every 1s", "@reboot", "0 3 * * nobody"} {
		if _, err := schedule.Cron(text, time.UTC); err == nil {
			t.Errorf("cron %q is taken", text)
		}
	}
	for _, text := range []string{"", "FREQ=SECONDLY", "FREQ=MINUTELY", "FREQ=DAILY;BYEASTER=1", "FREQ=NEVER", "FREQ=DAILY;INTERVAL=100000", "FREQ=DAILY\nDTSTART:20260101T000000Z"} {
		if _, err := schedule.Rule(text, time.Unix(0, 0)); err == nil {
			t.Errorf("rule %q is taken", text)
		}
	}
}

func TestTheOfficeIsClosedOnHolidaysOfItsCountry(t *testing.T) {
	paris := zone(t, "Europe/Paris")
	office := schedule.Office{Zone: paris, Country: "fr"}
	for at, open := range map[string]bool{
		"2026-11-26 08:59": false, "2026-11-26 09:00": true, "2026-11-26 17:59": true, "2026-11-26 18:00": false,
		"2026-11-28 11:00": false, // Saturday
		"2026-07-14 11:00": false, // the national holiday, a Tuesday
		"2026-05-25 11:00": false, // Whit Monday
		"2026-07-15 11:00": true,
	} {
		when, err := time.ParseInLocation("2006-01-02 15:04", at, paris)
		if err != nil {
			t.Fatal(err)
		}
		if got := office.Open(when); got != open {
			t.Errorf("open at %s: %t", at, got)
		}
	}
	if (schedule.Office{Zone: paris}).Open(time.Date(2026, 7, 14, 11, 0, 0, 0, paris)) != true {
		t.Error("an office of no country has holidays")
	}
	if name := schedule.Country("fr").Holiday(time.Date(2026, 7, 14, 23, 30, 0, 0, paris)); !strings.Contains(name, "Nationale") {
		t.Errorf("14 July is called %q", name)
	}
}

func TestACountryWithoutCalendarIsAMistake(t *testing.T) {
	if err := schedule.Country("xx").CheckText(); err == nil || !strings.Contains(err.Error(), "fr, gb") {
		t.Errorf("xx: %v", err)
	}
	for _, c := range schedule.Countries() {
		if err := schedule.Country(c).CheckText(); err != nil {
			t.Error(err)
		}
		if schedule.Country(c).Holiday(time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)) == "" {
			t.Errorf("New Year's Day is no holiday in %s", c)
		}
	}
}

// FuzzTimetables says that no text of an operations repository stops the hub,
// and that what it means lies ahead.
func FuzzTimetables(f *testing.F) {
	for _, s := range []string{"30 3 * * 1", "@hourly", "FREQ=MONTHLY;BYDAY=1SU;BYHOUR=3", "FREQ=HOURLY;BYMONTHDAY=31;BYMONTH=2", "* * * * *"} {
		f.Add(s)
	}
	after := time.Date(2026, 3, 29, 1, 59, 0, 0, time.UTC)
	paris := zone(f, "Europe/Paris")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 200 {
			return
		}
		for _, read := range []func() (schedule.Timetable, error){
			func() (schedule.Timetable, error) { return schedule.Cron(text, paris) },
			func() (schedule.Timetable, error) { return schedule.Rule(text, after.AddDate(0, -1, 0)) },
		} {
			table, err := read()
			if err != nil {
				continue
			}
			if next := table.Next(after); !next.IsZero() && !next.After(after) {
				t.Errorf("%q: %s is not after %s", text, next, after)
			}
		}
	})
}
