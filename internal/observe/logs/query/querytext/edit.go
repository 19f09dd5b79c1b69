package querytext

import (
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/logs/query"
)

// And adds a condition to a text and keeps what is written in it, so that now-15m
// stays now-15m. A text that cannot be read stays one.
func And(text string, f query.Filter) string {
	text = trim(text)
	more := &writer{}
	more.filter(f, inAnd)
	switch {
	case text == "" || text == everything:
		return Format(f)
	case isAll(f):
		return text
	}
	if within(text) > inAnd {
		text = "(" + text + ")"
	}
	return text + " and " + more.String()
}

// trim takes away the spaces around a text, but not one that a backslash stands
// before; a backslash at the end must not take what is added.
func trim(text string) string {
	text = strings.TrimLeft(text, space)
	short := strings.TrimRight(text, space)
	if (len(short)-len(strings.TrimRight(short, `\`)))%2 == 0 {
		return short
	}
	if short == text {
		return text + `\`
	}
	return text[:len(short)+1]
}

func isAll(f query.Filter) bool {
	_, all := f.(query.All)
	return f == nil || all
}

// Not turns a text round and keeps what is written in it.
func Not(text string) string {
	text = trim(text)
	if text == "" {
		return nothing
	}
	return "not (" + text + ")"
}

// within says how a text has to be put into parentheses before something is
// added: more than inAnd if it has an or outside of all parentheses.
func within(text string) int {
	p := &parser{o: Options{Now: time.Now(), Fields: []string{query.AnyField}}, s: text}
	if _, err := p.and(nil); err == nil && p.next() == 0 {
		return inAnd
	}
	if _, err := parse(text, Options{}); err != nil {
		return inAnd // it is not made worse
	}
	return inNot
}
