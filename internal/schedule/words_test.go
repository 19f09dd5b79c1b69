package schedule_test

import (
	"testing"

	"github.com/vigie-ops/vigie/internal/schedule"
)

func TestTimetablesHaveWords(t *testing.T) {
	for text, want := range map[string]string{
		"0 3 * * *":           "every day at 03:00",
		"@daily":              "every day at 00:00",
		"30 2,14 * * *":       "every day at 02:30 and 14:30",
		"0 3 * * 1":           "Mondays at 03:00",
		"0 3 * * mon,thu":     "Mondays and Thursdays at 03:00",
		"15 7 * * 1-5":        "weekdays at 07:15",
		"0 9 * * 7":           "Sundays at 09:00",
		"0 9 * * fri-sun":     "Friday to Sunday at 09:00",
		"0 4 1 * *":           "on the 1st of each month at 04:00",
		"0 4 23 12 *":         "on the 23rd of December at 04:00",
		"0 4 * 6 2":           "Tuesdays in June at 04:00",
		"*/15 * * * *":        "every 15 minutes",
		"0 * * * *":           "every hour",
		"7 * * * *":           "every hour, 7 minutes past",
		"* * * * *":           "every minute",
		"0 3 1 * 1":           "0 3 1 * 1", // either of the two: no short words
		"0 0-6 * * *":         "0 0-6 * * *",
		"61 3 * * *":          "61 3 * * *",
		"not a timetable":     "not a timetable",
		"FREQ=DAILY;BYHOUR=3": "every day at 03:00",
		"FREQ=MONTHLY;INTERVAL=2;BYDAY=1SU;BYHOUR=3":    "every second month, 1st Sunday at 03:00",
		"FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=22;BYMINUTE=15": "every month, last Friday at 22:15",
		"FREQ=WEEKLY;INTERVAL=3;BYDAY=MO,WE":            "every 3 weeks, Mondays and Wednesdays",
		"FREQ=MONTHLY;BYMONTHDAY=-1":                    "every month, on the last day",
		"FREQ=MONTHLY;BYMONTHDAY=12;BYHOUR=4":           "every month, on the 12th at 04:00",
		"FREQ=YEARLY;BYSETPOS=1;BYDAY=MO":               "FREQ=YEARLY;BYSETPOS=1;BYDAY=MO",
		"FREQ=SECONDLY":                                 "FREQ=SECONDLY",
	} {
		if got := schedule.Words(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}
