package runweb

import (
	"fmt"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/operate/run"
	"github.com/vigie-ops/vigie/internal/ui"
)

// short is a commit as people write it.
func short(commit string) string { return commit[:min(10, len(commit))] }

func stateKind(s run.State) ui.Kind {
	switch s {
	case run.Running:
		return ui.Info
	case run.Checking, run.Waiting:
		return ui.Warn
	case run.Queued:
		return ui.Planned
	case run.Succeeded:
		return ui.OK
	case run.Failed, run.TimedOut:
		return ui.Bad
	case run.Interrupted:
		return ui.Warn
	case run.Canceled, run.Rejected, run.Expired:
	}
	return ui.Quiet
}

func stateWord(s run.State) string {
	switch s {
	case run.Checking:
		return "checking first"
	case run.Waiting:
		return "waits for approval"
	case run.Queued, run.Running, run.Succeeded, run.Failed, run.Canceled, run.Interrupted, run.TimedOut, run.Rejected, run.Expired:
	}
	return string(s)
}

func hostKind(s run.HostState, changed int) ui.Kind {
	switch s {
	case run.HostWorking:
		return ui.Info
	case run.HostDone:
		if changed > 0 {
			return ui.Planned
		}
		return ui.OK
	case run.HostFailed, run.HostUnreachable:
		return ui.Bad
	case run.HostCut:
		return ui.Warn
	case run.HostPending, run.HostUntouched:
	}
	return ui.Quiet
}

func hostWord(h run.Host) string {
	if h.State == run.HostDone && h.Changed > 0 {
		return "changed"
	}
	return string(h.State)
}

func resultKind(r run.Result) ui.Kind {
	switch r.Status {
	case run.TaskFailed, run.Unreachable:
		return ui.Bad
	case run.OK:
		if r.Changed {
			return ui.Planned
		}
		return ui.OK
	case run.Ignored:
		return ui.Warn
	case run.Skipped:
	}
	return ui.Quiet
}

func resultWord(r run.Result) string {
	switch {
	case r.Status == run.OK && r.Changed:
		return "changed"
	case r.Status == run.Ignored:
		return "failed, ignored"
	}
	return string(r.Status)
}

// where says on which servers a run works, in few words.
func where(r run.Run) string {
	const most = 3
	if len(r.Servers) <= most {
		return strings.Join(r.Servers, ", ")
	}
	if r.Limit != "" && r.Limit != "all" {
		return fmt.Sprintf("%s, %d servers", r.Limit, len(r.Servers))
	}
	return fmt.Sprintf("all %d servers", len(r.Servers))
}

// heading is what a run is called.
func heading(r run.Run) string {
	if r.Kind == run.Check {
		return "Check: " + r.Title
	}
	return r.Title
}

// cause says why a run waits, or why it ended so, with the names of people.
func (f *face) cause(r run.Run) string {
	switch {
	case r.State == run.Waiting && len(r.Approval.Approvers) > 0:
		names := make([]string, len(r.Approval.Approvers))
		for i, who := range r.Approval.Approvers {
			names[i] = f.name(who)
		}
		return "to be approved by " + strings.Join(names, " or ")
	case r.State == run.Rejected:
		return f.name(r.Approval.By) + " rejected it: " + r.Approval.Note
	case r.State == run.Running && r.CancelBy != "":
		words := f.name(r.CancelBy) + " has it stopped"
		if r.CancelReason != "" {
			words += ": " + r.CancelReason
		}
		return words
	}
	return r.Cause
}

// accepted are the words by which a commit may run, with the name of who
// accepted it.
func (f *face) accepted(words string) string {
	for _, how := range []string{"accepted by ", "signed by "} {
		if who, ok := strings.CutPrefix(words, how); ok {
			return how + f.name(who)
		}
	}
	return words
}

// took is how long a run has been under way, or was.
func took(r run.Run, now time.Time) time.Duration {
	switch {
	case r.StartedAt.IsZero():
		return 0
	case r.EndedAt.IsZero():
		return max(0, now.Sub(r.StartedAt))
	}
	return max(0, r.EndedAt.Sub(r.StartedAt))
}

// remaining says how a run is against how long runs like it take.
func remaining(elapsed, expected time.Duration) string {
	left := (expected - elapsed).Round(time.Second)
	switch {
	case expected <= 0:
		return "for " + ui.Duration(elapsed.Truncate(time.Second)) + "; nothing like it ran before"
	case left > 0:
		return "for " + ui.Duration(elapsed.Truncate(time.Second)) + ", about " + ui.Duration(left) + " left"
	}
	return "for " + ui.Duration(elapsed.Truncate(time.Second)) + "; usually it takes " + ui.Duration(expected.Round(time.Second))
}

// tallyWords says what happened, without what did not.
func tallyWords(t run.Tally) string {
	var out []string
	for _, w := range []struct {
		n    int
		word string
	}{
		{t.Unreachable, "unreachable"}, {t.Failed, "failed"}, {t.Changed, "changed"}, {t.OK - t.Changed, "ok"}, {t.Skipped, "skipped"}, {t.Ignored, "ignored"},
	} {
		if w.n > 0 {
			out = append(out, fmt.Sprintf("%d\u00a0%s", w.n, w.word))
		}
	}
	return strings.Join(out, ", ")
}

// sinceWords say what a difference is against.
func sinceWords(v commitView) string {
	if v.Since == "" {
		return "everything"
	}
	if v.Accepted {
		return "since the one accepted before, " + v.Since
	}
	return "since the last accepted, " + v.Since
}

func hostKeyKind(v hostView) ui.Kind {
	switch {
	case len(v.Offered) > 0:
		return ui.Bad
	case len(v.Known) == 0:
		return ui.Quiet
	}
	return ui.OK
}

func hostKeyWord(v hostView) string {
	switch {
	case len(v.Offered) > 0:
		return "changed"
	case len(v.Known) == 0:
		return "none known"
	}
	return "known"
}
