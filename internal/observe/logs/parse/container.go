package parse

import (
	"strings"

	"github.com/valyala/fastjson"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// Envelope is what a container engine wrote around a line.
type Envelope struct {
	Text    string
	Time    int64 // zero if it was not told
	Stream  string
	Partial bool // the line goes on in the next
}

// CRI opens a line of a Kubernetes node: 2026-11-25T10:00:00.123Z stdout F text.
func CRI(line string) (Envelope, bool) {
	stamp, rest, ok1 := strings.Cut(line, " ")
	stream, rest, ok2 := strings.Cut(rest, " ")
	tag, text, ok3 := strings.Cut(rest, " ")
	if !ok3 {
		tag, text = rest, ""
	}
	at, ok := record.ParseTime(stamp)
	if !ok || !ok1 || !ok2 || stream != "stdout" && stream != "stderr" || tag != "F" && tag != "P" {
		return Envelope{}, false
	}
	return Envelope{text, at, stream, tag == "P"}, true
}

// Docker opens a line of Docker's json-file driver.
func Docker(p *fastjson.Parser, line string) (Envelope, bool) {
	v, err := p.Parse(line)
	if err != nil || v.Get("log") == nil {
		return Envelope{}, false
	}
	text := Text(v.GetStringBytes("log"))
	e := Envelope{Stream: string(v.GetStringBytes("stream")), Partial: !strings.HasSuffix(text, "\n")}
	e.Text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	e.Time, _ = record.ParseTime(string(v.GetStringBytes("time")))
	return e, true
}
