package alert

import (
	"net/url"
	"strconv"
	"time"

	"github.com/vigie-ops/vigie/internal/signal"
)

// State says whether an alert is still wrong.
type State string

// The states of an alert.
const (
	Firing   State = "firing"
	Resolved State = "resolved"
)

// Alert is one thing that is or was wrong, from its first report to a person's
// last word on it.
type Alert struct {
	ID             string
	Fingerprint    string
	Detector       string
	Name           string
	Severity       signal.Severity
	Subject        signal.Subject
	Labels         map[string]string
	Annotations    map[string]string
	State          State
	StartedAt      time.Time
	ResolvedAt     time.Time // zero while it fires
	LastReportedAt time.Time
	Until          time.Time // resolves then unless reported again; zero when its detector says so itself
	Ack            *Ack
	Review         *Review
	ToReview       bool // it resolved, people were to see it, and none acknowledged it or wrote a word
	SilencedBy     []string
	InhibitedBy    []string // the alerts that hide it
	Group          string   // key of its group
	Flaps          int      // how often in a row it came back within half an hour of its end
	Issue          string   // the issue of the logbook, if one is open for it
	NotifiedAt     time.Time
}

// Ack says that a person has an alert in hand.
type Ack struct {
	By     string
	At     time.Time
	Reason string
	Until  time.Time // zero: until it resolves
}

// Review is a person's last word on an alert.
type Review struct {
	By   string
	At   time.Time
	Word string
}

// Muted reports whether a silence or another alert hides this one.
func (a Alert) Muted() bool { return len(a.SilencedBy) > 0 || len(a.InhibitedBy) > 0 }

// Acknowledged reports whether a person has it.
func (a Alert) Acknowledged() bool { return a.Ack != nil }

// flapping is how often an alert may come back before people hear of its end
// only once it is calm: a check that flaps all night is one long fault, not a
// hundred. Who breaks and mends something by hand stays below it.
const flapping = 5

// Flapping reports whether it comes and goes so often that people hear of its
// end only once it is calm. The board and the logbook know at once.
func (a Alert) Flapping() bool { return a.Flaps >= flapping }

// chartAround is how much a chart shows of the time before and after an alert.
const chartAround = time.Hour

// ChartPath is where the console shows what an alert with these annotations is
// about while it fires and around that: its expression, or else the page that
// its detector names. to is the end of the chart of an alert that fires, whose
// resolvedAt is zero. It is "" where there is nothing to look at.
func ChartPath(annotations map[string]string, startedAt, resolvedAt, to time.Time) string {
	if expr := annotations[signal.Expr]; expr != "" {
		if !resolvedAt.IsZero() {
			to = resolvedAt.Add(chartAround)
		}
		ms := func(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }
		return "/metrics?" + url.Values{"expr": {expr}, "from": {ms(startedAt.Add(-chartAround))}, "to": {ms(to)}}.Encode()
	}
	// A link that leads out of the console is somebody else's text.
	if l := annotations[signal.Link]; len(l) > 1 && l[0] == '/' && l[1] != '/' {
		return l
	}
	return ""
}

// Summary is the sentence that says what is wrong.
func (a Alert) Summary() string {
	if s := a.Annotations[signal.Summary]; s != "" {
		return s
	}
	if a.Subject.Slug != "" {
		return a.Name + " on " + a.Subject.Slug
	}
	return a.Name
}

// The words of Display, and of Filter.State.
const (
	ShownFiring       = "firing"
	ShownAcknowledged = "acknowledged"
	ShownSilenced     = "silenced"
	ShownInhibited    = "inhibited"
	ShownResolved     = "resolved"
	shownOpen         = "open"
)

// States are the words that Filter.State knows.
var States = []string{shownOpen, ShownFiring, ShownAcknowledged, ShownSilenced, ShownInhibited, ShownResolved}

// Display is the one word that a list shows for an alert's state.
func (a Alert) Display() string {
	switch {
	case a.State == Resolved:
		return ShownResolved
	case len(a.SilencedBy) > 0:
		return ShownSilenced
	case len(a.InhibitedBy) > 0:
		return ShownInhibited
	case a.Ack != nil:
		return ShownAcknowledged
	}
	return ShownFiring
}

// Server is the slug of the server it is about, or "".
func (a Alert) Server() string { return a.about(signal.Server, signal.LabelServer) }

// Instance is the slug of the client's instance it is about, or "".
func (a Alert) Instance() string { return a.about(signal.Instance, signal.LabelAppInstance) }

// Client is the slug of the client it is about, or "".
func (a Alert) Client() string { return a.about(signal.Client, signal.LabelClient) }

func (a Alert) about(kind, label string) string {
	if a.Subject.Kind == kind {
		return a.Subject.Slug
	}
	return a.Labels[label]
}

// normal maps the severities of the ecosystem's rules to ours, so that an
// alert with somebody else's word for "critical" still wakes a person.
func normal(s signal.Severity) signal.Severity {
	if s.Rank() > 0 {
		return s
	}
	switch s {
	case "page", "error", "high", "fatal", "emergency", "disaster":
		return signal.Critical
	case "none", "debug", "low", "information", "notice":
		return signal.Info
	}
	return signal.Warning
}
