package run

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/lib/logattr"
)

// Name implements the hub's services.
func (o *Office) Name() string { return "runs" }

// every is how often the worker looks at what waits without being woken.
const every = 2 * time.Second

// Run starts what is queued and follows it, until ctx is done; runs that are
// under way then are stopped and marked interrupted.
func (o *Office) Run(ctx context.Context) error {
	if err := o.tidy(ctx); err != nil {
		return err
	}
	defer o.working.Wait()
	timer := time.NewTicker(every)
	defer timer.Stop()
	shown := o.now()
	for {
		if err := o.tick(ctx); err != nil && ctx.Err() == nil {
			o.o.Log.Error("runs that wait could not be worked", logattr.Err(err))
		}
		// How long a run takes still goes on in a long task, too.
		if now := o.now(); o.busy() && now.Sub(shown) >= showEvery {
			shown = now
			o.o.Changed(Topic)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		case <-o.kick:
		}
	}
}

// showEvery is how often open pages are told that runs go on, at least.
const showEvery = 3 * time.Second

func (o *Office) busy() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.live) > 0
}

// tidy ends what this process was in the middle of when it was killed. Ansible
// ended with it: see sandbox.sh.
func (o *Office) tidy(ctx context.Context) error {
	if !o.busy() {
		if err := o.o.Sandbox.Sweep(); err != nil {
			return fmt.Errorf("take away what earlier runs left: %w", err)
		}
	}
	cut, err := runsWhere(ctx, o.o.DB.Read(), `state = ? AND worker = ? ORDER BY id`, string(Running), o.o.Worker)
	if err != nil {
		return err
	}
	for _, r := range cut {
		if o.find(r.ID) != nil {
			continue
		}
		err := o.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			const hosts = `UPDATE run_host SET state = CASE state WHEN ? THEN ? ELSE ? END, updated_at = ? WHERE run = ? AND state IN (?, ?)`
			if _, err := tx.NewRaw(hosts, string(HostWorking), string(HostCut), string(HostUntouched), o.now(), r.ID, string(HostWorking), string(HostPending)).Exec(ctx); err != nil {
				return fmt.Errorf("write the hosts of a run: %w", err)
			}
			return o.finish(ctx, tx, r.ID, outcome{state: Interrupted, cause: "the hub ended while the run was under way", at: o.now()})
		})
		if err != nil {
			return err
		}
		o.o.Log.Warn("run interrupted by the end of the hub", "run", r.Number, "playbook", r.Playbook)
	}
	return nil
}

func (o *Office) find(run string) *live {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.live[run]
}

func (o *Office) tick(ctx context.Context) error {
	return errors.Join(o.ask(ctx), o.expire(ctx), o.tell(ctx), o.startQueued(ctx))
}

// startQueued starts what may start, and says of the rest what it waits for.
func (o *Office) startQueued(ctx context.Context) error {
	waiting, err := runsWhere(ctx, o.o.DB.Read(), `state = ? ORDER BY number LIMIT 500`, string(Queued))
	if err != nil || len(waiting) == 0 {
		return err
	}
	held, err := locks(ctx, o.o.DB.Read())
	if err != nil {
		return err
	}
	counts, err := o.Counts(ctx)
	if err != nil {
		return err
	}
	needs := map[string][]string{}
	for _, r := range waiting {
		g, err := o.generation(ctx, r.Commit)
		if err != nil {
			if err := o.end(ctx, r.ID, Queued, Failed, clean(err.Error(), maxReason)); err != nil {
				return err
			}
			continue
		}
		needs[r.ID] = subjects(r, fleet.NewSnapshot(g))
	}
	start, why := queue(waiting, func(r Run) []string { return needs[r.ID] }, held, counts[Running], o.o.Concurrency)
	for _, r := range start {
		if err := o.start(ctx, r, needs[r.ID]); err != nil {
			return err
		}
	}
	for _, r := range waiting {
		if cause, ok := why[r.ID]; ok && cause != r.Cause {
			if err := o.explain(ctx, r.ID, cause); err != nil {
				return err
			}
		}
	}
	return nil
}

// explain writes down what a queued run waits for.
func (o *Office) explain(ctx context.Context, run, cause string) error {
	return o.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := runByID(ctx, tx, run)
		if err != nil || r.State != Queued {
			return err
		}
		r.Cause = cause
		tx.After(func() { o.o.Changed(Topic) })
		return saveRun(ctx, tx, r)
	})
}

// start takes a run's locks and has it worked on.
func (o *Office) start(ctx context.Context, r Run, needs []string) error {
	taken := false
	err := o.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		taken = false
		now, err := runByID(ctx, tx, r.ID)
		if err != nil || now.State != Queued {
			return err
		}
		if err := lock(ctx, tx, r.ID, needs); err != nil {
			return err
		}
		now.State, now.Cause, now.StartedAt, now.worker = Running, "", o.now(), o.o.Worker
		taken, r = true, now
		return saveRun(ctx, tx, now)
	})
	if db.Conflict(err) {
		return nil // another hub was faster; the next look says why this one waits
	}
	if err != nil || !taken {
		return err
	}
	l := &live{cancel: make(chan struct{}, 1)}
	o.mu.Lock()
	o.live[r.ID] = l
	o.mu.Unlock()
	o.working.Go(func() {
		defer func() {
			o.mu.Lock()
			delete(o.live, r.ID)
			o.mu.Unlock()
			o.wake()
		}()
		o.work(ctx, r, l)
	})
	o.o.Changed(Topic)
	return nil
}

// Cancel ends a run in the name of the one who acts: one that waits at once,
// one under way by asking Ansible to stop and, after a grace, by killing it.
func (o *Office) Cancel(ctx context.Context, run, by, reason string) (Run, error) {
	var out Run
	err := o.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := runByID(ctx, tx, run)
		if err != nil {
			return err
		}
		if r.State.Over() {
			return ErrOver
		}
		if r.CancelBy == "" {
			r.CancelBy, r.CancelReason = by, clean(strings.TrimSpace(reason), maxReason)
		}
		if r.State != Running {
			r.State, r.EndedAt, r.Cause = Canceled, o.now(), o.canceled(r)
			if err := o.seal(ctx, tx, &r); err != nil {
				return err
			}
		}
		if err := saveRun(ctx, tx, r); err != nil {
			return err
		}
		out = r
		o.changed(tx)
		return o.o.Audit.Record(ctx, tx, "run.cancel", "run:"+r.ID, reason, map[string]any{"number": r.Number})
	})
	if err != nil {
		return out, err
	}
	if l := o.find(out.ID); l != nil {
		select {
		case l.cancel <- struct{}{}:
		default: // it was asked already
		}
	}
	// The check that somebody was to look at has no use any more.
	if out.Approval.Check != "" && out.State == Canceled {
		if _, err := o.Cancel(ctx, out.Approval.Check, by, "the run that it was for is canceled"); err != nil && !errors.Is(err, ErrOver) && !errors.Is(err, ErrNotFound) {
			return out, err
		}
	}
	return out, nil
}

// canceled says who ended a run, and why if they said so.
func (o *Office) canceled(r Run) string {
	words := "by " + o.o.People.Name(r.CancelBy)
	if r.CancelReason != "" {
		words += ": " + r.CancelReason
	}
	return words
}
