package record

import "strings"

// The levels of lines, as Level writes them.
const (
	LevelTrace     = "trace"
	LevelDebug     = "debug"
	LevelInfo      = "info"
	LevelNotice    = "notice"
	LevelWarning   = "warning"
	LevelError     = "error"
	LevelCritical  = "critical"
	LevelAlert     = "alert"
	LevelEmergency = "emergency"
)

// Levels are the levels by their severity of RFC 5424, 0 to 7.
var Levels = [8]string{LevelEmergency, LevelAlert, LevelCritical, LevelError, LevelWarning, LevelNotice, LevelInfo, LevelDebug}

// LevelOf is the level that a word stands for; other words become themselves in
// lower case.
func LevelOf(word string) string {
	word = strings.ToLower(strings.TrimSpace(word))
	switch word {
	case "information", "informational", "inf", "i":
		return LevelInfo
	case "warn", "w", "wrn":
		return LevelWarning
	case "err", "e", "eror", "severe":
		return LevelError
	case "crit", "fatal", "panic", "dpanic", "f", "c", "ftl":
		return LevelCritical
	case "emerg":
		return LevelEmergency
	case "dbg", "d", "verbose", "fine", "debug1", "debug2", "debug3", "debug4", "debug5":
		return LevelDebug
	case "finer", "finest", "silly", "trc":
		return LevelTrace
	case "log", "statement":
		return LevelInfo
	}
	return word
}

// LevelNumber is the level of a number: those of bunyan and pino, 10 to 60, or
// those of syslog, 0 to 7; empty for others.
func LevelNumber(n int64) string {
	switch {
	case n >= 0 && n < int64(len(Levels)):
		return Levels[n]
	case n >= 60:
		return LevelCritical
	case n >= 50:
		return LevelError
	case n >= 40:
		return LevelWarning
	case n >= 30:
		return LevelInfo
	case n >= 20:
		return LevelDebug
	case n >= 10:
		return LevelTrace
	}
	return ""
}
