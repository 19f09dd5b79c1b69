package notify

import (
	"math/rand/v2"
	"time"
)

const (
	firstPause  = 5 * time.Second
	maxPause    = 5 * time.Minute
	patience    = 24 * time.Hour // after this a delivery is given up
	maxAttempts = 1000           // more than fit into patience
)

// backoff is the pause after the given failed attempt, counted from one: it
// doubles from 5 s to 5 min. spread, from 0 to 1, takes up to a quarter off, so
// that a thousand messages do not come back at once.
func backoff(attempt int, spread float64) time.Duration {
	d := maxPause
	if attempt < 8 {
		d = min(maxPause, firstPause<<(max(attempt, 1)-1))
	}
	return d - time.Duration(spread*float64(d)/4)
}

func pause(attempt int) time.Duration { return backoff(attempt, rand.Float64()) }
