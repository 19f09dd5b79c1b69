package db

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// Worker works the jobs of one kind. Work must bear to run twice: a process
// that is killed after the work and before its note of it works it again.
type Worker[T river.JobArgs] struct {
	Work func(ctx context.Context, job *river.Job[T]) error
	// Timeout ends one attempt; a minute if zero.
	Timeout time.Duration
	// Backoff is the pause after the given failed attempt, counted from one;
	// River's own, attempt⁴ seconds, if nil.
	Backoff func(attempt int) time.Duration
}

// Jobs works the durable jobs of a state. It is a service.
type Jobs struct {
	db      *DB
	log     *slog.Logger
	workers *river.Workers
	kinds   int
}

// NewJobs returns the workers of d's jobs; add kinds with Handle, then Run.
func NewJobs(d *DB, log *slog.Logger) *Jobs {
	return &Jobs{db: d, log: log, workers: river.NewWorkers()}
}

// Handle has w work all jobs of T's kind. Call it before Run, once a kind.
func Handle[T river.JobArgs](j *Jobs, w Worker[T]) {
	river.AddWorker(j.workers, &worker[T]{w: w})
	j.kinds++
}

// Name names the service.
func (j *Jobs) Name() string { return "jobs" }

// maxWorkers bounds how many jobs run at once: they wait for networks, mostly.
const maxWorkers = 20

// Run works jobs until ctx is done. Jobs that run then are told to stop, and
// are worked again after the next start.
func (j *Jobs) Run(ctx context.Context) error {
	if j.kinds == 0 {
		<-ctx.Done()
		return nil
	}
	if err := j.db.orphans(ctx); err != nil {
		return err
	}
	stop, err := j.db.queue.work(context.WithoutCancel(ctx), &river.Config{
		ID:           j.db.worker,
		Logger:       j.log,
		Workers:      j.workers,
		Queues:       map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: maxWorkers}},
		ErrorHandler: failures{j.log},
		// A job that was running when another process was killed is taken up
		// again after this long, which must exceed the longest Timeout. Those
		// of this process were taken up just now.
		RescueStuckJobsAfter: 2 * time.Minute,
		JobTimeout:           time.Minute,
	})
	if err != nil {
		return err
	}
	<-ctx.Done()
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := stop(end); err != nil {
		return fmt.Errorf("stop jobs: %w", err)
	}
	return nil
}

type worker[T river.JobArgs] struct {
	river.WorkerDefaults[T]
	w Worker[T]
}

func (w *worker[T]) Work(ctx context.Context, job *river.Job[T]) error { return w.w.Work(ctx, job) }

func (w *worker[T]) Timeout(*river.Job[T]) time.Duration {
	if w.w.Timeout == 0 {
		return time.Minute
	}
	return w.w.Timeout
}

func (w *worker[T]) NextRetry(job *river.Job[T]) time.Time {
	if w.w.Backoff == nil {
		return w.WorkerDefaults.NextRetry(job)
	}
	return time.Now().Add(w.w.Backoff(job.Attempt))
}

// failures logs what jobs report; River itself only counts it.
type failures struct{ log *slog.Logger }

func (f failures) HandleError(_ context.Context, job *rivertype.JobRow, err error) *river.ErrorHandlerResult {
	if !errors.Is(err, context.Canceled) {
		f.log.Warn("job failed", "job", job.ID, "kind", job.Kind, "attempt", job.Attempt, "err", err)
	}
	return nil
}

func (f failures) HandlePanic(_ context.Context, job *rivertype.JobRow, v any, trace string) *river.ErrorHandlerResult {
	f.log.Error("job panicked", "job", job.ID, "kind", job.Kind, "attempt", job.Attempt, "panic", v, "trace", trace)
	return nil
}
