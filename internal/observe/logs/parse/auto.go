package parse

import (
	"strings"

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
	stamp, rest := front(s)
	if stamp == 0 {
		return true
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

// front reads a time at the beginning of a line: one word or two.
func front(s string) (ns int64, rest string) {
	s = strings.TrimPrefix(s, "[")
	if len(s) < 19 || s[0] < '0' || s[0] > '9' {
		return 0, ""
	}
	one, after, _ := strings.Cut(s, " ")
	if ns, ok := record.ParseTime(strings.TrimRight(one, "],")); ok && len(one) > 10 {
		return ns, after
	}
	two, after, _ := strings.Cut(after, " ")
	if ns, ok := record.ParseTime(one + "T" + strings.TrimRight(two, "],")); ok {
		return ns, after
	}
	return 0, ""
}

// levelWords are those that loggers write between time and message.
var levelWords = map[string]string{
	"TRACE": record.LevelTrace, "DEBUG": record.LevelDebug, "DBG": record.LevelDebug, "INFO": record.LevelInfo, "INF": record.LevelInfo, "NOTICE": record.LevelNotice,
	"WARN": record.LevelWarning, "WARNING": record.LevelWarning, "WRN": record.LevelWarning, "ERROR": record.LevelError, "ERR": record.LevelError, "SEVERE": record.LevelError,
	"CRITICAL": record.LevelCritical, "CRIT": record.LevelCritical, "FATAL": record.LevelCritical, "PANIC": record.LevelCritical,
}
