package logbook

import (
	"time"

	"github.com/vigie-ops/vigie/internal/signal"
)

// State says how far an issue is.
type State string

// The states of an issue.
const (
	Open     State = "open"     // something of it is still wrong
	Resolved State = "resolved" // nothing is wrong any more; a person has yet to close it
	Closed   State = "closed"
)

// Issue is one entry of the logbook.
type Issue struct {
	ID         string
	Number     int64 // what people call it: #17
	Title      string
	Severity   signal.Severity // the worst so far
	State      State
	OpenedAt   time.Time
	OpenedBy   string // a person, or "" for an alert
	ResolvedAt time.Time
	ClosedAt   time.Time
	ClosedBy   string // a person, or "" if it closed with its last alert
	TakenBy    string // the person who has it
	TakenAt    time.Time
	UpdatedAt  time.Time
	Group      string // key of the group of alerts, "" for one opened by hand
	Servers    []string
	Instances  []string
	Clients    []string
	Questions  []Question // always all five, in their order
	Firing     int        // alerts of it that fire now
	Alerts     int        // alerts of it altogether

	suggestion string
}

// Question is one of the five, with its answer once there is one.
type Question struct {
	Key        string
	Ask        string
	Text       string // the answer, Markdown
	By         string
	At         time.Time
	Suggestion string // a first draft nobody has answered with yet
}

// The keys of the five questions.
const (
	GoingOn    = "going_on"
	Understood = "understood"
	Done       = "done"
	Impacts    = "impacts"
	Avoid      = "avoid"
)

// Questions returns the five, unanswered, in their order.
func Questions() []Question {
	return []Question{
		{Key: GoingOn, Ask: "What is going on?"},
		{Key: Understood, Ask: "How did we understand it?"},
		{Key: Done, Ask: "What did we do?"},
		{Key: Impacts, Ask: "What are the impacts?"},
		{Key: Avoid, Ask: "What do we do to avoid it?"},
	}
}

// reopenWindow is how long after its end an issue is opened again by the same
// group, instead of a new one.
const reopenWindow = 30 * time.Minute

// reopens reports whether an issue that is not open takes the group's new
// alerts. One that a person closed while alerts fired never ended.
func (i Issue) reopens(now time.Time) bool {
	end := i.ResolvedAt
	return end.IsZero() || now.Sub(end) <= reopenWindow
}

// Entry is one line of an issue's timeline.
type Entry struct {
	ID    string
	Issue string
	At    time.Time
	Kind  string
	Actor string // a person's slug, or ""
	Text  string // Markdown in comments and answers, plain text otherwise
	Ref   string // what it is about: alert:01J…, delivery:01J…, a commit's hash
	Link  string // a path of the console or an address, where there is one
}

// The kinds of entry.
const (
	KindFiring       = "alert firing"
	KindResolved     = "alert resolved"
	KindSent         = "notification sent"
	KindFailed       = "notification failed"
	KindAcknowledged = "acknowledged"
	KindReviewed     = "reviewed"
	KindComment      = "comment"
	KindCommit       = "commit"
	KindAnswer       = "question answered"
	KindState        = "state changed"
)
