// Package elastic turns Elasticsearch's searches into questions of package query
// and the answers into Elasticsearch's, so that Kibana, Grafana, ElastAlert and
// the official clients can ask.
//
// There are no mappings: which fields are text and which keywords says
// querytext.Field. On text, match looks for words, term for a word, prefix,
// wildcard and regexp for a part of a word, all in any letter case; on all other
// fields they compare the whole value, letter case included. field.keyword is
// the field, compared as a whole. There are no scores: without a sort the newest
// lines come first, and _score is 1.
//
// A document in an answer, _source, is the object the sender sent: names with
// dots are objects in each other again.
package elastic

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/valyala/fastjson"

	"github.com/vigie-ops/vigie/internal/observe/logs/query"
)

// Options say how a body is read.
type Options struct {
	Now time.Time // of now-15m; zero is the clock's
	// Index stands in answers for lines whose sender named none; default "vigie".
	Index string
}

// Error is an error as Elasticsearch answers it.
type Error struct {
	Status    int
	Type      string
	Reason    string
	Line, Col int // from 1; 0 where they are not known
}

func (e *Error) Error() string { return e.Reason }

// Body is the answer, as JSON.
func (e *Error) Body() []byte {
	type cause struct {
		Type   string `json:"type"`
		Reason string `json:"reason"`
		Line   int    `json:"line,omitempty"`
		Col    int    `json:"col,omitempty"`
	}
	type outer struct {
		RootCause []cause `json:"root_cause"`
		cause
	}
	one := cause{e.Type, e.Reason, e.Line, e.Col}
	b, err := json.Marshal(struct {
		Error  outer `json:"error"`
		Status int   `json:"status"`
	}{outer{[]cause{one}, one}, e.Status})
	if err != nil {
		panic("elastic: " + err.Error()) // texts can be written
	}
	return b
}

// AsError is an error of this package, of package query or of a searcher, as
// Elasticsearch answers it.
func AsError(err error) *Error {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, query.ErrBuckets):
		return &Error{Status: http.StatusBadRequest, Type: "too_many_buckets_exception", Reason: err.Error()}
	case errors.Is(err, query.ErrFilter), errors.Is(err, query.ErrPattern):
		return refuse("%s", err)
	}
	return &Error{Status: http.StatusServiceUnavailable, Type: "search_phase_execution_exception", Reason: err.Error()}
}

// refuse is an error about what is asked for.
func refuse(format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Type: "illegal_argument_exception", Reason: fmt.Sprintf(format, args...)}
}

// malformed is an error about how it is asked.
func malformed(format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Type: "parsing_exception", Reason: fmt.Sprintf(format, args...)}
}

// MaxBody bounds a body that is read, in bytes.
const MaxBody = 4 << 20

// reader reads one body.
type reader struct {
	body []byte
	o    Options
	// depth and clauses are how deep and how many queries were read.
	depth, clauses int
}

func newReader(body []byte, o Options) (*reader, *fastjson.Value, error) {
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	if o.Index == "" {
		o.Index = "vigie"
	}
	r := &reader{body: body, o: o}
	if len(body) > MaxBody {
		return nil, nil, &Error{Status: http.StatusRequestEntityTooLarge, Type: "content_too_long_exception", Reason: fmt.Sprintf("the body has %d bytes, at most %d", len(body), MaxBody)}
	}
	if len(bytes.TrimSpace(body)) == 0 {
		body = []byte("{}")
	}
	v, err := fastjson.ParseBytes(body)
	if err != nil {
		e := &Error{Status: http.StatusBadRequest, Type: "x_content_parse_exception", Reason: "the body is no JSON: " + err.Error()}
		if check := json.Unmarshal(body, new(any)); check != nil {
			var syntax *json.SyntaxError
			if errors.As(check, &syntax) {
				e.Line, e.Col = place(body, int(syntax.Offset)-1)
				e.Reason = fmt.Sprintf("[%d:%d] %s", e.Line, e.Col, syntax)
			}
		}
		return nil, nil, e
	}
	if v.Type() != fastjson.TypeObject {
		return nil, nil, malformed("Expected [START_OBJECT] but found [%s]", tokenOf(v))
	}
	return r, v, nil
}

// place is the line and the column of an offset.
func place(body []byte, at int) (line, col int) {
	at = max(0, min(at, len(body)))
	line = 1 + bytes.Count(body[:at], []byte("\n"))
	return line, at - bytes.LastIndexByte(body[:at], '\n')
}

// at adds to an error where in the body a name first stands.
func (r *reader) at(e *Error, name string) *Error {
	quoted, err := json.Marshal(name)
	if err != nil {
		return e
	}
	if at := bytes.Index(r.body, quoted); at >= 0 {
		e.Line, e.Col = place(r.body, at)
	}
	return e
}

// tokenOf is what Elasticsearch calls a value in its errors.
func tokenOf(v *fastjson.Value) string {
	switch v.Type() {
	case fastjson.TypeObject:
		return "START_OBJECT"
	case fastjson.TypeArray:
		return "START_ARRAY"
	case fastjson.TypeString:
		return "VALUE_STRING"
	case fastjson.TypeNumber:
		return "VALUE_NUMBER"
	case fastjson.TypeNull:
		return "VALUE_NULL"
	}
	return "VALUE_BOOLEAN"
}
