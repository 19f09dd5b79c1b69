package alert

import (
	"slices"
	"time"

	"github.com/vigie-ops/vigie/internal/signal"
)

// news is what a group has to say that was not told yet.
type news struct {
	fresh, changed, again, resolved []*record
	quiet                           []*record // ended or came back while flapping: for the logbook alone
	calm                            []*record // were quiet when they ended, and stayed so
	firing                          []*record // all that fire and are told or about to be
	repeat                          bool
	tell                            bool // worth a message to people
}

func (n news) empty() bool {
	return len(n.fresh)+len(n.changed)+len(n.again)+len(n.resolved)+len(n.quiet)+len(n.calm) == 0 && !n.repeat
}

// reason names the most pressing part of the news.
func (n news) reason() Reason {
	switch {
	case len(n.fresh) > 0:
		return ReasonFiring
	case len(n.changed) > 0:
		return ReasonSeverity
	case len(n.again) > 0:
		return ReasonAckEnded
	case len(n.resolved)+len(n.calm) > 0:
		return ReasonResolved
	case n.repeat:
		return ReasonRepeat
	case slices.ContainsFunc(n.quiet, func(r *record) bool { return r.State == Firing }):
		return ReasonFiring
	case len(n.quiet) > 0:
		return ReasonResolved
	}
	return ReasonRepeat
}

// plan says what a group has to tell and when it is due; a zero time means
// that nothing is. last is when people were last told. A new severity that is
// worse, a new subject and a resolution wait only for the group wait; another
// alert on a subject that is known already, or one that became less severe,
// waits for the group interval. What is due first takes all other news along,
// but for the end of what flaps, which people are told when it is calm.
func plan(p Policy, last time.Time, rs []*record, now time.Time) (n news, due time.Time) {
	at := func(t time.Time) {
		if due.IsZero() || t.Before(due) {
			due = t
		}
	}
	soon := func(r *record) time.Time { return r.since.Add(p.GroupWait) }
	later := func(r *record) time.Time {
		if t := last.Add(p.GroupInterval); !last.IsZero() && t.After(soon(r)) {
			return t
		}
		return soon(r)
	}
	subjects, rank := map[signal.Subject]bool{}, 0
	for _, r := range rs {
		if r.known() {
			subjects[r.Subject] = true
			rank = max(rank, r.toldSeverity.Rank())
		}
	}
	unanswered := false
	for _, r := range rs {
		ready := !r.since.After(now)
		switch {
		case r.State == Resolved:
			if !r.known() {
				continue
			}
			switch calm := r.since.Add(p.Calm()); {
			case r.told == toldEnding:
				at(calm)
				if !calm.After(now) {
					n.calm = append(n.calm, r)
					n.tell = true
				}
			case r.Flapping():
				at(soon(r))
				n.quiet = append(n.quiet, r)
			default:
				at(soon(r))
				n.resolved = append(n.resolved, r)
				n.tell = true
			}
			continue
		case r.Muted():
		case r.told == toldNothing || r.told == toldResolved:
			if subjects[r.Subject] && r.Severity.Rank() <= rank {
				at(later(r))
			} else {
				at(soon(r))
			}
			if !ready {
				continue
			}
			n.fresh = append(n.fresh, r)
			n.tell = n.tell || r.Ack == nil
		case r.told == toldBack && r.Severity.Rank() <= r.toldSeverity.Rank():
			at(soon(r))
			n.quiet = append(n.quiet, r)
		case r.told == toldBack:
			at(soon(r))
			n.fresh = append(n.fresh, r)
			n.tell = true
		case r.told == toldAgain:
			at(soon(r))
			n.again = append(n.again, r)
			n.tell = n.tell || r.Ack == nil
		case r.Severity.Rank() > r.toldSeverity.Rank():
			at(soon(r))
			n.changed = append(n.changed, r)
			n.tell = true
		case r.Severity != r.toldSeverity:
			at(later(r))
			n.changed = append(n.changed, r)
			n.tell = n.tell || r.Ack == nil
		default:
			unanswered = unanswered || r.Ack == nil
		}
		if !r.Muted() || r.known() {
			n.firing = append(n.firing, r)
		}
	}
	if unanswered && !last.IsZero() {
		t := last.Add(p.RepeatInterval)
		at(t)
		if !t.After(now) {
			n.repeat, n.tell = true, true
		}
	}
	return n, due
}
