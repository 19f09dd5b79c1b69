package querytext

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/vigie-ops/vigie/internal/observe/logs/query"
)

// parser reads by recursive descent, one method for each rule.
type parser struct {
	o       Options
	s       string
	at      int
	depth   int
	clauses int
}

func (p *parser) fail(at, end int, hint, format string, args ...any) *SyntaxError {
	return &SyntaxError{at, end, fmt.Sprintf(format, args...), hint}
}

// sign is the character that stands here.
func (p *parser) sign() (at, end int, text string) {
	_, n := utf8.DecodeRuneInString(p.s[p.at:])
	return p.at, p.at + n, p.s[p.at : p.at+n]
}

const quoteIt = `put the text in quotation marks if you look for it`

// unexpected says that what stands here cannot.
func (p *parser) unexpected() *SyntaxError {
	if p.next() == 0 {
		return p.fail(len(p.s), len(p.s), "", "something is missing at the end")
	}
	at, end, text := p.sign()
	switch text {
	case ")":
		return p.fail(at, end, "", "there is no opening parenthesis for this one")
	case "]", "}":
		return p.fail(at, end, quoteIt, "there is no opening bracket for this one")
	case "[", "{":
		return p.fail(at, end, "write field:[1 TO 5] for a range, or put the text in quotation marks", "a bracket cannot stand here")
	case "<", ">", ":":
		return p.fail(at, end, quoteIt, "in front of %s the name of a field is missing", text)
	}
	return p.fail(at, end, quoteIt, "%s cannot stand here", text)
}

func (p *parser) deeper(by int) *SyntaxError {
	if p.depth += by; p.depth > MaxDepth {
		at, end, _ := p.sign()
		return p.fail(at, end, "", "the query is nested deeper than %d", MaxDepth)
	}
	return nil
}

func (p *parser) count() *SyntaxError {
	if p.clauses++; p.clauses > MaxClauses {
		return p.fail(p.at, len(p.s), "", "the query has more than %d parts", MaxClauses)
	}
	return nil
}

// or reads parts with or between them; in are the parentheses of a field, or nil.
func (p *parser) or(in *Target) (query.Filter, *SyntaxError) {
	var all query.Or
	for {
		f, err := p.and(in)
		if err != nil {
			return nil, err
		}
		all = append(all, f)
		if !p.keyword("or", "||") {
			return either(all, in), nil
		}
	}
}

// either joins alternatives.
func either(all query.Or, in *Target) query.Filter {
	if len(all) == 1 {
		return all[0]
	}
	if in == nil {
		return all
	}
	one := query.OneOf{Field: in.Field}
	for _, f := range all {
		e, ok := f.(query.Equal)
		if !ok || e.Fold || e.Field != in.Field {
			return all
		}
		one.Values = append(one.Values, e.Value)
	}
	return one
}

// part is one of several side by side.
type part struct {
	f     query.Filter
	must  bool // + before it
	joins bool // and before it
}

func (p *parser) and(in *Target) (query.Filter, *SyntaxError) {
	var all []part
	joins := false
	for {
		one := part{joins: joins}
		if c := p.next(); c == '+' {
			one.must = true
		}
		var err *SyntaxError
		if one.f, err = p.unary(in); err != nil {
			return nil, err
		}
		all = append(all, one)
		switch c := p.next(); {
		case c == 0 || c == ')' || p.atKeyword("or", "||"):
			return p.side(all, in), nil
		case p.keyword("and", "&&"):
			joins = true
		default:
			joins = false
		}
	}
}

// side joins what stands side by side.
func (p *parser) side(all []part, in *Target) query.Filter {
	alternatives := p.o.Or || in != nil && !in.Text && !slices.ContainsFunc(all, func(a part) bool { return a.joins })
	if !alternatives || len(all) == 1 {
		both := make(query.And, len(all))
		for i, a := range all {
			both[i] = a.f
		}
		if len(both) == 1 {
			return both[0]
		}
		return both
	}
	var must, never, should query.And
	for i := 0; i < len(all); {
		n := i + 1
		for n < len(all) && all[n].joins {
			n++
		}
		if n > i+1 { // a and b: one part
			var both query.And
			for _, a := range all[i:n] {
				both = append(both, a.f)
			}
			should = append(should, both)
		} else if _, not := all[i].f.(query.Not); not {
			never = append(never, all[i].f)
		} else if all[i].must {
			must = append(must, all[i].f)
		} else {
			should = append(should, all[i].f)
		}
		i = n
	}
	if len(must) == 0 && len(should) > 0 {
		must = append(must, either(query.Or(should), in))
	}
	must = append(must, never...)
	if len(must) == 1 {
		return must[0]
	}
	return must
}

func (p *parser) unary(in *Target) (query.Filter, *SyntaxError) {
	c := p.next()
	switch {
	case c == 0:
		return nil, p.unexpected()
	case p.atKeyword("and", "&&") || p.atKeyword("or", "||"):
		at := p.at
		_ = p.keyword("and", "&&") || p.keyword("or", "||")
		return nil, p.fail(at, p.at, `write what it joins, or put it in quotation marks`, "in front of %s something is missing", p.s[at:p.at])
	}
	not := p.keyword("not", "!")
	if !not && (c == '-' || c == '+') && p.prefix(in) {
		p.at++
		not = c == '-'
		if !not {
			return p.unary(in)
		}
	}
	if !not {
		return p.primary(in)
	}
	if err := p.deeper(1); err != nil {
		return nil, err
	}
	f, err := p.unary(in)
	p.depth--
	if err != nil {
		return nil, err
	}
	if _, all := f.(query.All); all {
		return query.None{}, nil
	}
	return query.Not{Filter: f}, nil
}

