package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/signal"
)

// failureStands is how long the alert of a failed run stands if nothing like
// it succeeds before.
const failureStands = 24 * time.Hour

// tell reports what everybody should know of runs, each until it was taken over.
func (o *Office) tell(ctx context.Context) error {
	return errors.Join(o.tellEnds(ctx), o.tellBroken(ctx))
}

// tellBroken reports runs of commits that nobody accepted, when they are asked
// for. It comes beside the message to those who lead, and does not depend on
// how they are reached.
func (o *Office) tellBroken(ctx context.Context) error {
	broken, err := runsWhere(ctx, o.o.DB.Read(), `glass_untold = ? ORDER BY id LIMIT 100`, true)
	if err != nil {
		return err
	}
	for _, r := range broken {
		if err := o.o.Sink.Report(ctx, broke(r, o.o.People.Name(r.By))); err != nil {
			return fmt.Errorf("report the break-glass of run #%d: %w", r.Number, err)
		}
		err := o.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.NewRaw(`UPDATE run_run SET glass_untold = ? WHERE id = ?`, false, r.ID).Exec(ctx)
			return err
		})
		if err != nil {
			return fmt.Errorf("write run #%d: %w", r.Number, err)
		}
	}
	return nil
}

// broke is the signal of a run by break-glass.
func broke(r Run, by string) signal.Signal {
	return signal.Signal{
		Detector: "run", Subject: signal.Subject{Kind: signal.OpsRepo}, State: signal.Firing,
		Labels: map[string]string{
			signal.LabelName: "BreakGlass", signal.LabelSeverity: string(signal.Warning), "playbook": r.Playbook, "run": fmt.Sprintf("#%d", r.Number),
		},
		StartsAt: r.RequestedAt, At: r.RequestedAt, Until: r.RequestedAt.Add(failureStands),
		Annotations: map[string]string{
			signal.Summary:     fmt.Sprintf("%s ran %s at a commit that nobody accepted", by, r.Playbook),
			signal.Description: fmt.Sprintf("Run #%d executes commit %.10s on %s. The reason: %s", r.Number, r.Commit, servers(r.Servers), r.BreakGlass),
			signal.Value:       r.BreakGlass,
			signal.Link:        "/runs/" + r.ID,
			signal.FirstStep:   "Look at the commit and at what the run did, then accept the commit or take it back.",
		},
	}
}

// tellEnds reports how runs ended.
func (o *Office) tellEnds(ctx context.Context) error {
	ended, err := runsWhere(ctx, o.o.DB.Read(), `told = ? AND seq > 0 ORDER BY seq LIMIT 100`, false)
	if err != nil {
		return err
	}
	for _, r := range ended {
		s, ok, err := o.signalFor(ctx, r)
		if err != nil {
			return err
		}
		if ok {
			if err := o.o.Sink.Report(ctx, s); err != nil {
				return fmt.Errorf("report the end of run #%d: %w", r.Number, err)
			}
		}
		err = o.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.NewRaw(`UPDATE run_run SET told = ? WHERE id = ?`, true, r.ID).Exec(ctx)
			return err
		})
		if err != nil {
			return fmt.Errorf("write run #%d: %w", r.Number, err)
		}
	}
	return nil
}

func (o *Office) signalFor(ctx context.Context, r Run) (signal.Signal, bool, error) {
	first, err := o.first(ctx, r)
	if err != nil {
		return signal.Signal{}, false, err
	}
	hosts, err := o.Hosts(ctx, r.ID)
	if err != nil {
		return signal.Signal{}, false, err
	}
	s, ok := signalOf(first, r, hosts)
	if !ok || s.State != signal.Firing {
		return s, ok, nil
	}
	failed, _, err := o.Results(ctx, r.ID, ResultFilter{Status: TaskFailed, Limit: 1})
	if err != nil || len(failed) == 0 {
		return s, ok, err
	}
	tasks, err := o.Tasks(ctx, r.ID)
	if err != nil {
		return s, ok, err
	}
	f := failed[0]
	name := ""
	if f.Task <= len(tasks) {
		name = tasks[f.Task-1].Name
	}
	s.Annotations[signal.Description] = fmt.Sprintf("The task %q failed on %s: %s", name, f.Host, firstLine(f.Message))
	return s, ok, nil
}

// first is the run that the given one tries again, however often that was
// tried: all of them are about one thing, and have one alert.
func (o *Office) first(ctx context.Context, r Run) (Run, error) {
	if r.Kind != Real {
		return r, nil
	}
	for range 1000 { // parents are older, so that this ends
		if r.Parent == "" {
			break
		}
		before, err := o.Get(ctx, r.Parent)
		if errors.Is(err, ErrNotFound) {
			break
		}
		if err != nil {
			return r, err
		}
		r = before
	}
	return r, nil
}

// signalOf is what a run that ended says: a failure fires, and a success of the
// same playbook on the same servers resolves it, as does a success on those
// alone that it had failed on. What a person ended says nothing. first is the
// run that this one tries again, or itself.
func signalOf(first, r Run, hosts []Host) (signal.Signal, bool) {
	if r.Kind != Real {
		return signal.Signal{}, false
	}
	s := signal.Signal{
		Detector: "run", Subject: signal.Subject{Kind: signal.OpsRepo}, State: signal.Resolved,
		Labels:   map[string]string{signal.LabelName: "RunFailed", signal.LabelSeverity: string(signal.Warning), "playbook": r.Playbook},
		StartsAt: r.EndedAt, At: r.EndedAt,
	}
	if len(first.Servers) == 1 {
		s.Subject = signal.Subject{Kind: signal.Server, Slug: first.Servers[0]}
		s.Labels[signal.LabelServer] = first.Servers[0]
	} else if first.Limit != "" {
		s.Labels["limit"] = first.Limit
	}
	switch r.State {
	case Succeeded:
		return s, true
	case Failed, TimedOut, Interrupted:
		s.State, s.Until = signal.Firing, r.EndedAt.Add(failureStands)
	default:
		return signal.Signal{}, false
	}
	s.Annotations = map[string]string{
		signal.Summary:     fmt.Sprintf("Run #%d of %s %s on %s", r.Number, r.Playbook, r.State, troubled(r, hosts)),
		signal.Description: r.Cause,
		signal.Value:       r.Cause,
		signal.Link:        "/runs/" + r.ID,
		signal.FirstStep:   "Open the run: it shows the task that failed, on which servers, and its log. Mend the cause, then retry the failed servers.",
	}
	return s, true
}

// troubled are the servers that a run failed on, or all of its own where it
// failed on none in particular.
func troubled(r Run, hosts []Host) string {
	var bad []string
	for _, h := range hosts {
		if h.State == HostFailed || h.State == HostUnreachable || h.State == HostCut {
			bad = append(bad, h.Name)
		}
	}
	if len(bad) == 0 || len(bad) == len(r.Servers) {
		return servers(r.Servers)
	}
	slices.Sort(bad)
	return fmt.Sprintf("%s, of %d servers", servers(bad), len(r.Servers))
}
