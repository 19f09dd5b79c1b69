package querytext

import (
	"strings"

	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// Target is a field that is asked about.
type Target struct {
	Field string
	// Text says that its words are looked for, and not its value as a whole.
	Text bool
}

// Field resolves the name of a field as people and programs write it: msg, _msg
// and _all are aliases, and .keyword at the end, the name of Elasticsearch's
// second look at a text, asks for the value as a whole.
func Field(name string) Target {
	switch name {
	case "msg", "_msg":
		name = record.Message
	case "_all":
		name = query.AnyField
	}
	if base, ok := strings.CutSuffix(name, ".keyword"); ok && base != "" {
		return Target{Field: Field(base).Field}
	}
	return Target{name, isText(name)}
}

func isText(field string) bool {
	switch field[strings.LastIndexByte(field, '.')+1:] {
	case query.AnyField, record.Message, "description", "reason", "original", "stack_trace", "text":
		return true
	}
	return false
}

// IsTime says whether a field holds times, so that text in its place is one.
func IsTime(field string) bool {
	switch field {
	case record.Time, record.Ingested, record.Sent, "event.created", "event.start", "event.end":
		return true
	}
	return false
}

// Keyword is a value as it is stored in a field: levels have one spelling.
func Keyword(field, text string) string {
	if field == record.Level {
		return record.LevelOf(text)
	}
	return text
}