// prefix says whether - or + stands before something it can be about: not alone,
// not in --flag, and among values not before a number.
func (p *parser) prefix(in *Target) bool {
	if p.at+1 >= len(p.s) {
		return false
	}
	c := p.s[p.at+1]
	if in != nil && c >= '0' && c <= '9' {
		return false
	}
	return strings.IndexByte(space+"-+)", c) < 0
}

func (p *parser) primary(in *Target) (query.Filter, *SyntaxError) {
	if p.s[p.at] != '(' {
		if err := p.count(); err != nil {
			return nil, err
		}
		if in != nil {
			return p.value(*in)
		}
		return p.clause()
	}
	open := p.at
	p.at++
	if err := p.deeper(1); err != nil {
		return nil, err
	}
	if p.next() == ')' {
		return nil, p.fail(open, p.at+1, "", "there is nothing between the parentheses")
	}
	if p.next() == 0 {
		return nil, p.fail(open, open+1, "write ) behind it", "a closing parenthesis is missing; it was opened here")
	}
	f, err := p.or(in)
	if err != nil {
		return nil, err
	}
	p.depth--
	switch p.next() {
	case ')':
		p.at++
	case 0:
		return nil, p.fail(open, open+1, "write ) behind it", "a closing parenthesis is missing; it was opened here")
	default:
		return nil, p.unexpected()
	}
	p.boost()
	return p.atLeast(f)
}

// atLeast reads @2 behind parentheses.
func (p *parser) atLeast(f query.Filter) (query.Filter, *SyntaxError) {
	if p.at >= len(p.s) || p.s[p.at] != '@' {
		return f, nil
	}
	end := p.number(p.at + 1)
	n, err := strconv.Atoi(p.s[p.at+1 : end])
	if err != nil || n < 1 {
		return nil, p.fail(p.at, end, "write (a or b or c)@2", "behind @ stands how many must be there")
	}
	p.at = end
	least := query.AtLeast{N: n}
	switch f := f.(type) {
	case query.Or:
		least.Of = f
	case query.OneOf:
		for _, v := range f.Values {
			least.Of = append(least.Of, query.Equal{Field: f.Field, Value: v})
		}
	default:
		least.Of = []query.Filter{f}
	}
	switch {
	case n > len(least.Of):
		return query.None{}, nil
	case len(least.Of) == 1:
		return f, nil
	}
	return least, nil
}

// clause reads a word, a phrase, or a field and what is asked of it.
func (p *parser) clause() (query.Filter, *SyntaxError) {
	switch p.s[p.at] {
	case '"', '/':
		return p.bare()
	case ')', '[', '{', ']', '}', '<', '>', ':':
		return nil, p.unexpected()
	}
	start := p.at
	t, err := p.word(endsBare)
	if err != nil {
		return nil, err
	}
	switch p.next() {
	case ':':
		p.at++
	case '<', '>':
	default:
		p.at = start
		return p.bare()
	}
	in, err := p.field(t)
	if err != nil {
		return nil, err
	}
	if t.raw == "_exists_" && p.s[p.at-1] == ':' {
		return p.exists()
	}
	if behind := p.at; p.next() == 0 {
		return nil, p.fail(t.start, behind, "write a value, or * for any", "behind %s a value is missing", t.raw)
	}
	if p.s[p.at] != '(' {
		return p.value(in)
	}
	return p.primary(&in)
}

// field resolves a word in front of a colon.
func (p *parser) field(t token) (Target, *SyntaxError) {
	if t.raw == query.AnyField {
		return Target{query.AnyField, true}, nil
	}
	if t.wild > 0 {
		return Target{}, p.fail(t.start, t.end, "write * alone for any field of text", "the name of a field has no wildcards here")
	}
	if strings.ContainsRune(t.raw, '\\') {
		return Target{t.name, isText(t.name)}, nil // as it is: no alias
	}
	return Field(t.name), nil
}

func (p *parser) exists() (query.Filter, *SyntaxError) {
	if p.next() == '"' {
		name, err := p.quoted()
		return query.Exists{Field: Field(name).Field}, err
	}
	t, err := p.word(endsValue)
	if err != nil {
		return nil, err
	}
	if t.raw == "" {
		return nil, p.fail(t.start, t.end, "write _exists_:field", "the name of a field is missing")
	}
	in, err := p.field(t)
	return query.Exists{Field: in.Field}, err
}

// bare reads a word, phrase or pattern without a field.
func (p *parser) bare() (query.Filter, *SyntaxError) {
	start := p.at
	var any query.Or
	for _, name := range p.o.Fields {
		p.at = start
		f, err := p.one(Field(name), endsBare)
		if err != nil {
			return nil, err
		}
		if p.s[start] == '"' && p.next() == ':' {
			return nil, p.fail(start, p.at, `write \ before what is special in it`, "the name of a field has no quotation marks")
		}
		any = append(any, f)
	}
	if len(any) == 1 {
		return any[0], nil
	}
	return any, nil
}
