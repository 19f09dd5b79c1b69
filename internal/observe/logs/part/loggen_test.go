package part_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/logs/part"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// The lines of the measurements: web servers, system logs and applications as
// they are, a third each.

var (
	agents = []string{"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15", "curl/8.5.0", "python-requests/2.32.3", "Googlebot/2.1 (+http://www.google.com/bot.html)", "sqlmap/1.8#stable (https://sqlmap.org)", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15"}
	paths  = []string{"/", "/api/v1/reports", "/api/v1/reports/%d", "/api/v1/users/%d/preferences", "/static/js/main.%x.js", "/login", "/api/v1/dataset/%d/query", "/healthz", "/wp-login.php", "/favicon.ico", "/api/v1/export/%d.pdf"}
	users  = []string{"root", "admin", "ubuntu", "oracle", "postgres", "git", "test", "deploy"}
)

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

func address(r *rand.Rand) string {
	if r.IntN(10) == 0 {
		return fmt.Sprintf("185.220.101.%d", r.IntN(20))
	}
	return fmt.Sprintf("%d.%d.%d.%d", 10+r.IntN(200), r.IntN(256), r.IntN(4), r.IntN(256))
}

// day is the day of all lines.
var day = time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)

// generate makes n lines of the i-th file.
func generate(i, n int) (part.Info, []record.Record) {
	r := rand.New(rand.NewPCG(42, uint64(i)))
	info := part.Info{Owner: record.InstanceOwner(fmt.Sprintf("cust%02d", i%50)), Class: []string{record.ClassWeb, record.ClassSystem, record.ClassApplication}[i%3], Day: day.Format(time.DateOnly)}
	step := int64(24*time.Hour) / int64(n)
	lines := make([]record.Record, n)
	for j := range lines {
		at := day.UnixNano() + int64(j)*step
		one := &lines[j]
		*one = record.Record{Time: at, Ingested: at - at%int64(2*time.Second) + 2_345_678_901, Seq: uint64(i*n + j*7 + 1), Owner: info.Owner, Class: info.Class}
		text := func(name, s string) {
			one.Fields = append(one.Fields, record.Field{Name: name, Value: record.StringValue(s)})
		}
		number := func(name string, n int) {
			one.Fields = append(one.Fields, record.Field{Name: name, Value: record.IntValue(int64(n))})
		}
		text("host.name", fmt.Sprintf("node%02d", i%50))
		text("vigie.instance", info.Owner.Slug)
		switch info.Class {
		case record.ClassWeb:
			p := pick(r, paths...)
			if strings.Contains(p, "%") {
				p = fmt.Sprintf(p, r.IntN(50000))
			}
			ip, method, status, size := address(r), pick(r, "GET", "GET", "GET", "POST", "PUT"), pick(r, 200, 200, 200, 200, 200, 304, 301, 404, 401, 500, 502), r.IntN(200000)
			agent, took := pick(r, agents...), fmt.Sprintf("%.3f", r.ExpFloat64()*0.2)
			text("service.name", "nginx")
			text("http.request.method", method)
			text("url.path", p)
			number("http.response.status_code", status)
			number("http.response.body.bytes", size)
			text("source.ip", ip)
			text("user_agent.original", agent)
			text("nginx.request_time", took)
			one.Message = fmt.Sprintf(`%s - - [%s] "%s %s HTTP/1.1" %d %d "-" "%s" %s`, ip, time.Unix(0, at).UTC().Format("02/Jan/2006:15:04:05 -0700"), method, p, status, size, agent, took)
		case record.ClassSystem:
			number("process.pid", 300+r.IntN(30000))
			system(r, one, text)
		default:
			text("service.name", pick(r, "api", "worker", "scheduler"))
			level := pick(r, "info", "info", "info", "info", "debug", "warning", "error")
			text("log.level", level)
			text("trace.id", fmt.Sprintf("%016x%016x", r.Uint64(), r.Uint64()))
			number("process.pid", 1000+r.IntN(40))
			if level == "error" {
				one.Message = fmt.Sprintf("Traceback (most recent call last):\n  File \"/app/api/views/%d.py\", line %d, in dispatch\n    return handler(request)\npymongo.errors.ServerSelectionTimeoutError: mongo-%d:27017: timed out after %dms", r.IntN(40), r.IntN(900), r.IntN(3), 1000+r.IntN(30000))
			} else {
				one.Message = fmt.Sprintf("request finished report_id=%d user_id=%d duration=%dms rows=%d cache=%v", r.IntN(50000), r.IntN(9000), r.IntN(3000), r.IntN(100000), r.IntN(2) == 0)
			}
		}
		one.Sort()
	}
	return info, lines
}

func system(r *rand.Rand, one *record.Record, text func(name, s string)) {
	facility, level := "auth", "info"
	switch k := r.IntN(10); {
	case k < 4:
		user, ip := pick(r, users...), address(r)
		text("service.name", "sshd")
		text("user.name", user)
		text("source.ip", ip)
		one.Message = fmt.Sprintf("Failed password for invalid user %s from %s port %d ssh2", user, ip, 1024+r.IntN(60000))
	case k < 5:
		text("service.name", "sshd")
		text("user.name", "deploy")
		text("source.ip", "10.0.0.5")
		one.Message = fmt.Sprintf("Accepted publickey for deploy from 10.0.0.5 port %d ssh2: ED25519 SHA256:%x", 1024+r.IntN(60000), r.Uint64())
	case k < 7:
		facility = "cron"
		text("service.name", "CRON")
		one.Message = fmt.Sprintf("pam_unix(cron:session): session opened for user root(uid=0) by (uid=%d)", r.IntN(3))
	case k < 9:
		facility, level = "kern", "warning"
		text("service.name", "kernel")
		one.Message = fmt.Sprintf("[UFW BLOCK] IN=eth0 OUT= MAC=52:54:00:%02x:%02x:%02x SRC=%s DST=10.1.%d.%d LEN=40 TOS=0x00 PROTO=TCP SPT=%d DPT=%d", r.IntN(256), r.IntN(256), r.IntN(256), address(r), r.IntN(255), r.IntN(255), r.IntN(65535), pick(r, 22, 23, 3389, 445, 5900))
	default:
		facility, level = "mail", "err"
		ip := address(r)
		text("service.name", "postfix/smtpd")
		text("source.ip", ip)
		one.Message = fmt.Sprintf("NOQUEUE: reject: RCPT from unknown[%s]: 554 5.7.1 <spam%d@example.net>: Relay access denied", ip, r.IntN(9999))
	}
	text("log.level", level)
	text("log.syslog.facility.name", facility)
}
