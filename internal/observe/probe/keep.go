package probe

import (
	"context"
	"slices"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
)

// write is a change of the tables that waits for its transaction.
type write func(ctx context.Context, tx *db.Tx) error

// later queues a change of the tables; the caller holds s.mu.
func (s *Service) later(w write) {
	s.writes = append(s.writes, w)
	nudge(s.kick)
}

// The pauses between attempts to write or report, while they fail.
const (
	firstPause = time.Second
	lastPause  = 30 * time.Second
)

// keep writes changes down and reports signals, and tries again until it
// succeeds.
func (s *Service) keep(ctx context.Context) {
	var retry <-chan time.Time
	pause := time.Duration(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.kick:
		case <-retry:
		}
		retry = nil
		err := s.writeDown(ctx)
		if err == nil {
			err = deliver(ctx, s.o.DB, s.o.Sink)
		}
		if err == nil {
			pause = 0
			continue
		}
		if ctx.Err() != nil {
			return
		}
		pause = min(max(firstPause, 2*pause), lastPause)
		s.o.Log.Warn("outages or their signals wait for being taken over", "err", err, "retry_in", pause)
		retry = time.After(pause)
	}
}

// writeDown runs the queued writes in one transaction, in their order.
func (s *Service) writeDown(ctx context.Context) error {
	s.mu.Lock()
	batch := slices.Clone(s.writes)
	s.mu.Unlock()
	if len(batch) == 0 {
		return nil
	}
	err := s.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, w := range batch {
			if err := w(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes = slices.Delete(s.writes, 0, len(batch))
	return nil
}
