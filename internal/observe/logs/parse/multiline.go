package parse

import (
	"regexp"
	"strings"
)

// Line is a line of a source with where it lies in it.
type Line struct {
	Text  string
	Start int64 // of its first byte
	End   int64 // behind its line break
	Time  int64 // if an envelope told it
	// Stream is stdout or stderr, if an envelope told it.
	Stream string
}

// Joiner puts lines together that are one: stack traces of Python, Java, Go,
// Node and others, and whatever is indented below a line. It holds the last
// line until it knows that it is whole, or until Flush.
type Joiner struct {
	begin *regexp.Regexp // what a line begins with; nil for the rules of traces
	have  bool
	held  Line
	lines int
	open  bool // a trace that goes on with lines of any kind
	ended bool // a trace of Python that ended, behind which another may begin
}

// What one line may become at most.
const (
	maxJoined = 500
	maxBytes  = 256 << 10
)

// NewJoiner returns a joiner; begin is what every line begins with, such as a
// date, or nil.
func NewJoiner(begin *regexp.Regexp) *Joiner { return &Joiner{begin: begin} }

// Add takes a line and returns the one before it if that is whole.
func (j *Joiner) Add(l Line) (whole Line, ok bool) {
	if j.have && j.continues(l.Text) && j.lines < maxJoined && len(j.held.Text)+len(l.Text) < maxBytes {
		j.held.Text += "\n" + l.Text
		j.held.End = l.End
		j.lines++
		was := j.open || j.ended
		j.open = j.opens(l.Text) || j.open && indented(l.Text)
		j.ended = was && !j.open
		return Line{}, false
	}
	whole, ok = j.take()
	j.held, j.have, j.lines = l, true, 1
	j.open, j.ended = j.opens(l.Text), false
	return whole, ok
}

// take returns the line that is held, without empty lines behind it.
func (j *Joiner) take() (Line, bool) {
	l := j.held
	if j.lines > 1 {
		l.Text = strings.TrimRight(l.Text, "\n")
	}
	return l, j.have
}

// Flush returns the line that is held, as when nothing came for a while.
func (j *Joiner) Flush() (Line, bool) {
	l, ok := j.take()
	j.held, j.have, j.open, j.ended = Line{}, false, false, false
	return l, ok
}

// Start is where the line that is held begins.
func (j *Joiner) Start() (int64, bool) { return j.held.Start, j.have }

// Held says whether a line is held.
func (j *Joiner) Held() bool { return j.have }

func indented(s string) bool { return s != "" && (s[0] == ' ' || s[0] == '\t') }

// continues says whether a line belongs to the one before.
func (j *Joiner) continues(s string) bool {
	if j.begin != nil {
		return !j.begin.MatchString(s)
	}
	switch {
	case s == "":
		return j.open || j.ended
	case indented(s), strings.HasPrefix(s, "Caused by:"):
		return true
	case strings.HasPrefix(s, "Traceback (most recent call last):"):
		return j.open || j.ended || dated(j.held.Text) // loggers write it below their own line
	case strings.HasPrefix(s, "During handling of the above exception"), strings.HasPrefix(s, "The above exception was the direct cause"):
		return j.open || j.ended
	}
	// What ends a trace of Python, and the frames of Go.
	return j.open && !strings.HasPrefix(s, "{") && !dated(s)
}

// opens says whether lines of any kind may follow as a part of this one.
func (j *Joiner) opens(s string) bool {
	if j.begin != nil {
		return false
	}
	t := strings.TrimSpace(s)
	switch {
	case strings.HasSuffix(t, "Traceback (most recent call last):"), strings.HasPrefix(t, "File \""), strings.HasPrefix(t, "During handling of"), strings.HasPrefix(t, "The above exception"),
		strings.HasPrefix(t, "panic:"), strings.HasPrefix(t, "fatal error:"), strings.HasPrefix(t, "goroutine "), strings.HasPrefix(t, "[signal "):
		return true
	}
	// Frames of Go come in pairs: a function, and below it where that is.
	return j.open && (strings.HasSuffix(t, ")") || t == "" || strings.Contains(t, ".go:"))
}

// dated says whether a line begins with a time, as a new one of most loggers.
func dated(s string) bool {
	s = strings.TrimPrefix(s, "[")
	return len(s) > 10 && s[0] >= '0' && s[0] <= '9' && s[1] >= '0' && s[1] <= '9' && (s[4] == '-' || s[4] == '/' || s[2] == ':' || s[2] == '/')
}
