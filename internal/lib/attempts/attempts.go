// Package attempts slows down who tries too often: a limit for each key, such
// as a remote address or an account, in bounded memory.
package attempts

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// most bounds how many keys a limiter remembers.
const most = 20_000

// Limiter lets each key try a number of times at once, and then once in a
// while. It is safe for use by many goroutines.
type Limiter struct {
	burst int
	every time.Duration
	now   func() time.Time

	mu sync.Mutex
	// full holds the moment at which a key has all its tries back. It moves on
	// by every with each try; a moment in the past is not kept.
	full map[string]time.Time
}

// New returns a limiter that gives each key burst tries, and one back each
// time every has passed.
func New(burst int, every time.Duration) *Limiter { return At(burst, every, time.Now) }

// At is New with a clock.
func At(burst int, every time.Duration, now func() time.Time) *Limiter {
	return &Limiter{burst: burst, every: every, now: now, full: map[string]time.Time{}}
}

// Allow takes one try of a key. When there is none left it says after how long
// there is one.
func (l *Limiter) Allow(key string) (retry time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	full := l.full[key]
	if full.Before(now) {
		full = now
	}
	full = full.Add(l.every)
	if over := full.Sub(now) - time.Duration(l.burst)*l.every; over > 0 {
		return over, false
	}
	if len(l.full) >= most {
		l.sweep(now)
	}
	l.full[key] = full
	return 0, true
}

// Forgive gives a key all its tries back.
func (l *Limiter) Forgive(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.full, key)
}

// sweep makes room. Keys that have all their tries back go first; if none
// has, the one closest to that, so that flooding with new keys does not free
// the ones that tried most.
func (l *Limiter) sweep(now time.Time) {
	var next string
	var soonest time.Time
	for k, full := range l.full {
		if !full.After(now) {
			delete(l.full, k)
		} else if next == "" || full.Before(soonest) {
			next, soonest = k, full
		}
	}
	if len(l.full) >= most {
		delete(l.full, next)
	}
}

// Remote returns the key of a remote address, with or without a port: the
// address itself, or the /64 network of an IPv6 address, since whoever has one
// of those has all of them.
func Remote(addr string) string {
	if host, _, err := net.SplitHostPort(addr); err == nil {
		addr = host
	}
	ip, err := netip.ParseAddr(addr)
	if err != nil {
		return addr
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	network, err := ip.Prefix(64)
	if err != nil {
		return ip.String()
	}
	return network.String()
}
