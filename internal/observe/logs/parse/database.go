package parse

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// postgres reads PostgreSQL's log on standard error with the prefix of Debian,
// %m [%p] %q%u@%d, or the default one, %m [%p].
type postgres struct{ zone *time.Location }

// Parse implements Parser.
func (p postgres) Parse(r *record.Record) bool {
	// 2026-11-25 10:00:00.123 CET [77] ada@shop ERROR:  relation "x" does not exist at character 15
	s := r.Message
	open := strings.IndexByte(s, '[')
	if open < len("2006-01-02 15:04:05 ") || open > 40 {
		return false
	}
	stamp := strings.Fields(s[:open])
	if len(stamp) < 2 {
		return false
	}
	at, ok := p.time(stamp)
	pid, rest, found := strings.Cut(s[open+1:], "] ")
	n, err := strconv.ParseInt(strings.SplitN(pid, "-", 2)[0], 10, 64)
	if !ok || !found || err != nil {
		return false
	}
	head, message, found := strings.Cut(rest, ":  ")
	if !found {
		return false
	}
	level := head[strings.LastIndexByte(head, ' ')+1:]
	who := strings.TrimSpace(strings.TrimSuffix(head, level))
	r.Time = at
	r.Put("process.pid", record.IntValue(n))
	put(r, record.Service, "postgresql")
	if user, database, ok := strings.Cut(who, "@"); ok {
		put(r, "user.name", strings.Trim(user, "[]"))
		put(r, "postgresql.log.database", strings.Trim(database, "[]"))
	}
	switch level {
	case "DETAIL", "HINT", "STATEMENT", "CONTEXT", "QUERY", "LOCATION":
		put(r, "postgresql.log.kind", strings.ToLower(level))
		put(r, record.Level, record.LevelInfo)
	default:
		put(r, record.Level, record.LevelOf(level))
	}
	if d, query, ok := strings.Cut(strings.TrimPrefix(message, "duration: "), " ms"); ok && strings.HasPrefix(message, "duration: ") {
		if f, err := strconv.ParseFloat(d, 64); err == nil && f >= 0 && f < 1e12 {
			r.Put("event.duration", record.IntValue(int64(math.Round(f*1e6))))
		}
		if _, text, ok := strings.Cut(query, ": "); ok {
			put(r, "postgresql.log.query", text)
		}
	}
	return true
}

// time reads date, time and, if it is there, the short name of a zone: UTC, or
// the server's own.
func (p postgres) time(stamp []string) (int64, bool) {
	s := stamp[0] + "T" + stamp[1]
	if len(stamp) > 2 && (stamp[2] == "UTC" || stamp[2] == "GMT") {
		return record.ParseTime(s)
	}
	return inZone(s, p.zone)
}

// redis reads the log of Redis: 77:M 25 Nov 2026 10:00:00.123 * Ready to accept connections
type redis struct{ zone *time.Location }

// Parse implements Parser.
func (p redis) Parse(r *record.Record) bool {
	f := strings.SplitN(r.Message, " ", 7)
	if len(f) < 6 || len(f[1]) != 2 || monthOf(f[2]) == "" {
		return false
	}
	pid, role, ok := strings.Cut(f[0], ":")
	n, err := strconv.ParseInt(pid, 10, 64)
	at, okTime := inZone(f[3]+"-"+monthOf(f[2])+"-"+f[1]+"T"+f[4], p.zone)
	if !ok || err != nil || !okTime {
		return false
	}
	level := map[string]string{".": record.LevelDebug, "-": record.LevelInfo, "*": record.LevelNotice, "#": record.LevelWarning}[f[5]]
	if level == "" {
		return false
	}
	r.Time = at
	r.Put("process.pid", record.IntValue(n))
	put(r, "redis.log.role", map[string]string{"X": "sentinel", "C": "child", "S": "replica", "M": "master"}[role])
	put(r, record.Level, level)
	put(r, record.Service, "redis")
	return true
}
