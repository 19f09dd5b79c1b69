package notify

import (
	"testing"
	"time"
)

func TestPausesGrowFromSecondsToMinutes(t *testing.T) {
	f := func(attempt int, want time.Duration) {
		t.Helper()
		if got := backoff(attempt, 0); got != want {
			t.Errorf("after attempt %d: %v, want %v", attempt, got, want)
		}
		if got, least := backoff(attempt, 1), want*3/4; got != least {
			t.Errorf("after attempt %d at the least: %v, want %v", attempt, got, least)
		}
	}
	f(0, 5*time.Second)
	f(1, 5*time.Second)
	f(2, 10*time.Second)
	f(6, 160*time.Second)
	f(7, 5*time.Minute)
	f(1000, 5*time.Minute)
}

func TestAttemptsOutlastTheDay(t *testing.T) {
	var total time.Duration
	n := 0
	for ; total < patience; n++ {
		total += backoff(n+1, 1)
	}
	if n >= maxAttempts {
		t.Errorf("%d attempts fit into %v, and jobs end after %d", n, patience, maxAttempts)
	}
}
