package querytext

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/query/datemath"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// value reads what is asked of a field.
func (p *parser) value(in Target) (query.Filter, *SyntaxError) {
	switch p.s[p.at] {
	case '[', '{':
		return p.between(in)
	case '<', '>':
		return p.compare(in)
	case ')':
		return nil, p.unexpected()
	}
	return p.one(in, endsValue)
}

// one reads a single value, in a field or without.
func (p *parser) one(in Target, ends string) (query.Filter, *SyntaxError) {
	start := p.at
	whole, fold := false, false
	if ends != endsBare && !p.ends(p.at+1, space+")") {
		switch p.s[p.at] {
		case '~':
			fold = true
			fallthrough
		case '=':
			whole = true
			p.at++
		}
	}
	switch p.s[p.at] {
	case '"':
		return p.phrase(in, whole, fold)
	case '/':
		if text, any, ok := p.regexp(whole); ok {
			if in.Text && !whole {
				text = ".*(?:" + text + ").*"
			}
			return p.pattern(start, in, query.Regexp, text, fold || any)
		}
	}
	t, err := p.word(ends)
	if err != nil {
		return nil, err
	}
	if t.raw == "" {
		return nil, p.unexpected()
	}
	if t.wild > 0 {
		return p.wildcard(in, t, whole, fold)
	}
	if whole {
		return query.Equal{Field: in.Field, Value: p.exactly(t.plain, fold), Fold: fold}, nil
	}
	return p.plain(in, t.plain, t.start, false)
}

// exactly is an unquoted value behind =, as Format wrote it.
func (p *parser) exactly(text string, fold bool) record.Value {
	if fold {
		return record.StringValue(text)
	}
	if v, ok := scalar(text); ok {
		return v
	}
	if datemath.Looks(text) {
		if s, err := datemath.Parse(text, p.o.Now, p.o.Zone); err == nil {
			return record.TimeValue(s.From)
		}
	}
	return record.StringValue(text)
}

// scalar is a text as a number or a boolean, if that reads as the text does.
func scalar(text string) (record.Value, bool) {
	switch text {
	case "true", "false":
		return record.BoolValue(text == "true"), true
	}
	v, ok := number(text)
	return v, ok && v.Text() == text
}

// number is a text as a number.
func number(text string) (record.Value, bool) {
	if text == "" || strings.Trim(text, "0123456789+-.eE") != "" {
		return record.Value{}, false
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return record.IntValue(n), true
	}
	f, err := strconv.ParseFloat(text, 64)
	return record.FloatValue(f), err == nil
}

// plain is a text as the value of a field.
func (p *parser) plain(in Target, text string, start int, quoted bool) (query.Filter, *SyntaxError) {
	if in.Text {
		return words(in.Field, text), nil
	}
	if IsTime(in.Field) {
		s, err := p.time(text, start)
		if err != nil {
			return nil, err
		}
		return During(in.Field, s), nil
	}
	if !quoted && in.Field != record.Level {
		if v, ok := scalar(text); ok {
			return query.Equal{Field: in.Field, Value: v}, nil
		}
	}
	return query.Equal{Field: in.Field, Value: record.StringValue(Keyword(in.Field, text))}, nil
}

// During takes the lines of a span.
func During(field string, s datemath.Span) query.Filter {
	if s.Moment() {
		return query.Equal{Field: field, Value: record.TimeValue(s.From)}
	}
	return query.Range{Field: field, From: record.TimeValue(s.From), To: record.TimeValue(s.To), ToOpen: true}
}

// words asks for the words of a text; where it has none, such as =>, for the
// text itself.
func words(field, text string) query.Filter {
	w := query.NewWords(field, text)
	switch {
	case len(w.Words) > 0:
		return w
	case text == "" && field == query.AnyField:
		return query.All{}
	case text == "":
		return query.Equal{Field: field, Value: record.StringValue("")}
	}
	f, err := query.NewPattern(field, query.Wildcard, "*"+escape(text)+"*", false)
	if err != nil {
		return query.None{} // longer than patterns are: no word of a thousand signs
	}
	return f
}

// escape writes a text as a wildcard pattern of itself.
func escape(text string) string { return escapes.Replace(text) }

