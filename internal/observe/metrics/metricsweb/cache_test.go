package metricsweb

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/metrics/query"
)

// slow answers after a second and counts.
type slow struct {
	mu          sync.Mutex
	asked       int
	now, atMost int
	err         error
}

func (s *slow) QueryRange(ctx context.Context, _ string, _, _ time.Time, _ time.Duration) ([]query.Series, error) {
	s.mu.Lock()
	s.asked++
	s.now++
	s.atMost = max(s.atMost, s.now)
	err := s.err
	s.mu.Unlock()
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		err = ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now--
	return nil, err
}

func (s *slow) Query(context.Context, string, time.Time) ([]query.Sample, error) { return nil, nil }

func ask(e *cachedEngine, ctx context.Context, expr string) error {
	now := time.Now()
	_, err := e.rangeOf(ctx, expr, now.Add(-time.Hour), now, time.Hour)
	return err
}

func TestEqualQuestionsAreAskedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slow{}
		e := newCachedEngine(s, time.Now)
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() { _ = ask(e, t.Context(), "up") })
		}
		wg.Wait()
		_ = ask(e, t.Context(), "up")
		if s.asked != 1 {
			t.Errorf("asked %d times, want once", s.asked)
		}
		time.Sleep(kept) // the fake clock of synctest
		_ = ask(e, t.Context(), "up")
		if s.asked != 2 {
			t.Errorf("asked %d times after a while, want twice", s.asked)
		}
	})
}

func TestFewQuestionsRunAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slow{}
		e := newCachedEngine(s, time.Now)
		var wg sync.WaitGroup
		for i := range 30 {
			wg.Go(func() { _ = ask(e, t.Context(), fmt.Sprint(i)) })
		}
		wg.Wait()
		if s.asked != 30 || s.atMost != atOnce {
			t.Errorf("asked %d, %d at once, want 30, %d at once", s.asked, s.atMost, atOnce)
		}
	})
}

func TestFailuresAreNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slow{err: errors.New("busy")}
		e := newCachedEngine(s, time.Now)
		if err := ask(e, t.Context(), "up"); err == nil {
			t.Error("got no error")
		}
		s.err = nil
		if err := ask(e, t.Context(), "up"); err != nil {
			t.Errorf("asked again: got %v", err)
		}
	})
}

func TestWhoLeavesTakesNobodyAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slow{}
		e := newCachedEngine(s, time.Now)
		ctx, leave := context.WithCancel(t.Context())
		var first, second error
		var wg sync.WaitGroup
		wg.Go(func() { first = ask(e, ctx, "up") })
		synctest.Wait()
		wg.Go(func() { second = ask(e, t.Context(), "up") })
		synctest.Wait()
		leave()
		wg.Wait()
		if !errors.Is(first, context.Canceled) || second != nil {
			t.Errorf("got %v and %v, want the first canceled and the second answered", first, second)
		}
	})
}
