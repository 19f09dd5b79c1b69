package alert

import (
	"maps"
	"time"

	"github.com/vigie-ops/vigie/internal/signal"
)

// told is what the next stage knows of an alert.
type told string

const (
	toldNothing  told = ""
	toldFiring   told = "firing"
	toldAgain    told = "again" // it knows, but must hear it again: the acknowledgement ended
	toldResolved told = "resolved"
	// Of an alert that flaps, the logbook hears at once that it ended or came
	// back; people believe all the while that it fires.
	toldEnding told = "ending" // the logbook knows that it resolved
	toldBack   told = "back"   // it has come back, and the logbook does not know yet
)

// record is an alert with what the board keeps beside it. A record in the
// cache never changes: a new one takes its place once it is committed.
type record struct {
	Alert
	// votes are the severities that are reported as firing now, each with its
	// Until. Two rules may share a name and differ in severity alone; the
	// alert has the worst of them and ends with the last.
	votes map[signal.Severity]time.Time
	// since is when its latest news began, or may be told from.
	since        time.Time
	told         told
	toldSeverity signal.Severity
	stored       time.Time // LastReportedAt as the row has it
	shown        bool      // it stood open on the board unhidden, now or before
}

func (r *record) clone() *record {
	c := *r
	c.votes = maps.Clone(r.votes)
	return &c
}

// known reports whether people believe that the alert fires.
func (r *record) known() bool { return r.told != toldNothing && r.told != toldResolved }

// worst returns the worst severity that is voted for, and until when.
func worst(votes map[signal.Severity]time.Time) (s signal.Severity, until time.Time) {
	endless := false
	for v, u := range votes {
		if v.Rank() > s.Rank() {
			s = v
		}
		endless = endless || u.IsZero()
		if u.After(until) {
			until = u
		}
	}
	if endless {
		until = time.Time{}
	}
	return s, until
}

func alertsOf(rs []*record) []Alert {
	if len(rs) == 0 {
		return nil
	}
	as := make([]Alert, len(rs))
	for i, r := range rs {
		as[i] = r.Alert
	}
	return as
}

// seen reports whether the alert was ever there for people to see: neither
// hidden, nor just out from under a server that was silent.
func (r *record) seen(now time.Time) bool { return r.shown || !r.Muted() && !r.since.After(now) }

// needsWord reports whether a person has yet to say what an alert was that
// resolves now. Nobody has to explain what is only worth knowing, or what was
// hidden from first to last.
func (r *record) needsWord(now time.Time) bool {
	if r.Ack != nil || r.Review != nil {
		return false
	}
	if r.Severity == signal.Info && r.toldSeverity.Rank() <= signal.Info.Rank() {
		return false
	}
	return !r.NotifiedAt.IsZero() || r.seen(now)
}
