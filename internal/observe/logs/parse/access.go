package parse

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// access reads the common and combined log formats of nginx and Apache, with a
// virtual host in front, and with request and upstream times behind if there
// are.
type access struct{}

// Parse implements Parser.
func (access) Parse(r *record.Record) bool {
	s := r.Message
	open := strings.IndexByte(s, '[')
	if open <= 0 {
		return false
	}
	head := strings.Fields(s[:open])
	if len(head) < 3 || len(head) > 4 {
		return false
	}
	end := strings.IndexByte(s[open:], ']')
	if end < 0 {
		return false
	}
	at, ok := commonTime(s[open+1 : open+end])
	if !ok {
		return false
	}
	rest := strings.TrimLeft(s[open+end+1:], " ")
	request, rest, ok := quoted(rest)
	if !ok {
		return false
	}
	tail := strings.TrimLeft(rest, " ")
	code, tail, _ := strings.Cut(tail, " ")
	status, err := strconv.ParseInt(code, 10, 64)
	if err != nil || status < 0 || status > 999 {
		return false
	}
	r.Time = at
	if len(head) == 4 {
		put(r, "url.domain", strings.TrimSuffix(strings.TrimSuffix(head[0], ":80"), ":443"))
		head = head[1:]
	}
	put(r, "source.address", head[0])
	if ip := strings.Trim(head[0], "[]"); plainIP(ip) {
		put(r, "source.ip", ip)
	}
	put(r, "user.name", head[2])
	asked(r, request)
	r.Put("http.response.status_code", record.IntValue(status))
	size, tail, _ := strings.Cut(tail, " ")
	if n, err := strconv.ParseInt(size, 10, 64); err == nil && n >= 0 {
		r.Put("http.response.body.bytes", record.IntValue(n))
	}
	if referrer, rest, ok := quoted(strings.TrimLeft(tail, " ")); ok {
		put(r, "http.request.referrer", referrer)
		tail = rest
		if agent, rest, ok := quoted(strings.TrimLeft(tail, " ")); ok {
			put(r, "user_agent.original", agent)
			tail = rest
		}
	}
	if took, _, _ := strings.Cut(strings.TrimSpace(tail), " "); took != "" {
		if f, err := strconv.ParseFloat(strings.TrimPrefix(took, "rt="), 64); err == nil && f >= 0 && f < 1e6 {
			r.Put("event.duration", record.IntValue(int64(math.Round(f*1e9))))
		}
	}
	if status >= 500 {
		put(r, record.Level, record.LevelError)
	}
	return true
}

// asked takes the first line of a request apart.
func asked(r *record.Record, request string) {
	method, rest, ok := strings.Cut(request, " ")
	target, version, also := strings.Cut(rest, " HTTP/")
	if !ok || !also || method == "" || len(method) > 20 {
		put(r, "http.request.line", request)
		return
	}
	put(r, "http.request.method", method)
	put(r, "url.original", target)
	path, q, has := strings.Cut(target, "?")
	put(r, "url.path", path)
	if has {
		put(r, "url.query", q)
	}
	put(r, "http.version", version)
}

// quoted takes a text in quotation marks from the beginning of s; backslash
// keeps a mark.
func quoted(s string) (text, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		return "", s, false
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return s[1:i], s[i+1:], true
		}
	}
	return "", s, false
}

