package parse

import (
	"strconv"
	"strings"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// syslogFile reads files that a syslog daemon writes, with the time of RFC 3164
// or of RFC 3339, and what sshd, sudo and su say in them.
type syslogFile struct{ o Options }

// Parse implements Parser.
func (p syslogFile) Parse(r *record.Record) bool {
	s := r.Message
	if s == "" {
		return false
	}
	var at int64
	var ok bool
	if s[0] >= '0' && s[0] <= '9' {
		stamp, rest, _ := strings.Cut(s, " ")
		at, ok = record.ParseTime(stamp)
		s = rest
	} else if len(s) > len("Jan _2 15:04:05 ") {
		at, ok = p.old(s[:15])
		s = s[16:]
	}
	if !ok {
		return false
	}
	host, rest, found := strings.Cut(s, " ")
	tag, message, also := strings.Cut(rest, ": ")
	if !found {
		return false
	}
	if !also || strings.ContainsAny(tag, " \t") && !strings.HasSuffix(tag, "]") || len(tag) > 80 {
		tag, message = "", rest
	}
	r.Time = at
	put(r, "host.hostname", host)
	name, pid, _ := strings.Cut(tag, "[")
	put(r, "process.name", name)
	put(r, record.Service, name)
	if n, err := strconv.ParseInt(strings.TrimSuffix(pid, "]"), 10, 64); err == nil {
		r.Put("process.pid", record.IntValue(n))
	}
	r.Message = message
	signedIn(r, name, message)
	return true
}

// old reads the time of RFC 3164, which has no year: the one that does not lie
// in the future.
func (p syslogFile) old(s string) (int64, bool) {
	month := monthOf(s[:3])
	day := strings.Replace(s[4:6], " ", "0", 1)
	if month == "" || s[3] != ' ' || s[6] != ' ' {
		return 0, false
	}
	now := p.o.Now().In(p.o.Zone)
	for _, year := range []int{now.Year(), now.Year() - 1} {
		ns, ok := inZone(strconv.Itoa(year)+"-"+month+"-"+day+"T"+s[7:15], p.o.Zone)
		if ok && ns <= now.UnixNano()+int64(24*3600*1e9) {
			return ns, true
		}
	}
	return 0, false
}

// signedIn reads who signed in, or tried to.
func signedIn(r *record.Record, program, m string) {
	set := func(outcome, user, ip, port string) {
		put(r, "event.category", "authentication")
		put(r, "event.outcome", outcome)
		put(r, "user.name", user)
		put(r, "source.ip", ip)
		if n, err := strconv.ParseInt(port, 10, 64); err == nil {
			r.Put("source.port", record.IntValue(n))
		}
	}
	f := strings.Fields(m)
	switch {
	case program == "sshd" && len(f) >= 8 && (f[0] == "Accepted" || f[0] == "Failed") && f[2] == "for":
		outcome := map[string]string{"Accepted": "success", "Failed": "failure"}[f[0]]
		i := 3
		if f[3] == "invalid" && len(f) >= 10 {
			i = 5
		}
		if len(f) > i+4 && f[i+1] == "from" {
			set(outcome, f[i], f[i+2], f[i+4])
		}
	case program == "sshd" && len(f) >= 4 && f[0] == "Invalid" && f[1] == "user":
		if i := indexOf(f, "from"); i > 0 && i+1 < len(f) {
			port := ""
			if i+3 < len(f) {
				port = f[i+3]
			}
			set("failure", strings.Join(f[2:i], " "), f[i+1], port)
		}
	case program == "sudo" && len(f) > 2 && strings.Contains(m, "COMMAND="):
		put(r, "event.category", "process")
		put(r, "user.name", f[0])
		_, command, _ := strings.Cut(m, "COMMAND=")
		put(r, "process.command_line", command)
		if strings.Contains(m, "NOT allowed") || strings.Contains(m, "incorrect password") {
			put(r, "event.outcome", "failure")
		} else {
			put(r, "event.outcome", "success")
		}
	}
}

func indexOf(list []string, word string) int {
	for i, w := range list {
		if w == word {
			return i
		}
	}
	return -1
}
