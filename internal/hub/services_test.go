package hub

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

type service func(ctx context.Context) error

func (service) Name() string                    { return "test" }
func (s service) Run(ctx context.Context) error { return s(ctx) }

func TestAServiceThatStopsIsStartedAgainWithGrowingPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		began := time.Now()
		var starts []time.Duration
		flaky := service(func(context.Context) error {
			starts = append(starts, time.Since(began))
			if len(starts) == 2 {
				panic("on purpose")
			}
			return errors.New("stopped")
		})
		steady := 0
		calm := service(func(ctx context.Context) error { steady++; <-ctx.Done(); return ctx.Err() })
		done := make(chan struct{})
		go func() { defer close(done); supervise(ctx, slog.New(slog.DiscardHandler), []Service{flaky, calm}) }()
		time.Sleep(8 * time.Second) // of the bubble's clock
		cancel()
		<-done
		want := []time.Duration{0, 1 * time.Second, 3 * time.Second, 7 * time.Second}
		if len(starts) != len(want) {
			t.Fatalf("started at %v, want %v", starts, want)
		}
		for i := range want {
			if starts[i] != want[i] {
				t.Errorf("start %d at %v, want %v", i, starts[i], want[i])
			}
		}
		if steady != 1 {
			t.Errorf("the steady service was started %d times, want once", steady)
		}
	})
}
