package hub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/vigie-ops/vigie/internal/lib/logattr"
)

// Service is a piece of background work that lives as long as the hub.
type Service interface {
	Name() string
	Run(ctx context.Context) error // returns when ctx is done
}

// The pause before a service that stopped is started again, doubled each time
// up to the longest.
const (
	firstPause   = time.Second
	longestPause = time.Minute
)

// supervise runs all services until ctx is done and waits for them. One that
// stops before, or panics, is started again: the others do not depend on it.
func supervise(ctx context.Context, log *slog.Logger, services []Service) {
	var all sync.WaitGroup
	for _, s := range services {
		all.Go(func() {
			pause := firstPause
			for {
				began := time.Now()
				err := runOnce(ctx, s)
				if ctx.Err() != nil {
					if err != nil && !errors.Is(err, context.Canceled) {
						log.Warn("service stopped with an error", "service", s.Name(), logattr.Err(err))
					}
					return
				}
				if time.Since(began) > longestPause {
					pause = firstPause
				}
				log.Error("service stopped, starting it again", "service", s.Name(), logattr.Err(err), "pause", pause)
				select {
				case <-ctx.Done():
					return
				case <-time.After(pause):
				}
				pause = min(2*pause, longestPause)
			}
		})
	}
	all.Wait()
}

func runOnce(ctx context.Context, s Service) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return s.Run(ctx)
}
