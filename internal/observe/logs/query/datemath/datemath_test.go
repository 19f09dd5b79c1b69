package datemath_test

import (
	"strings"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/logs/query/datemath"
)

var now = time.Date(2026, 11, 25, 10, 17, 42, 500, time.UTC)

func TestTimesStandForSpans(t *testing.T) {
	oslo, err := time.LoadLocation("Europe/Oslo")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		text     string
		zone     *time.Location
		from, to string
	}{
		{"now", nil, "2026-11-25T10:17:42.0000005Z", ""},
		{"now-15m", nil, "2026-11-25T10:02:42.0000005Z", ""},
		{"now-d", nil, "2026-11-24T10:17:42.0000005Z", ""},
		{"now/d", nil, "2026-11-25T00:00:00Z", "2026-11-26T00:00:00Z"},
		{"now/d", oslo, "2026-11-24T23:00:00Z", "2026-11-25T23:00:00Z"},
		{"now/w", nil, "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"},
		{"now-1M/M", nil, "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z"},
		{"now/d-2h", nil, "2026-11-24T22:00:00Z", ""},
		{"now/H", nil, "2026-11-25T10:00:00Z", "2026-11-25T11:00:00Z"},
		{"2026", nil, "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"},
		{"2026-02", nil, "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"},
		{"2026-11-25", nil, "2026-11-25T00:00:00Z", "2026-11-26T00:00:00Z"},
		{"2026-03-29", oslo, "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"}, // a day of 23 hours
		{"2026-11-25T10", nil, "2026-11-25T10:00:00Z", "2026-11-25T11:00:00Z"},
		{"2026-11-25T10:30", oslo, "2026-11-25T09:30:00Z", "2026-11-25T09:31:00Z"},
		{"2026-11-25T10:30:05Z", oslo, "2026-11-25T10:30:05Z", "2026-11-25T10:30:06Z"},
		{"2026-11-25T10:30:05+01:00", nil, "2026-11-25T09:30:05Z", "2026-11-25T09:30:06Z"},
		{"2026-11-25T10:30:05.25Z", nil, "2026-11-25T10:30:05.25Z", ""},
		{"2026-11-25||/M", nil, "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"},
		{"2026-05-31||-1M", nil, "2026-04-30T00:00:00Z", ""},
		{"2024-02-29||+1y", nil, "2025-02-28T00:00:00Z", ""},
	} {
		got, err := datemath.Parse(c.text, now, c.zone)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if c.to == "" {
			c.to = c.from
		}
		from, to := time.Unix(0, got.From).UTC().Format(time.RFC3339Nano), time.Unix(0, got.To).UTC().Format(time.RFC3339Nano)
		if from != c.from || to != c.to {
			t.Errorf("%s is %s to %s, want %s to %s", c.text, from, to, c.from, c.to)
		}
		if c.text != "2026" && c.text != "2026-02" && !datemath.Looks(c.text) && !strings.Contains(c.text, "T10") {
			t.Errorf("%s does not look like a time", c.text)
		}
	}
}

func TestWhatIsNoTimeIsRefused(t *testing.T) {
	for _, text := range []string{"", "today", "now-", "now-5", "now-5x", "now/", "now/q", "nowhere", "2026-13-01", "2026-11-25||foo", "2026-11-25T25:00", "now-999999999999y", "now+900000y", "now" + strings.Repeat("+1d", 30)} {
		if s, err := datemath.Parse(text, now, nil); err == nil {
			t.Errorf("%q is %v", text, s)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"now-15m/d", "2026-11-25||+1M/d", "2026-11-25T10:30:05.25+01:00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if span, err := datemath.Parse(s, now, nil); err == nil && span.To < span.From {
			t.Errorf("%q ends before it begins: %v", s, span)
		}
	})
}