var escapes = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`)

// time reads a time that stands at start.
func (p *parser) time(text string, start int) (datemath.Span, *SyntaxError) {
	if v, ok := number(text); ok && len(text) > 4 {
		f, _ := v.Float()
		if v.Kind == record.Int && v.Num > 1e17 {
			return datemath.Span{From: v.Num, To: v.Num}, nil
		}
		if ns, ok := record.EpochTime(f); ok {
			return datemath.Span{From: ns, To: ns}, nil
		}
	}
	s, err := datemath.Parse(text, p.o.Now, p.o.Zone)
	if err != nil {
		return s, p.fail(start, p.at, "write it like 2026-11-25, 2026-11-25T10:00:00Z or now-15m", "the time cannot be read")
	}
	return s, nil
}

// phrase reads text in quotation marks and what may follow them.
func (p *parser) phrase(in Target, whole, fold bool) (query.Filter, *SyntaxError) {
	start := p.at
	text, err := p.quoted()
	if err != nil {
		return nil, err
	}
	if whole {
		return query.Equal{Field: in.Field, Value: record.StringValue(text), Fold: fold}, nil
	}
	w := query.NewWords(in.Field, text)
	asWords := in.Text
	if p.at < len(p.s) && p.s[p.at] == '*' {
		p.at++
		w.Prefix, asWords = true, true
	}
	if p.at < len(p.s) && p.s[p.at] == '~' {
		at := p.at
		end := p.number(at + 1)
		asWords = true
		if at+1 < len(p.s) && p.s[at+1] == '*' {
			w.Phrase = false
			end = at + 2
		} else {
			n, err := strconv.Atoi(p.s[at+1 : end])
			if err != nil || n > 1000 {
				return nil, p.fail(at, end, `write "a phrase"~2`, "behind ~ stands how many words may be between, at most 1000")
			}
			if len(w.Words) > 1 {
				w.Slop = n
			}
		}
		p.at = end
	}
	p.boost()
	if !asWords {
		return p.plain(in, text, start, true)
	}
	if len(w.Words) == 0 {
		return words(in.Field, text), nil
	}
	return w, nil
}

func (p *parser) pattern(start int, in Target, kind query.PatternKind, text string, fold bool) (query.Filter, *SyntaxError) {
	f, err := query.NewPattern(in.Field, kind, text, fold)
	if err != nil {
		return nil, p.fail(start, p.at, "", "%s", strings.TrimSuffix(err.Error(), "."))
	}
	return f, nil
}

// wildcard is a word with * and ? in it.
func (p *parser) wildcard(in Target, t token, whole, fold bool) (query.Filter, *SyntaxError) {
	if strings.Trim(t.raw, "*") == "" {
		t.raw, t.plain, t.pattern, t.wild = "*", "*", "*", 1
	}
	fold = fold || in.Field == record.Level && !whole // levels have one case
	prefix := t.wild == 1 && t.star
	text := strings.TrimSuffix(t.plain, "*")
	switch {
	case t.raw == "*" && !whole && in.Field == query.AnyField:
		return query.All{}, nil
	case t.raw == "*" && !whole:
		return query.Exists{Field: in.Field}, nil
	case in.Text && !whole:
		f, err := Glob(in.Field, t.pattern)
		if err != nil {
			return nil, p.fail(t.start, t.end, "", "%s", err.Error())
		}
		return f, nil
	case prefix:
		return p.pattern(t.start, in, query.Prefix, text, fold)
	}
	return p.pattern(t.start, in, query.Wildcard, t.pattern, fold)
}

// Glob takes lines in which a word of a text matches a pattern as query.Wildcard
// reads it, in any letter case: te*t is test, timeou? is timeout, *out*.
func Glob(field, pattern string) (query.Filter, error) {
	var plain strings.Builder
	wild, star := 0, false
	for i := 0; i < len(pattern); i++ {
		c := pattern[i]
		star = c == '*'
		if c == '*' || c == '?' {
			wild++
			continue
		}
		if c == '\\' && i+1 < len(pattern) {
			i++
			c = pattern[i]
		}
		plain.WriteByte(c)
	}
	if text := plain.String(); wild == 1 && star {
		if w := query.NewWords(field, text); len(w.Words) > 0 && len(query.WordsOf(text+"a")) == len(w.Words) {
			w.Prefix = true
			return w, nil
		}
	}
	re, err := wordly(pattern)
	if err != nil {
		return nil, err
	}
	return query.NewPattern(field, query.Regexp, re, true)
}

const (
	letter  = `[\p{L}\p{Nd}\p{M}_]`
	between = `[^\p{L}\p{Nd}\p{M}_]`
)

// wordly is a pattern of a word as an expression of the text it stands in.
func wordly(pattern string) (string, error) {
	var b, plain strings.Builder
	flush := func() { b.WriteString(regexp.QuoteMeta(plain.String())); plain.Reset() }
	if isLetter(pattern, 0) {
		b.WriteString("(?:.*" + between + ")?")
	} else {
		b.WriteString(".*")
	}
	last := 0
	for i := 0; i < len(pattern); i++ {
		last = i
		switch c := pattern[i]; {
		case c == '*':
			flush()
			if i > 0 && i+1 < len(pattern) {
				b.WriteString(`\S*`)
			}
		case c == '?':
			flush()
			b.WriteString(letter)
		case c == '\\' && i+1 < len(pattern):
			i++
			plain.WriteByte(pattern[i])
		default:
			plain.WriteByte(c)
		}
	}
	flush()
	if isLetter(pattern, last) || pattern[last] >= 0x80 {
		b.WriteString("(?:" + between + ".*)?")
	} else {
		b.WriteString(".*")
	}
	if b.Len() > 1000 {
		return "", errors.New("the pattern is too long")
	}
	return b.String(), nil
}

// isLetter says whether a word has to begin or end where a pattern does.
func isLetter(pattern string, at int) bool {
	c := pattern[at]
	return c == '?' || c == '_' || alphanumeric(c) || c >= 0xC0
}
