package run

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

// Event is something that Ansible's callback told; which fields are set
// depends on what.
type Event struct {
	Event   string  `json:"event"`
	At      float64 `json:"at"` // seconds since 1970
	Ansible string  `json:"ansible"`
	ID      string  `json:"id"` // of the task
	Name    string  `json:"name"`
	Action  string  `json:"action"`
	Path    string  `json:"path"`
	Host    string  `json:"host"`
	Status  Status  `json:"status"`
	Changed bool    `json:"changed"`
	Took    float64 `json:"took"` // seconds
	Message string  `json:"message"`
	Diff    string  `json:"diff"`
}

// The events.
const (
	eventStart   = "start"
	eventPlay    = "play"
	eventTask    = "task"
	eventBegan   = "began"
	eventResult  = "result"
	eventNoHosts = "nohosts"
	eventStats   = "stats"
)

// Bounds of what of an event is kept.
const (
	maxEvent   = 1 << 20
	maxName    = 500
	maxMessage = 16 << 10
	maxDiffOf  = 64 << 10
)

// ParseEvent reads a line of the callback. The line comes from a process that
// runs what others wrote, so it is bounded and cleaned.
func ParseEvent(line []byte) (Event, error) {
	if len(line) > maxEvent {
		return Event{}, errors.New("the event is too long")
	}
	var e Event
	d := json.NewDecoder(bytes.NewReader(line))
	if err := d.Decode(&e); err != nil {
		return Event{}, fmt.Errorf("read an event: %w", err)
	}
	e.Name, e.Action, e.Path, e.Host = clean(e.Name, maxName), clean(e.Action, maxName), clean(e.Path, maxName), clean(e.Host, maxName)
	e.Ansible, e.ID = clean(e.Ansible, maxName), clean(e.ID, maxName)
	e.Message, e.Diff = clean(e.Message, maxMessage), clean(e.Diff, maxDiffOf)
	if math.IsNaN(e.Took) || e.Took < 0 || e.Took > 1e6 {
		e.Took = 0
	}
	switch e.Event {
	case eventResult:
		switch e.Status {
		case OK, TaskFailed, Unreachable, Skipped, Ignored:
		default:
			return Event{}, fmt.Errorf("the result has the status %q", e.Status)
		}
		if e.Host == "" || e.ID == "" {
			return Event{}, errors.New("the result names no host or no task")
		}
	case eventStart, eventPlay, eventTask, eventBegan, eventNoHosts, eventStats:
	default:
		return Event{}, fmt.Errorf("%q is no event", clean(e.Event, 50))
	}
	return e, nil
}

// clean makes text of what may be anything, of at most n bytes.
func clean(s string, n int) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// when is the time of an event, or now where the event's is out of reason.
func (e Event) when(now time.Time) time.Time {
	if e.At < 1e9 || e.At > 1e11 || math.IsNaN(e.At) {
		return now
	}
	sec, frac := math.Modf(e.At)
	return time.Unix(int64(sec), int64(frac*1e9)).UTC().Truncate(time.Microsecond)
}
