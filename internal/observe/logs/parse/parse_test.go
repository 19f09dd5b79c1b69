package parse_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/valyala/fastjson"

	"github.com/vigie-ops/vigie/internal/observe/logs/parse"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func parser(t testing.TB, name string) parse.Parser {
	t.Helper()
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	p, err := parse.New(name, parse.Options{Zone: paris, Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func words(r record.Record) string {
	var out []string
	if r.Time != 0 {
		out = append(out, r.At().Format("15:04:05.999"))
	}
	for _, f := range r.Fields {
		out = append(out, f.Name+"="+f.Value.Text())
	}
	return strings.Join(out, " ")
}

func TestFormatsBecomeFields(t *testing.T) {
	for _, c := range []struct{ format, line, message, want string }{
		{"access", `192.0.2.1 - ada [25/Nov/2026:10:00:00 +0100] "GET /a?b=c HTTP/1.1" 502 1234 "https://x/" "curl/8 \"q\"" 0.250`, "", `09:00:00 event.duration=250000000 http.request.method=GET http.request.referrer=https://x/ http.response.body.bytes=1234 http.response.status_code=502 http.version=1.1 log.level=error source.address=192.0.2.1 source.ip=192.0.2.1 url.original=/a?b=c url.path=/a url.query=b=c user.name=ada user_agent.original=curl/8 \"q\"`},
		{"access", `shop.example:443 2001:db8::1 - - [25/Nov/2026:09:00:00 +0000] "-" 400 0`, "", "09:00:00 http.response.body.bytes=0 http.response.status_code=400 source.address=2001:db8::1 source.ip=2001:db8::1 url.domain=shop.example"},
		{"error", `2026/11/25 10:00:00 [crit] 7#8: *5 connect() failed, client: 192.0.2.1, server: shop.example, request: "POST /x HTTP/2.0", upstream: "http://127.0.0.1:1/x", host: "shop.example"`, "", "09:00:00 http.request.host=shop.example http.request.method=POST http.version=2.0 log.level=critical process.pid=7 source.ip=192.0.2.1 url.domain=shop.example url.original=/x url.path=/x url.upstream=http://127.0.0.1:1/x"},
		{"error", `[Wed Nov 25 10:00:00.500000 2026] [core:warn] [pid 7:tid 8] [client 192.0.2.1:99] AH00128: no`, "", "09:00:00.5 apache.error.module=core log.level=warning process.pid=7 source.ip=192.0.2.1"},
		{"syslog", `Nov 25 10:00:00 app-01 sshd[7]: Failed password for invalid user root from 192.0.2.1 port 22 ssh2`, "Failed password for invalid user root from 192.0.2.1 port 22 ssh2", "09:00:00 event.category=authentication event.outcome=failure host.hostname=app-01 process.name=sshd process.pid=7 service.name=sshd source.ip=192.0.2.1 source.port=22 user.name=root"},
		{"syslog", `2026-11-25T10:00:00.5+01:00 app-01 sshd[7]: Accepted publickey for ada from 192.0.2.1 port 22 ssh2: ED25519 x`, "Accepted publickey for ada from 192.0.2.1 port 22 ssh2: ED25519 x", "09:00:00.5 event.category=authentication event.outcome=success host.hostname=app-01 process.name=sshd process.pid=7 service.name=sshd source.ip=192.0.2.1 source.port=22 user.name=ada"},
		{"syslog", `Dec 31 23:00:00 app-01 kernel: [1.0] a: b`, "[1.0] a: b", "22:00:00 host.hostname=app-01 process.name=kernel service.name=kernel"},
		{"json", `{"level":50,"time":1795600800123,"msg":"pino","err":{"type":"E"}}`, "pino", "10:00:00.123 err.type=E log.level=error"},
		{"json", `{"t":{"$date":"2026-11-25T10:00:00.5Z"},"s":"W","c":"NETWORK","ctx":"conn1","msg":"slow"}`, "slow", "10:00:00.5 c=NETWORK ctx=conn1 log.level=warning mongodb.log.component=NETWORK mongodb.log.context=conn1 s=W t.$date=2026-11-25T10:00:00.5Z"},
		{"logfmt", `time=2026-11-25T10:00:00Z level=WARN msg="it is \"slow\"" took=1.5 n=7 ok=true id="7"`, `it is "slow"`, "10:00:00 id=7 log.level=warning n=7 ok=true took=1.5"},
		{"postgres", `2026-11-25 10:00:00.123 CET [77] ada@shop ERROR:  relation "x" does not exist`, "", "09:00:00.123 log.level=error postgresql.log.database=shop process.pid=77 service.name=postgresql user.name=ada"},
		{"postgres", `2026-11-25 10:00:00.123 UTC [77] LOG:  duration: 12.5 ms  statement: SELECT 1`, "", "10:00:00.123 event.duration=12500000 log.level=info postgresql.log.query=SELECT 1 process.pid=77 service.name=postgresql"},
		{"redis", `77:M 25 Nov 2026 10:00:00.123 # WARNING overcommit`, "", "09:00:00.123 log.level=warning process.pid=77 redis.log.role=master service.name=redis"},
		{"auto", `2026-11-25 10:00:00,123 [main] ERROR c.e.App - it broke`, "", "09:00:00.123 log.level=error"},
		{"auto", `WARNING 2026-11-25 10:00:00 views 7 slow`, "", "09:00:00 log.level=warning"},
		{"auto", `update-alternatives 2026-11-25 10:00:00: link group ex updated`, "", "09:00:00"},
		{"auto", `2026-11-25T10:00:00+02:00 x`, "", "08:00:00"},
		{"auto", `[2026-11-25T10:00:00Z] WARN: x`, "", "10:00:00 log.level=warning"},
		{"auto", `level=info msg=started port=80`, "started", "log.level=info port=80"},
		{"auto", `just words = and more`, "", ""},
		{"auto", `{"broken`, "", ""},
	} {
		r := record.Record{Message: c.line}
		ok := parser(t, c.format).Parse(&r)
		if c.message == "" {
			c.message = c.line
		}
		if got := words(r); !ok || got != c.want || r.Message != c.message {
			t.Errorf("%s: %s: %t\n%s\n%s\nmessage %s", c.format, c.line, ok, got, c.want, r.Message)
		}
	}
	if r := (record.Record{Message: `Dec 31 23:00:00 app-01 kernel: x`}); !parser(t, "syslog").Parse(&r) || r.At().Year() != 2025 {
		t.Errorf("a date that would lie ahead is of %d", r.At().Year())
	}
}

func TestWhatIsNotOfAFormatIsLeftAlone(t *testing.T) {
	for _, name := range parse.Names() {
		for _, line := range []string{"", "nonsense", "[", `"`, "2026", "Nov 25", "192.0.2.1 - - [x] \"GET\" 1", "{", "a=\"", "2026-11-25 10:00:00 CET [x] LOG:  y", strings.Repeat("=", 1000)} {
			r := record.Record{Message: line}
			if !parser(t, name).Parse(&r) && (r.Message != line || len(r.Fields) > 0 || r.Time != 0) {
				t.Errorf("%s of %q left %+v", name, line, r)
			}
		}
	}
	if _, err := parse.New("nginx", parse.Options{}); err == nil || !strings.Contains(err.Error(), "access, auto") {
		t.Errorf("an unknown format: %v", err)
	}
}

func TestPathsTellFormatAndClass(t *testing.T) {
	for path, want := range map[string]string{
		"/var/log/nginx/access.log": "access web", "/var/log/nginx/shop.log": "access web", "/var/log/apache2/error.log": "error web", "/var/log/auth.log": "syslog auth",
		"/var/log/syslog": "syslog system", "/var/log/postgresql/postgresql-15-main.log": "postgres database", "/var/log/redis/redis-server.log": "redis database",
		"/srv/shop/app.log": "auto ",
	} {
		if format, class := parse.Guess(path); format+" "+class != want {
			t.Errorf("%s is %s %s, want %s", path, format, class, want)
		}
	}
}

func TestEnvelopesOfContainersAreOpened(t *testing.T) {
	if e, ok := parse.CRI("2026-11-25T10:00:00.5Z stderr P half a li"); !ok || e.Text != "half a li" || !e.Partial || e.Stream != "stderr" || e.Time != noon.Add(-2*time.Hour+500*time.Millisecond).UnixNano() {
		t.Errorf("%+v, %t", e, ok)
	}
	if _, ok := parse.CRI("2026-11-25 stdout F x"); ok {
		if e, _ := parse.CRI("nonsense"); e.Text != "" {
			t.Error("nonsense is an envelope")
		}
	}
	var p fastjson.Parser
	if e, ok := parse.Docker(&p, `{"log":"a line\n","stream":"stdout","time":"2026-11-25T10:00:00Z"}`); !ok || e.Text != "a line" || e.Partial {
		t.Errorf("%+v, %t", e, ok)
	}
	if _, ok := parse.Docker(&p, `{"message":"x"}`); ok {
		t.Error("another JSON is an envelope")
	}
}

func joined(begin *regexp.Regexp, text string) (out []string) {
	j := parse.NewJoiner(begin)
	at := int64(0)
	for _, s := range strings.Split(text, "\n") {
		l := parse.Line{Text: s, Start: at, End: at + int64(len(s)) + 1}
		at = l.End
		if whole, ok := j.Add(l); ok {
			out = append(out, fmt.Sprintf("%d-%d %s", whole.Start, whole.End, whole.Text))
		}
	}
	if whole, ok := j.Flush(); ok {
		out = append(out, fmt.Sprintf("%d-%d %s", whole.Start, whole.End, whole.Text))
	}
	return out
}

func TestTracesAreOneLine(t *testing.T) {
	for name, traces := range map[string][]string{
		"python": {
			"2026-11-25 10:00:00 ERROR failed\nTraceback (most recent call last):\n  File \"a.py\", line 1, in f\n    g()\nValueError: no\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"b.py\", line 2, in h\n    i()\nKeyError: 'x'",
		},
		"java": {"java.lang.IllegalStateException: no\n\tat a.B.c(B.java:1)\n\tat d.E.f(E.java:2)\nCaused by: java.io.IOException: x\n\t... 7 more"},
		"go":   {"panic: runtime error: index out of range\n\ngoroutine 1 [running]:\nmain.main()\n\t/srv/a.go:7 +0x1d\ncreated by main.x\n\t/srv/b.go:8"},
		"node": {"TypeError: x is not a function\n    at f (/srv/a.js:1:2)\n    at g (/srv/b.js:3:4)"},
	} {
		for _, trace := range traces {
			got := joined(nil, "2026-11-25 09:59:59 INFO before\n"+trace+"\n2026-11-25 10:00:01 INFO after")
			all := strings.Join(got, "|")
			if len(got) != 3 || !strings.HasSuffix(all, "INFO after") {
				t.Errorf("%s became %d lines:\n%s", name, len(got), strings.Join(got, "\n--\n"))
			}
		}
	}
	got := joined(regexp.MustCompile(`^\d{4}-`), "2026-1 a\nb\nc\n2026-2 d")
	if strings.Join(got, "|") != "0-13 2026-1 a\nb\nc|13-22 2026-2 d" {
		t.Errorf("%q", got)
	}
}

func TestLinesAreJoinedWithinBounds(t *testing.T) {
	long := "head" + strings.Repeat("\n  x", 5000)
	for _, l := range joined(nil, long) {
		if n := strings.Count(l, "\n"); n > 500 {
			t.Errorf("a line has %d breaks", n)
		}
	}
}

func FuzzLinesStayWhole(f *testing.F) {
	for _, s := range []string{`192.0.2.1 - - [25/Nov/2026:10:00:00 +0100] "GET / HTTP/1.1" 200 1 "-" "x" 0.1`, `{"msg":"x"}`, `a=b c="d"`, `Nov 25 10:00:00 h p[1]: m`, "77:M 25 Nov 2026 10:00:00.123 # x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		line = parse.Text([]byte(line))
		for _, name := range parse.Names() {
			r := record.Record{Message: line}
			ok := parser(t, name).Parse(&r)
			if !ok && (r.Message != line || len(r.Fields) > 0 || r.Time != 0) {
				t.Errorf("%s of %q is refused and left %+v", name, line, r)
			}
			for i, field := range r.Fields {
				if !utf8.ValidString(field.Name+field.Value.Text()) || record.Reserved(field.Name) || i > 0 && r.Fields[i-1].Name > field.Name {
					t.Errorf("%s of %q has the field %q", name, line, field.Name)
				}
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	for name, line := range map[string]string{
		"access": `192.0.2.1 - ada [25/Nov/2026:10:00:00 +0100] "GET /a?b=c HTTP/1.1" 502 1234 "https://x/" "Mozilla/5.0 (X11; Linux x86_64)" 0.250`,
		"json":   `{"level":"info","time":"2026-11-25T10:00:00Z","msg":"request finished","user_id":7,"took_ms":12.5,"path":"/api/v1/x"}`,
		"syslog": `Nov 25 10:00:00 app-01 sshd[7]: Failed password for invalid user root from 192.0.2.1 port 22 ssh2`,
		"auto":   `2026-11-25 10:00:00,123 [main] ERROR c.e.App - it broke`,
	} {
		b.Run(name, func(b *testing.B) {
			p := parser(b, name)
			b.ReportAllocs()
			var r record.Record
			for b.Loop() {
				r = record.Record{Message: line, Fields: r.Fields[:0]}
				p.Parse(&r)
			}
		})
	}
}
