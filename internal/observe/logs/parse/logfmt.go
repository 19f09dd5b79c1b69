package parse

import (
	"math"
	"strconv"
	"strings"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// logfmt reads key=value pairs, as Go's slog and many others write them.
type logfmt struct{}

// maxPairs bounds the fields of a line.
const maxPairs = 200

// Parse implements Parser.
func (logfmt) Parse(r *record.Record) bool {
	pairs, ok := split(r.Message)
	if !ok {
		return false
	}
	message := ""
	for _, p := range pairs {
		switch p.name {
		case "msg", "message":
			message = p.value
		case "time", "ts", "t", "timestamp", "@timestamp":
			if ns, ok := record.ParseTime(p.value); ok {
				r.Time = ns
			} else if f, err := strconv.ParseFloat(p.value, 64); err == nil {
				if ns, ok := record.EpochTime(f); ok {
					r.Time = ns
				}
			}
		case "level", "lvl", "severity":
			put(r, record.Level, record.LevelOf(p.value))
		default:
			if record.Reserved(p.name) || strings.HasPrefix(p.name, "vigie.") {
				continue
			}
			r.Put(p.name, p.typed())
		}
	}
	if message != "" {
		r.Message = message
	}
	return true
}

type pair struct {
	name, value string
	quoted      bool
}

// typed is the value as a number or a boolean where it reads as one.
func (p pair) typed() record.Value {
	if p.quoted {
		return record.StringValue(p.value)
	}
	if n, err := strconv.ParseInt(p.value, 10, 64); err == nil {
		return record.IntValue(n)
	}
	if f, err := strconv.ParseFloat(p.value, 64); err == nil && !math.IsInf(f, 0) && !math.IsNaN(f) {
		return record.FloatValue(f)
	}
	if p.value == "true" || p.value == "false" {
		return record.BoolValue(p.value == "true")
	}
	return record.StringValue(p.value)
}

// split takes a line apart. It must be pairs from its beginning to its end, two
// of them at least.
func split(s string) (out []pair, ok bool) {
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimLeft(s, " \t") {
		eq := strings.IndexAny(s, "= \t\"")
		if eq <= 0 || s[eq] != '=' || eq > 100 || len(out) == maxPairs {
			return nil, false
		}
		p := pair{name: s[:eq]}
		s = s[eq+1:]
		if strings.HasPrefix(s, `"`) {
			quoted, err := strconv.QuotedPrefix(s)
			if err != nil {
				return nil, false
			}
			if p.value, err = strconv.Unquote(quoted); err != nil {
				return nil, false
			}
			p.quoted = true
			p.value = strings.ToValidUTF8(p.value, "\uFFFD")
			s = s[len(quoted):]
		} else {
			end := strings.IndexAny(s, " \t")
			if end < 0 {
				end = len(s)
			}
			p.value, s = s[:end], s[end:]
		}
		out = append(out, p)
	}
	return out, len(out) >= 2
}
