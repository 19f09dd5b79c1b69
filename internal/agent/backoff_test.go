package agent

import (
	"net/http"
	"testing"
	"time"
)

func TestWaitsGrowToHalfAMinute(t *testing.T) {
	var b backoff
	for i := range 20 {
		most := min(firstRetry<<i, lastRetry)
		if i > 10 {
			most = lastRetry
		}
		if d := b.next(); d < most/2 || d > most {
			t.Errorf("wait %d is %s, want %s to %s", i, d, most/2, most)
		}
	}
	b.reset()
	if d := b.next(); d > firstRetry {
		t.Errorf("the first wait after success is %s", d)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for in, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-7": 0, "soon": 0, "99999999999": 5 * time.Minute, "86400": 5 * time.Minute,
		now.Add(time.Minute).Format(http.TimeFormat): time.Minute, now.Add(-time.Minute).Format(http.TimeFormat): 0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {in}}, now); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

func TestRenewalsHaveTimeForSeveralTries(t *testing.T) {
	for left, want := range map[time.Duration]time.Duration{-time.Hour: 10 * time.Second, time.Minute: 10 * time.Second, 30 * time.Minute: 3 * time.Minute, 240 * time.Hour: 10 * time.Minute} {
		if got := renewPause(left); got != want {
			t.Errorf("with %s left: %s, want %s", left, got, want)
		}
	}
}
