package alert

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
)

// Reason says why an event is sent.
type Reason string

// The reasons of events. The first five are for people who are not looking at
// the board; the others are acts on the board, for the logbook.
const (
	ReasonFiring       Reason = "firing"   // something new is wrong
	ReasonSeverity     Reason = "severity" // something became worse or better
	ReasonAckEnded     Reason = "acknowledgement ended"
	ReasonRepeat       Reason = "repeat"
	ReasonResolved     Reason = "resolved"
	ReasonAcknowledged Reason = "acknowledged"
	ReasonReleased     Reason = "released" // an acknowledgement was given back, or came to its end
	ReasonReviewed     Reason = "reviewed"
	ReasonSilenced     Reason = "silenced"
)

// Event is what one flush of a group, or one act of a person, hands on.
type Event struct {
	ID     string
	At     time.Time
	Reason Reason
	Group  Group
	Policy Policy
	// Tell says that people are to be told; otherwise only the logbook is.
	Tell bool
	// New, Changed, Again and Resolved are what happened since the last event:
	// began, changed its severity, lost its acknowledgement, resolved. In an
	// act of a person, Again holds the alerts it is about.
	New, Changed, Again, Resolved []Alert
	// Quiet is what flaps and ended or came back; people are not told, who
	// believe that it fires. Calm is what of it has stayed resolved since: only
	// people do not know it yet.
	Quiet, Calm []Alert
	// Firing is everything of the group that fires now and is, or is being,
	// told; New, Changed and Again are among it.
	Firing []Alert
	// Actor and Text are who acted and what they wrote; empty for a flush, and
	// where an acknowledgement came to its end.
	Actor, Text string
	// From are those who had alerts of Again in hand before, other than Actor.
	From []string
}

// Next is the stage after the board. Take writes in the transaction of the
// flush: an error undoes the whole flush, which is tried again. It must not
// call the board.
type Next interface {
	Take(ctx context.Context, tx *db.Tx, e Event) error
}

// Auditor records who did what; the actor is in the context.
type Auditor interface {
	Record(ctx context.Context, tx *db.Tx, verb, object, reason string, details map[string]any) error
}

// ErrNotFound says that there is no alert or silence with the given id.
var ErrNotFound = errors.New("there is nothing with this id on the board")

// Invalid is a request that cannot be carried out; Message is for the person
// who made it.
type Invalid struct{ Message string }

func (e *Invalid) Error() string { return e.Message }

func invalidf(format string, args ...any) error {
	return &Invalid{Message: fmt.Sprintf(format, args...)}
}