func plainIP(s string) bool {
	dots, colons := strings.Count(s, "."), strings.Count(s, ":")
	if dots != 3 && colons < 2 || len(s) > 45 {
		return false
	}
	return !strings.ContainsFunc(s, func(c rune) bool {
		return (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') && c != '.' && c != ':'
	})
}

// commonTime reads 25/Nov/2026:10:00:00 +0100.
func commonTime(s string) (int64, bool) {
	if len(s) != len("02/Jan/2006:15:04:05 -0700") || s[2] != '/' || s[6] != '/' || s[11] != ':' {
		return 0, false
	}
	month := monthOf(s[3:6])
	if month == "" {
		return 0, false
	}
	return record.ParseTime(s[7:11] + "-" + month + "-" + s[0:2] + "T" + s[12:20] + s[21:])
}

// monthOf is the number of a month of three letters, empty for none.
func monthOf(s string) string {
	const names = "JanFebMarAprMayJunJulAugSepOctNovDec"
	i := strings.Index(names, s)
	if len(s) != 3 || i < 0 || i%3 != 0 {
		return ""
	}
	n := i/3 + 1
	return string([]byte{'0' + byte(n/10), '0' + byte(n%10)})
}

// webError reads the error logs of nginx and Apache.
type webError struct{ zone *time.Location }

// Parse implements Parser.
func (p webError) Parse(r *record.Record) bool {
	s := r.Message
	if strings.HasPrefix(s, "[") {
		return p.apache(r)
	}
	// 2026/11/25 10:00:00 [error] 123#124: *5 open() failed, client: 192.0.2.1, server: x, request: "GET / HTTP/1.1", …
	if len(s) < len("2006/01/02 15:04:05 [") || s[4] != '/' || s[7] != '/' || s[10] != ' ' || s[20] != '[' {
		return false
	}
	at, ok := inZone(s[0:4]+"-"+s[5:7]+"-"+s[8:10]+"T"+s[11:19], p.zone)
	level, rest, found := strings.Cut(s[21:], "] ")
	if !ok || !found {
		return false
	}
	r.Time = at
	put(r, record.Level, record.LevelOf(level))
	process, _, _ := strings.Cut(rest, ":")
	pid, _, _ := strings.Cut(process, "#")
	if n, err := strconv.ParseInt(pid, 10, 64); err == nil {
		r.Put("process.pid", record.IntValue(n))
	}
	for mark, name := range map[string]string{", client: ": "source.ip", ", server: ": "url.domain", ", upstream: ": "url.upstream", ", host: ": "http.request.host"} {
		if _, after, ok := strings.Cut(rest, mark); ok {
			if v, _, isQuoted := quoted(after); isQuoted {
				put(r, name, v)
			} else {
				v, _, _ := strings.Cut(after, ",")
				put(r, name, strings.TrimSpace(v))
			}
		}
	}
	if _, after, ok := strings.Cut(rest, ", request: "); ok {
		if v, _, ok := quoted(after); ok {
			asked(r, v)
		}
	}
	return true
}

// apache reads [Wed Nov 25 10:00:00.123456 2026] [core:error] [pid 7:tid 8] [client 192.0.2.1:5] AH00128: …
func (p webError) apache(r *record.Record) bool {
	stamp, rest, ok := strings.Cut(r.Message[1:], "] ")
	f := strings.Fields(stamp)
	if !ok || len(f) != 5 || monthOf(f[1]) == "" {
		return false
	}
	day := f[2]
	if len(day) == 1 {
		day = "0" + day
	}
	at, ok := inZone(f[4]+"-"+monthOf(f[1])+"-"+day+"T"+f[3], p.zone)
	if !ok {
		return false
	}
	r.Time = at
	for strings.HasPrefix(rest, "[") {
		part, after, ok := strings.Cut(rest[1:], "]")
		if !ok {
			break
		}
		rest = strings.TrimLeft(after, " ")
		switch name, value, _ := strings.Cut(part, " "); name {
		case "pid":
			pid, _, _ := strings.Cut(value, ":")
			if n, err := strconv.ParseInt(pid, 10, 64); err == nil {
				r.Put("process.pid", record.IntValue(n))
			}
		case "client":
			if i := strings.LastIndexByte(value, ':'); i > 0 {
				value = value[:i]
			}
			put(r, "source.ip", strings.Trim(value, "[]"))
		default:
			module, level, ok := strings.Cut(part, ":")
			if !ok {
				module, level = "", part
			}
			put(r, "apache.error.module", module)
			put(r, record.Level, record.LevelOf(level))
		}
	}
	return true
}

// inZone reads a time without a zone.
func inZone(s string, zone *time.Location) (int64, bool) {
	ns, ok := record.ParseTime(s)
	if !ok || zone == time.UTC {
		return ns, ok
	}
	t := time.Unix(0, ns).UTC()
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), zone).UnixNano(), true
}
