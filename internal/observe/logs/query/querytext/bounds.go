package querytext

import (
	"strings"

	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/query/datemath"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// compare reads > 5, >=5, < and <=.
func (p *parser) compare(in Target) (query.Filter, *SyntaxError) {
	at := p.at
	less := p.s[p.at] == '<'
	p.at++
	open := true
	if p.at < len(p.s) && p.s[p.at] == '=' {
		open = false
		p.at++
	}
	sign := p.s[at:p.at]
	if p.next() == 0 {
		return nil, p.fail(at, p.at, "", "behind %s a value is missing", sign)
	}
	r := query.Range{Field: in.Field}
	var err *SyntaxError
	if less {
		r.To, r.ToOpen, err = p.bound(in, endsValue, false, open)
	} else {
		r.From, r.FromOpen, err = p.bound(in, endsValue, true, open)
	}
	if err != nil {
		return nil, err
	}
	if r.From.Kind == record.None && r.To.Kind == record.None { // > *
		return query.Exists{Field: in.Field}, nil
	}
	return r, nil
}

// between reads [1 TO 5}.
func (p *parser) between(in Target) (query.Filter, *SyntaxError) {
	start := p.at
	r := query.Range{Field: in.Field}
	fromOpen := p.s[p.at] == '{'
	p.at++
	var err *SyntaxError
	if r.From, r.FromOpen, err = p.end(in, start, true, fromOpen); err != nil {
		return nil, err
	}
	if !p.keyword("to", "") {
		return nil, p.rangeShape(start)
	}
	closing := strings.IndexAny(p.s[p.at:], "]}")
	if closing < 0 {
		return nil, p.fail(start, start+1, "write ] behind the range, or } if its end is not in it", "a closing bracket is missing; it was opened here")
	}
	// Whether the end is in it stands behind it, but says how it is read.
	before := *p
	if r.To, r.ToOpen, err = p.end(in, start, false, false); err != nil {
		return nil, err
	}
	switch p.next() {
	case ']':
	case '}':
		*p = before
		if r.To, r.ToOpen, err = p.end(in, start, false, true); err != nil {
			return nil, err
		}
		p.skip()
	default:
		return nil, p.rangeShape(start)
	}
	p.at++
	p.boost()
	if r.From.Kind == record.None && r.To.Kind == record.None {
		return query.Exists{Field: in.Field}, nil
	}
	return r, nil
}

func (p *parser) rangeShape(start int) *SyntaxError {
	hint := "write field:[1 TO 5], with { or } where the bound is not in it"
	if p.s[start] == '{' && strings.ContainsAny(p.s[start:], ":") && !strings.Contains(p.s[start:], " TO ") {
		hint = "fields in objects are written with dots: user.name:anna"
	}
	end := p.at
	if n := strings.IndexAny(p.s[end:], "]}"); n >= 0 {
		end += n + 1
	}
	return p.fail(start, end, hint, "the range cannot be read")
}

// end reads one end of a range in brackets.
func (p *parser) end(in Target, start int, lower, open bool) (record.Value, bool, *SyntaxError) {
	if c := p.next(); c == 0 || c == ']' || c == '}' || c == '(' || c == ')' {
		return record.Value{}, false, p.rangeShape(start)
	}
	return p.bound(in, endsBound, lower, open)
}

// bound reads a bound: a number, a time, or text.
func (p *parser) bound(in Target, ends string, lower, open bool) (record.Value, bool, *SyntaxError) {
	start := p.at
	exact := p.s[p.at] == '=' && !p.ends(p.at+1, space+")]}")
	if exact {
		p.at++
	}
	var text string
	quoted := p.s[p.at] == '"'
	if quoted {
		var err *SyntaxError
		if text, err = p.quoted(); err != nil {
			return record.Value{}, false, err
		}
		if exact {
			return record.StringValue(text), open, nil
		}
	} else {
		t, err := p.word(ends)
		if err != nil {
			return record.Value{}, false, err
		}
		if t.raw == "" {
			return record.Value{}, false, p.unexpected()
		}
		if t.raw == "*" {
			return record.Value{}, false, nil
		}
		text = t.plain
		if exact {
			return p.exactly(text, false), open, nil
		}
	}
	if IsTime(in.Field) || datemath.Looks(text) {
		s, err := p.time(text, start)
		if err == nil {
			v, open := Bound(s, lower, open)
			return v, open, nil
		}
		if IsTime(in.Field) || strings.HasPrefix(text, "now") {
			return record.Value{}, false, err
		}
	}
	if v, ok := number(text); ok {
		return v, open, nil
	}
	if v, ok := scalar(text); ok && !quoted {
		return v, open, nil
	}
	return record.StringValue(text), open, nil
}

// Bound is an end of a range of times: from the beginning of the span, or behind
// its end if it is open; to its end, that included, or up to its beginning.
func Bound(s datemath.Span, lower, open bool) (record.Value, bool) {
	switch {
	case s.Moment():
		return record.TimeValue(s.From), open
	case lower == open: // > today is from tomorrow on, <= today is before tomorrow
		return record.TimeValue(s.To), !lower
	}
	return record.TimeValue(s.From), !lower
}
