package querytext

import (
	"strings"

	"github.com/vigie-ops/vigie/internal/observe/logs/query/datemath"
)

const space = " \t\n\r\v\f"

// Where words end: in front of a field or bare, and as values.
const (
	endsBare  = space + `():<>"`
	endsValue = space + `()"`
	endsBound = endsValue + "]}"
)

// token is a word without quotation marks.
type token struct {
	start, end int
	raw        string
	plain      string // without backslashes
	name       string // the same, for names of fields: where a backslash may stand before letters
	pattern    string // as query.Wildcard reads it
	wild       int    // unescaped * and ?
	star       bool   // the last of them is a * and ends the word
}

// word reads up to one of the signs in ends.
func (p *parser) word(ends string) (token, *SyntaxError) {
	t := token{start: p.at}
	var plain, name, pattern strings.Builder
	colon := false // one was a part of the word
	literal := func(c byte) {
		plain.WriteByte(c)
		if c == '*' || c == '?' || c == '\\' {
			pattern.WriteByte('\\')
		}
		pattern.WriteByte(c)
	}
	for p.at < len(p.s) {
		c := p.s[p.at]
		if strings.IndexByte(ends, c) >= 0 {
			if !p.inside(t.start, c, colon) {
				break
			}
			colon = true
		}
		if c == '^' && p.at > t.start {
			if n := p.number(p.at + 1); n > p.at+1 && p.ends(n, ends) {
				t.end = p.at
				p.at = n // a boost
				break
			}
		}
		if c == '~' && p.at > t.start {
			if n := p.number(p.at + 1); p.ends(n, ends) {
				return t, p.fail(p.at, n, "put it in quotation marks, or leave ~ out", "words that are only similar cannot be looked for")
			}
		}
		p.at++
		t.star = false
		switch {
		case c == '\\' && p.at < len(p.s):
			c = p.s[p.at]
			p.at++
			if alphanumeric(c) {
				literal('\\')
			}
			literal(c)
			name.WriteByte(c)
		case c == '*' || c == '?':
			t.wild++
			t.star = c == '*'
			plain.WriteByte(c)
			name.WriteByte(c)
			pattern.WriteByte(c)
		default:
			literal(c)
			name.WriteByte(c)
		}
	}
	if t.end == 0 {
		t.end = p.at
	}
	t.raw = p.s[t.start:t.end]
	t.plain, t.name, t.pattern = plain.String(), name.String(), pattern.String()
	return t, nil
}

// inside says whether a sign that ends bare words is a part of one: the colon of
// http://host, of std::string and fe80::1, and of 10:15:02, and the end of an
// arrow.
func (p *parser) inside(start int, c byte, colon bool) bool {
	if p.at == start {
		return false
	}
	before, after := p.s[start:p.at], p.s[p.at+1:]
	switch {
	case c == '>':
		return strings.Trim(before, "-=") == ""
	case c != ':' || after == "":
		return false
	case colon, strings.HasPrefix(after, "//"), after[0] == ':', datemath.Looks(before):
		return true
	}
	return after[0] >= '0' && after[0] <= '9' && strings.Trim(before, "0123456789") == ""
}

// number passes over digits and points.
func (p *parser) number(at int) int {
	for at < len(p.s) && (p.s[at] >= '0' && p.s[at] <= '9' || p.s[at] == '.') {
		at++
	}
	return at
}

func (p *parser) ends(at int, ends string) bool {
	return at >= len(p.s) || strings.IndexByte(ends, p.s[at]) >= 0
}

func alphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// quoted reads what stands between quotation marks.
func (p *parser) quoted() (string, *SyntaxError) {
	start := p.at
	var b strings.Builder
	for p.at++; p.at < len(p.s); p.at++ {
		switch c := p.s[p.at]; {
		case c == '"':
			p.at++
			return b.String(), nil
		case c == '\\' && p.at+1 < len(p.s) && (p.s[p.at+1] == '"' || p.s[p.at+1] == '\\'):
			p.at++
			b.WriteByte(p.s[p.at])
		default:
			b.WriteByte(c)
		}
	}
	return "", p.fail(start, start+1, `write " behind the phrase, or \" for the sign itself`, "a closing quotation mark is missing; it was opened here")
}

// regexp reads /re/ or /re/i; ok is false for a path, which only begins alike:
// behind the second slash more follows.
func (p *parser) regexp(empty bool) (text string, fold, ok bool) {
	var b strings.Builder
	at := p.at + 1
	for ; at < len(p.s) && p.s[at] != '/'; at++ {
		if p.s[at] == '\\' && at+1 < len(p.s) {
			at++
			if p.s[at] != '/' {
				b.WriteByte('\\')
			}
		}
		b.WriteByte(p.s[at])
	}
	if at >= len(p.s) || b.Len() == 0 && !empty {
		return "", false, false
	}
	at++
	if at < len(p.s) && p.s[at] == 'i' {
		fold = true
		at++
	}
	if !p.ends(at, endsBare+"^") {
		return "", false, false
	}
	p.at = at
	p.boost()
	return b.String(), fold, true
}

// boost passes over ^2.
func (p *parser) boost() {
	if p.at < len(p.s) && p.s[p.at] == '^' {
		if n := p.number(p.at + 1); n > p.at+1 {
			p.at = n
		}
	}
}

// skip passes over spaces.
func (p *parser) skip() {
	for p.at < len(p.s) && strings.IndexByte(space, p.s[p.at]) >= 0 {
		p.at++
	}
}

// next passes over spaces and returns the sign behind them, 0 at the end.
func (p *parser) next() byte {
	p.skip()
	if p.at < len(p.s) {
		return p.s[p.at]
	}
	return 0
}

// keyword passes over an operator if it stands here, as a word or as a sign.
func (p *parser) keyword(word, sign string) bool {
	p.skip()
	if sign != "" && strings.HasPrefix(p.s[p.at:], sign) {
		p.at += len(sign)
		return true
	}
	end := p.at + len(word)
	if end > len(p.s) || !strings.EqualFold(p.s[p.at:end], word) {
		return false
	}
	if end < len(p.s) && strings.IndexByte(space+`()"`, p.s[end]) < 0 {
		return false // a longer word, or a field of this name
	}
	p.at = end
	return true
}

// atKeyword says whether an operator stands here.
func (p *parser) atKeyword(word, sign string) bool {
	at := p.at
	ok := p.keyword(word, sign)
	p.at = at
	return ok
}
