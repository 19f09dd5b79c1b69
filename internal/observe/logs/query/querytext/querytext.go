// Package querytext reads and writes the text with which people search logs:
// Lucene and KQL together, as those know it who know Kibana.
//
//	service.name:nginx and http.response.status_code >= 500 and "upstream timed out"
//
// Words and phrases without a field are looked for in the message and in every
// field of text. and, or and not may be written in any case, or as &&, || and !;
// and binds tighter than or. What stands side by side must all be there (Kibana's
// KQL refuses that, its Lucene makes it or); only values side by side in the
// parentheses of a field that is no text are alternatives, since no line could
// have them all: status:(200 404). -a and not a are the same, +a is a.
//
//	field:value           the value; in fields of text, the words of it
//	field:"a value"       the same with spaces; in fields of text, a phrase
//	field:(a or b)        one of them
//	field:*               there is a value; also _exists_:field
//	field:ab*  field:a?b  * is any text and ? a character; in fields of text, of a word
//	field:/re/  /re/i     the whole value matches; in fields of text, some of it. i: in any case
//	field > 5  field:>=5  numbers, times and text; also <, <=
//	field:[1 TO 5}        from 1, that included, to 5, that not
//	field:2026-11-25      of times: that day. Also 2026-11, 2026-11-25T10:00, now-15m, now/d
//	"a phrase"~2          with at most two words between
//	a^2                   read and ignored: there are no scores
//	*:*                   everything
//
// Backslash takes the meaning off the sign behind it; within quotation marks it
// stands for itself, except before " and another one.
//
// A field of text is the message, any other whose last name is message,
// description, reason, original, stack_trace or text, and * for any of them. All
// others are compared as a whole, letter case included, as keywords are in
// Elasticsearch. field.keyword is the field, compared as a whole. Levels are
// written as they are stored: log.level:WARN is log.level:warning.
//
// What Format writes beyond that, so that every filter has a text:
//
//	field:="value"  field:~"value"  the whole value, in this case or in any; also with wildcards and /re/
//	field:>="5"                     a number; field:>= ="5" is text
//	"some words"~0                  words also where the field is no text
//	"some wor"*                     the last word is a beginning
//	"some words"~*                  in any order
//	(a or b or c)@2                 two of them, or more
package querytext

import (
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/logs/query"
)

// What a text may be made of.
const (
	MaxLength  = 10_000 // bytes
	MaxDepth   = 50     // of parentheses and nots in each other
	MaxClauses = 1000
)

// Options say how a text is read.
type Options struct {
	Now  time.Time      // of now-15m; zero is the clock's
	Zone *time.Location // of dates without an offset; nil is UTC
	// Fields are where words without a field are looked for; nil is query.AnyField.
	Fields []string
	// Or makes alternatives of what stands side by side, as Elasticsearch's
	// query_string does unless it is told otherwise; what + is before must be there.
	Or bool
}

// SyntaxError says what in a text cannot be read.
type SyntaxError struct {
	At, End int    // bytes of the text that it is about
	Message string // a sentence without its full stop
	Hint    string // what to write instead, the same; may be empty
}

func (e *SyntaxError) Error() string {
	if e.Hint == "" {
		return e.Message
	}
	return e.Message + "; " + e.Hint
}

// Parse reads a text. An empty one takes every line. The error is a
// *SyntaxError.
func Parse(text string, o Options) (query.Filter, error) {
	f, err := parse(text, o)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func parse(text string, o Options) (query.Filter, *SyntaxError) {
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	if len(o.Fields) == 0 {
		o.Fields = []string{query.AnyField}
	}
	if len(text) > MaxLength {
		return nil, &SyntaxError{MaxLength, len(text), "the query is too long", "it may have 10,000 characters"}
	}
	p := &parser{o: o, s: text}
	if strings.TrimLeft(text, space) == "" {
		return query.All{}, nil
	}
	f, err := p.or(nil)
	if err != nil {
		return nil, err
	}
	if p.at < len(p.s) {
		return nil, p.unexpected()
	}
	return f, nil
}
