package people

import (
	"context"
	"time"

	"github.com/vigie-ops/vigie/internal/lib/attempts"
)

// limits slow down who guesses. A remote address has more tries than an
// account, since many people may sit behind one. An account recovers within
// seconds, so that guessing at it does not lock its owner out for long.
type limits struct {
	remotes  *attempts.Limiter
	accounts *attempts.Limiter
	hashing  chan struct{} // bounds the memory that hashing takes
}

func newLimits(now func() time.Time) *limits {
	return &limits{
		remotes:  attempts.At(30, 10*time.Second, now),
		accounts: attempts.At(10, 15*time.Second, now),
		hashing:  make(chan struct{}, 2),
	}
}

func (l *limits) remote(addr string) error {
	if retry, ok := l.remotes.Allow(attempts.Remote(addr)); !ok {
		return &TooMany{Retry: retry}
	}
	return nil
}

func (l *limits) account(name string) error {
	if retry, ok := l.accounts.Allow(name); !ok {
		return &TooMany{Retry: retry}
	}
	return nil
}

func (l *limits) forgive(name string) { l.accounts.Forgive(name) }

// enter waits for a turn to hash.
func (l *limits) enter(ctx context.Context) (leave func(), err error) {
	select {
	case l.hashing <- struct{}{}:
		return func() { <-l.hashing }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
