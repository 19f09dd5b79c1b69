package alert

import (
	"time"

	"github.com/vigie-ops/vigie/internal/signal"
)

// news is what a group has to say that was not told yet.
type news struct {
	fresh, changed, again, resolved []*record
	firing                          []*record // all that fire and are told or about to be
	repeat                          bool
	tell                            bool // worth a message to people
}

func (n news) empty() bool {
	return len(n.fresh)+len(n.changed)+len(n.again)+len(n.resolved) == 0 && !n.repeat
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
	case len(n.resolved) > 0:
		return ReasonResolved
	}
	return ReasonRepeat
}

// restless is how often an alert may come back before its end is told only once
// it is calm: a check that flaps all night is one long fault, not a hundred.
const restless = 3

// calm is how long a restless alert must be over to count as over.
func (p Policy) calm() time.Duration {
	return max(p.GroupWait, min(3*p.GroupInterval, flapWindow/2))
}

// plan says what a group has to tell and when it is due; a zero time means
// that nothing is. last is when people were last told. A new severity that is
// worse, a new subject and a resolution wait only for the group wait; another
// alert on a subject that is known already, or one that became less severe,
// waits for the group interval. What is due first takes all other news along.
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
			if r.Flaps >= restless {
				at(r.since.Add(p.calm()))
			} else {
				at(soon(r))
			}
			n.resolved = append(n.resolved, r)
			n.tell = true
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
