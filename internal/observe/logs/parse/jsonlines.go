package parse

import (
	"strings"

	"github.com/valyala/fastjson"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// jsonLines reads lines that are a JSON object each, as all loggers of
// applications can write. MongoDB's are among them.
type jsonLines struct {
	p    fastjson.Parser
	line record.Record
}

// Parse implements Parser.
func (j *jsonLines) Parse(r *record.Record) bool {
	text := strings.TrimSpace(r.Message)
	if !strings.HasPrefix(text, "{") {
		return false
	}
	v, err := j.p.Parse(text)
	if err != nil || record.Document(v, record.Limits{}, &j.line) != nil {
		return false
	}
	// The parser's memory is used again; the line is not.
	got := j.line.Clone()
	mongo(&got)
	for _, f := range r.Fields { // what the source knows goes before what the line says
		got.Put(f.Name, f.Value)
	}
	r.Fields = got.Fields
	if got.Message != "" {
		r.Message = got.Message
	}
	if got.Time != 0 {
		r.Time = got.Time
	}
	return true
}

// mongo gives a line of MongoDB 4.4 or later its names: t, s, c, ctx.
func mongo(r *record.Record) {
	at, ok := r.Get("t.$date")
	s, also := r.Get("s")
	if !ok || !also {
		return
	}
	if ns, ok := record.ParseTime(at.Str); ok && r.Time == 0 {
		r.Time = ns
	}
	level := map[string]string{"F": record.LevelCritical, "E": record.LevelError, "W": record.LevelWarning, "I": record.LevelInfo}[s.Str]
	if level == "" && strings.HasPrefix(s.Str, "D") {
		level = record.LevelDebug
	}
	put(r, record.Level, level)
	for from, to := range map[string]string{"c": "mongodb.log.component", "ctx": "mongodb.log.context"} {
		if v, ok := r.Get(from); ok {
			put(r, to, v.Text())
		}
	}
}
