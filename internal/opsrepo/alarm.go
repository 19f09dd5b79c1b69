package opsrepo

import (
	"context"
	"log/slog"
	"time"

	"github.com/vigie-ops/vigie/internal/signal"
)

// What a follower reports.
const (
	detector         = "opsrepo"
	alertInvalid     = "OperationsRepositoryInvalid"
	alertUnreachable = "OperationsRepositoryUnreachable"
	alertNotApplied  = "OperationsRepositoryNotApplied"
)

// words say what an alert means and what to do first.
var words = map[string]struct{ summary, means, first string }{
	alertInvalid: {
		"The operations repository is refused: ",
		"The newest commit has mistakes, so that the hub keeps the last good one. Nothing of the newest commit is in force. If the hub ran it before an update of Vigie, only the sections with mistakes are not.",
		"Run `vigie check` in a clone, mend what it lists and push.",
	},
	alertUnreachable: {
		"The operations repository cannot be fetched: ",
		"The hub keeps the last good commit and does not see newer ones.",
		"Check that the hub's machine reaches the git server or the folder, and that its key or token is still valid.",
	},
	alertNotApplied: {
		"The operations repository cannot be applied: ",
		"The newest commit is valid, but the hub could not store it or take it over. The last good one stays in force.",
		"Look into the hub's log and at the free space of its data folder.",
	},
}

// alarms remembers what was reported, so that a state is reported when it
// begins, when its words change, and again when the sink did not take it.
type alarms struct {
	sink     signal.Sink
	reported map[string]report
}

type report struct {
	state   signal.State
	summary string
	since   time.Time
}

// fire reports that an alert holds.
func (a *alarms) fire(ctx context.Context, now time.Time, log *slog.Logger, name, detail string) {
	last := a.reported[name]
	next := report{state: signal.Firing, summary: words[name].summary + detail, since: now}
	if last.state == signal.Firing {
		next.since = last.since
	}
	a.send(ctx, now, log, name, next)
}

// clear reports that alerts do not hold. After a start it does so even where
// nothing fired, since what fired before the start would stay for ever.
func (a *alarms) clear(ctx context.Context, now time.Time, log *slog.Logger, names ...string) {
	for _, name := range names {
		next := report{state: signal.Resolved, summary: words[name].summary + "no longer", since: a.reported[name].since}
		if next.since.IsZero() {
			next.since = now
		}
		if a.reported[name].state == signal.Resolved {
			continue
		}
		a.send(ctx, now, log, name, next)
	}
}

func (a *alarms) send(ctx context.Context, now time.Time, log *slog.Logger, name string, next report) {
	if a.sink == nil || a.reported[name] == next {
		return
	}
	w := words[name]
	err := a.sink.Report(ctx, signal.Signal{
		Detector: detector,
		Subject:  signal.Subject{Kind: signal.OpsRepo},
		State:    next.state,
		Labels: map[string]string{
			signal.LabelName:     name,
			signal.LabelSeverity: string(signal.Warning),
		},
		Annotations: map[string]string{
			signal.Summary:     next.summary,
			signal.Description: w.means,
			signal.FirstStep:   w.first,
			signal.Link:        "/operations",
		},
		StartsAt: next.since.UTC(),
		At:       now.UTC(),
	})
	if err != nil {
		log.Error("signal of the operations repository not taken", "alert", name, "err", err)
		return
	}
	a.reported[name] = next
}
