package notify

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// turn lets one message of a channel after the other be handed over and noted,
// the most urgent of those that wait first. Whenever the hub is killed, at most
// one message of each channel is then sent and not yet noted, and at most one
// is sent again after the start.
type turn struct {
	mu      sync.Mutex
	busy    bool
	since   time.Time // when the message that has the turn took it
	ahead   int       // messages that went ahead without the turn
	waiting []*waiter
}

type waiter struct {
	urgency int
	ready   chan struct{}
}

const (
	// longestTurn is how long a message waits for the one before it. A server
	// that does not answer for longer holds nobody else up; a kill at such a
	// moment may repeat one message of each that is under way.
	longestTurn = 10 * time.Second
	// A channel whose server has not answered for slowTurn is given no more than
	// maxHeld workers: the others are for the channels that work.
	slowTurn = 2 * time.Second
	maxHeld  = 4
)

// errCrowded says that enough messages hang on a channel already.
var errCrowded = errors.New("the server of the channel does not answer, and enough messages wait for it already")

func newTurn() *turn { return &turn{} }

// take waits for the turn and returns what gives it back.
func (t *turn) take(ctx context.Context) (give func(), err error) { return t.takeFor(ctx, 0) }

// takeFor waits for the turn of a message this urgent.
func (t *turn) takeFor(ctx context.Context, urgency int) (give func(), err error) {
	t.mu.Lock()
	if !t.busy {
		t.busy, t.since = true, time.Now()
		t.mu.Unlock()
		return t.pass, nil
	}
	if time.Since(t.since) > slowTurn && len(t.waiting)+t.ahead >= maxHeld {
		t.mu.Unlock()
		return nil, errCrowded
	}
	w := &waiter{urgency: urgency, ready: make(chan struct{})}
	t.waiting = append(t.waiting, w)
	t.mu.Unlock()
	enough := time.NewTimer(longestTurn)
	defer enough.Stop()
	select {
	case <-w.ready:
		return t.pass, nil
	case <-enough.C:
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	at := slices.Index(t.waiting, w)
	switch {
	case at < 0: // it came at the same moment
		return t.pass, nil
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case t.ahead >= maxHeld:
		err = errCrowded
	}
	t.waiting = slices.Delete(t.waiting, at, at+1)
	if err != nil {
		return nil, err
	}
	t.ahead++
	return t.back, nil
}

// pass hands the turn to the most urgent message that waits, the oldest of these.
func (t *turn) pass() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.waiting) == 0 {
		t.busy = false
		return
	}
	next := 0
	for i, w := range t.waiting {
		if w.urgency > t.waiting[next].urgency {
			next = i
		}
	}
	t.since = time.Now()
	close(t.waiting[next].ready)
	t.waiting = slices.Delete(t.waiting, next, next+1)
}

// back ends a message that went ahead: it has no turn to give.
func (t *turn) back() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ahead--
}

// turnOf returns the turn of a channel: one that hangs holds up no other.
func (c *Courier) turnOf(channel string) *turn {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.turns[channel] == nil {
		c.turns[channel] = newTurn()
	}
	return c.turns[channel]
}
