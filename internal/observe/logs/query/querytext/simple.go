package querytext

import (
	"strconv"
	"strings"

	"github.com/vigie-ops/vigie/internal/observe/logs/query"
)

// Simple reads a text as Elasticsearch's simple_query_string does: words,
// "phrases", + for and, | for or, - for not, * behind a beginning, ~2 behind a
// phrase, and parentheses. There are no fields in it. It never fails: what makes
// no sense is passed over.
func Simple(text string, o Options) query.Filter {
	if len(o.Fields) == 0 {
		o.Fields = []string{query.AnyField}
	}
	s := &simpleton{o: o, s: text[:min(len(text), MaxLength)]}
	f := s.list(0)
	if f == nil {
		return query.None{}
	}
	return f
}

type simpleton struct {
	o     Options
	s     string
	at    int
	parts int
}

// list reads up to a closing parenthesis; nil if there is nothing.
func (p *simpleton) list(depth int) query.Filter {
	var all query.Filter
	op, not := byte(0), false
	for p.at < len(p.s) && p.parts < MaxClauses {
		c := p.s[p.at]
		var one query.Filter
		switch {
		case strings.IndexByte(space, c) >= 0:
			p.at++
			continue
		case c == '+' || c == '|':
			p.at++
			op = c
			continue
		case c == '-':
			p.at++
			not = !not
			continue
		case c == ')':
			p.at++
			if depth > 0 {
				return all
			}
			continue
		case c == '(' && depth < MaxDepth:
			p.at++
			one = p.list(depth + 1)
		case c == '"' && strings.IndexByte(p.s[p.at+1:], '"') >= 0:
			one = p.phrase()
		default:
			one = p.word()
		}
		if one != nil {
			p.parts++
			if not {
				one = query.Not{Filter: one}
			}
			all = p.join(all, one, op)
		}
		op, not = 0, false
	}
	return all
}

func (p *simpleton) join(all, one query.Filter, op byte) query.Filter {
	switch {
	case all == nil:
		return one
	case op == '|' || op == 0 && p.o.Or:
		if or, ok := all.(query.Or); ok {
			return append(or, one)
		}
		return query.Or{all, one}
	}
	if and, ok := all.(query.And); ok {
		return append(and, one)
	}
	return query.And{all, one}
}

func (p *simpleton) phrase() query.Filter {
	end := p.at + 1
	var b strings.Builder
	for ; end < len(p.s) && p.s[end] != '"'; end++ {
		if p.s[end] == '\\' && end+1 < len(p.s) {
			end++
		}
		b.WriteByte(p.s[end])
	}
	p.at = min(end+1, len(p.s))
	slop := 0
	if p.at < len(p.s) && p.s[p.at] == '~' {
		n := p.at + 1
		for n < len(p.s) && p.s[n] >= '0' && p.s[n] <= '9' {
			n++
		}
		slop, _ = strconv.Atoi(p.s[p.at+1 : n]) // none is 0
		p.at = n
	}
	return p.each(b.String(), min(slop, 1000), false)
}

func (p *simpleton) word() query.Filter {
	var b strings.Builder
	prefix := false
	for ; p.at < len(p.s) && strings.IndexByte(space+`()|"`, p.s[p.at]) < 0; p.at++ {
		c := p.s[p.at]
		if c == '~' && b.Len() > 0 { // fuzziness, which there is not
			for p.at+1 < len(p.s) && p.s[p.at+1] >= '0' && p.s[p.at+1] <= '9' {
				p.at++
			}
			continue
		}
		if c == '\\' && p.at+1 < len(p.s) {
			p.at++
			c = p.s[p.at]
		} else if prefix = c == '*'; prefix {
			continue
		}
		b.WriteByte(c)
	}
	if b.Len() == 0 && !prefix {
		p.at = min(p.at+1, len(p.s)) // a sign that stands for nothing here
		return nil
	}
	if b.Len() == 0 {
		return query.All{}
	}
	return p.each(b.String(), 0, prefix)
}

// each looks for a text in the fields.
func (p *simpleton) each(text string, slop int, prefix bool) query.Filter {
	var any query.Or
	for _, name := range p.o.Fields {
		in := Field(name)
		w := query.NewWords(in.Field, text)
		if len(w.Words) == 0 {
			continue
		}
		w.Prefix = prefix
		if w.Phrase {
			w.Slop = slop
		}
		if in.Text {
			any = append(any, w)
		} else {
			any = append(any, value(in, text, prefix))
		}
	}
	switch len(any) {
	case 0:
		return nil
	case 1:
		return any[0]
	}
	return any
}

func value(in Target, text string, prefix bool) query.Filter {
	if prefix {
		if f, err := query.NewPattern(in.Field, query.Prefix, text, false); err == nil {
			return f
		}
		return query.None{}
	}
	p := &parser{s: text}
	f, err := p.plain(in, text, 0, false)
	if err != nil { // a word where times are
		return query.None{}
	}
	return f
}
