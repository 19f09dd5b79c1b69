package elastic

import (
	"bytes"
	"strings"

	"github.com/valyala/fastjson"

	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// Part is one search of a _msearch.
type Part struct {
	Index string // patterns, with commas; empty where the address says
	Body  []byte
}

// maxParts bounds the searches of a _msearch.
const maxParts = 500

// Parts reads the body of a _msearch: lines of a header and a search. An error is
// an *Error, and the whole request's.
func Parts(body []byte) ([]Part, error) {
	if len(body) > MaxBody {
		return nil, refuse("the body has %d bytes, at most %d", len(body), MaxBody)
	}
	var out []Part
	var p fastjson.Parser
	header := true
	for line := range bytes.SplitSeq(body, []byte("\n")) {
		line = bytes.TrimSpace(line)
		if !header {
			out[len(out)-1].Body = append([]byte{}, line...) // an empty one is a search, too
			header = true
			continue
		}
		if len(line) == 0 {
			continue // between searches, and at the end
		}
		if len(out) == maxParts {
			return nil, refuse("there are more than %d searches", maxParts)
		}
		v, err := p.ParseBytes(line)
		if err != nil || v.Type() != fastjson.TypeObject {
			return nil, refuse("Malformed content, expected a header as a JSON object in front of search %d", len(out)+1)
		}
		one := Part{}
		if index := v.Get("index"); index != nil {
			var names []string
			for _, name := range list(index) {
				names = append(names, text(name))
			}
			one.Index = strings.Join(names, ",")
		}
		out = append(out, one)
		header = false
	}
	if len(out) == 0 {
		return nil, &Error{Status: 400, Type: "action_request_validation_exception", Reason: "Validation Failed: 1: no requests added;"}
	}
	if out[len(out)-1].Body == nil {
		return nil, refuse("Malformed content, behind the last header a search is missing")
	}
	return out, nil
}

// Indices takes the lines of indices as an address names them: with commas
// between, * for any text, and - before those that are left out. Lines whose
// sender named none are in the one of Options.
func Indices(names string, o Options) query.Filter {
	if o.Index == "" {
		o.Index = "vigie"
	}
	var in query.Or
	var out query.And
	for name := range strings.SplitSeq(names, ",") {
		not := false
		if len(in) > 0 || strings.Contains(names, ",") || strings.HasPrefix(name, "-*") {
			name, not = strings.CutPrefix(name, "-")
		}
		if name == "_all" {
			name = "*"
		}
		if name == "" {
			continue
		}
		f := indexNamed(name, o.Index)
		if not {
			out = append(out, query.Not{Filter: f})
		} else {
			in = append(in, f)
		}
	}
	var all query.And
	if len(in) > 0 {
		all = append(all, some(1, in))
	}
	all = append(all, out...)
	return both(all)
}

func indexNamed(name, own string) query.Filter {
	if strings.Trim(name, "*") == "" {
		return query.All{}
	}
	var f query.Filter = query.Equal{Field: record.Index, Value: record.StringValue(name)}
	if strings.Contains(name, "*") {
		p, err := query.NewPattern(record.Index, query.Wildcard, name, false)
		if err != nil {
			return query.None{}
		}
		f = p
	}
	if like(name, own) {
		return query.Or{f, query.Not{Filter: query.Exists{Field: record.Index}}}
	}
	return f
}
