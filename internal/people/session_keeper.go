package people

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/vigie-ops/vigie/internal/audit"
	"github.com/vigie-ops/vigie/internal/db"
)

// keepEvery is how often sessions are looked after. A kill forgets at most
// that much of when a session was last used.
const keepEvery = time.Minute

// touch notes that a session was used, to be written with others.
func (a *Accounts) touch(id string, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.seen[id] = now
}

// lastSeen returns when a session was used last.
func (a *Accounts) lastSeen(s Session) time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	if t := a.seen[s.ID]; t.After(s.Seen) {
		return t
	}
	return s.Seen
}

// Name says what Run does.
func (a *Accounts) Name() string { return "sessions" }

// Run looks after sessions until ctx is done.
func (a *Accounts) Run(ctx context.Context) error {
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			return a.keep(last)
		case <-tick.C:
			if err := a.keep(ctx); err != nil && ctx.Err() == nil {
				a.log.Error("sessions not looked after, trying again", "err", err)
			}
		}
	}
}

// keep writes when sessions were used, deletes those that are over, and ends
// those of people who left the operations repository.
func (a *Accounts) keep(ctx context.Context) error {
	a.mu.Lock()
	seen := a.seen
	a.seen = map[string]time.Time{}
	a.mu.Unlock()
	now := a.now().UTC()
	err := a.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, id := range slices.Sorted(maps.Keys(seen)) {
			if err := touchSession(ctx, tx, id, seen[id]); err != nil {
				return err
			}
		}
		return deleteExpired(ctx, tx, now)
	})
	if err != nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		for id, t := range seen {
			if t.After(a.seen[id]) {
				a.seen[id] = t
			}
		}
		return fmt.Errorf("look after sessions: %w", err)
	}
	return a.endGone(ctx)
}

// endGone ends the sessions of people that nobody names any more.
func (a *Accounts) endGone(ctx context.Context) error {
	if len(a.staff.Current().People()) == 0 {
		return nil // no generation is loaded yet, which says nothing about anybody
	}
	people, err := peopleWithSessions(ctx, a.db.Read())
	if err != nil {
		return fmt.Errorf("look after sessions: %w", err)
	}
	for _, slug := range people {
		_, err := a.person(ctx, a.db.Read(), slug)
		if errors.Is(err, ErrUnknown) {
			err = a.EndSessions(ctx, Actor{Slug: audit.System}, slug, "no longer in the operations repository")
		}
		if err != nil {
			return err
		}
	}
	return nil
}
