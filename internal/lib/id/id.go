// Package id makes identifiers that sort by the time they were made.
package id

import (
	"crypto/rand"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"
)

var (
	mu      sync.Mutex
	entropy = ulid.Monotonic(rand.Reader, 0)
)

// New returns a ULID of now: 26 characters that sort by time, never the same
// twice in one process.
func New() string { return At(time.Now()) }

// At returns a ULID of the given time.
func At(t time.Time) string {
	mu.Lock()
	defer mu.Unlock()
	u, err := ulid.New(ulid.Timestamp(t), entropy)
	if err != nil { // the monotonic part overflowed, once in 2^80 within a millisecond
		u = ulid.MustNew(ulid.Timestamp(t), rand.Reader)
	}
	return u.String()
}

// Valid reports whether s is an id as New makes it.
func Valid(s string) bool {
	u, err := ulid.ParseStrict(s)
	return err == nil && u.String() == s
}
