package parse

import (
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// auto looks at each line and reads it as what it looks like.
type auto struct {
	json   *jsonLines
	syslog syslogFile
	web    webError
}

func newAuto(o Options) *auto { return &auto{&jsonLines{}, syslogFile{o}, webError{o.Zone}} }

// Parse implements Parser. It says true for every line: one that looks like
// nothing is plain.
func (a *auto) Parse(r *record.Record) bool {
	s := r.Message
	switch {
	case strings.HasPrefix(s, "{"):
		return a.json.Parse(r) || true
	case strings.Contains(s, `] "`) && (access{}).Parse(r), (logfmt{}).Parse(r):
		return true
	}
	// A time in front, and a level in the words behind it, as most loggers write.
	stamp, rest := front(s, a.web.zone)
	if stamp == 0 { // or behind a word: WARNING 2026-11-25 10:00:00 …
		var word string
		if word, rest, _ = strings.Cut(s, " "); len(word) > 40 {
			return true
		}
		if stamp, rest = front(rest, a.web.zone); stamp == 0 {
			return true
		}
		rest = word + " " + rest
	}
	r.Time = stamp
	for i, w := range strings.Fields(rest[:min(len(rest), 80)]) {
		if i == 4 {
			break
		}
		if level, ok := levelWords[strings.ToUpper(strings.Trim(w, "[]<>():|,"))]; ok {
			put(r, record.Level, level)
			break
		}
	}
	return true
}

// front reads a time at the beginning of a line: one word or two. One that
// names no zone is of the server's.
func front(s string, zone *time.Location) (ns int64, rest string) {
	s = strings.TrimPrefix(s, "[")
	if len(s) < 19 || s[0] < '0' || s[0] > '9' {
		return 0, ""
	}
	one, after, _ := strings.Cut(s, " ")
	if ns, ok := zoned(strings.TrimRight(one, "],"), zone); ok && len(one) > 10 {
		return ns, after
	}
	two, after, _ := strings.Cut(after, " ")
	if ns, ok := zoned(one+"T"+strings.TrimRight(two, "],:"), zone); ok {
		return ns, after
	}
	return 0, ""
}

// zoned reads a time, and in zone one that names none.
func zoned(s string, zone *time.Location) (int64, bool) {
	if len(s) > 10 && !strings.ContainsAny(s[10:], "Zz+-") {
		return inZone(s, zone)
	}
	return record.ParseTime(s)
}

// levelWords are those that loggers write between time and message.
var levelWords = map[string]string{
	"TRACE": record.LevelTrace, "DEBUG": record.LevelDebug, "DBG": record.LevelDebug, "INFO": record.LevelInfo, "INF": record.LevelInfo, "NOTICE": record.LevelNotice,
	"WARN": record.LevelWarning, "WARNING": record.LevelWarning, "WRN": record.LevelWarning, "ERROR": record.LevelError, "ERR": record.LevelError, "SEVERE": record.LevelError,
	"CRITICAL": record.LevelCritical, "CRIT": record.LevelCritical, "FATAL": record.LevelCritical, "PANIC": record.LevelCritical,
}
