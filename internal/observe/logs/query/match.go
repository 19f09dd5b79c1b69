package query

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// Match says whether a filter takes a line.
func Match(f Filter, r *record.Record) bool {
	switch f := f.(type) {
	case All:
		return true
	case None:
		return false
	case And:
		for _, sub := range f {
			if !Match(sub, r) {
				return false
			}
		}
		return true
	case Or:
		for _, sub := range f {
			if Match(sub, r) {
				return true
			}
		}
		return false
	case AtLeast:
		n := 0
		for _, sub := range f.Of {
			if Match(sub, r) {
				n++
			}
		}
		return n >= f.N
	case Not:
		return !Match(f.Filter, r)
	}
	field, one := leaf(f)
	if field == "" {
		return false
	}
	for v := range valuesOf(r, field) {
		if one(v) {
			return true
		}
	}
	return false
}

// valuesOf yields the values of a field, of AnyField those of text.
func valuesOf(r *record.Record, field string) func(func(record.Value) bool) {
	if field != AnyField {
		return r.All(field)
	}
	return func(yield func(record.Value) bool) {
		if r.Message != "" && !yield(record.StringValue(r.Message)) {
			return
		}
		for _, f := range r.Fields {
			if textual(f.Value) && !yield(f.Value) {
				return
			}
		}
	}
}

// textual says whether AnyField stands for a value.
func textual(v record.Value) bool { return v.Kind == record.String || v.Kind == record.JSON }

// leaf returns the field that a filter asks about and what it asks of one
// value; an empty field for filters that are made of others.
func leaf(f Filter) (field string, one func(record.Value) bool) {
	switch f := f.(type) {
	case Words:
		return f.Field, func(v record.Value) bool { return f.in(v.Text()) }
	case Equal:
		return f.Field, f.is
	case OneOf:
		return f.Field, f.has
	case Pattern:
		return f.Field, func(v record.Value) bool {
			return v.Kind != record.None && f.Regexp != nil && f.Regexp.MatchString(v.Text())
		}
	case Range:
		return f.Field, f.has
	case Exists:
		return f.Field, func(v record.Value) bool { return v.Kind != record.None }
	}
	return "", nil
}

// in says whether a text has the words.
func (f Words) in(text string) bool {
	return f.among(WordsOf(text))
}

// among says whether the words of a text have those of the filter.
func (f Words) among(words []string) bool {
	if len(f.Words) == 0 {
		return false
	}
	last := len(f.Words) - 1
	same := func(want int, word string) bool {
		return word == f.Words[want] || f.Prefix && want == last && strings.HasPrefix(word, f.Words[want])
	}
	if f.Phrase {
		for i := range words {
			if phraseAt(words[i:], f, same, f.Slop) {
				return true
			}
		}
		return false
	}
	for want := range f.Words {
		found := false
		for _, w := range words {
			found = found || same(want, w)
		}
		if !found {
			return false
		}
	}
	return true
}

// phraseAt says whether the words of a phrase follow each other from the first
// of words on, with at most slop others between.
func phraseAt(words []string, f Words, same func(int, string) bool, slop int) bool {
	if !same(0, words[0]) {
		return false
	}
	return rest(words[1:], 1, len(f.Words), same, slop)
}

func rest(words []string, want, n int, same func(int, string) bool, slop int) bool {
	if want == n {
		return true
	}
	for i, w := range words {
		if i > slop {
			return false
		}
		if same(want, w) && rest(words[i+1:], want+1, n, same, slop-i) {
			return true
		}
	}
	return false
}

// is says whether two values are the same: numbers by size, times as times,
// all else by their text.
func (f Equal) is(v record.Value) bool {
	if v.Kind == record.None || f.Value.Kind == record.None {
		return false
	}
	if v.Kind == record.Moment || f.Value.Kind == record.Moment {
		a, ok := momentOf(v)
		b, also := momentOf(f.Value)
		return ok && also && a == b
	}
	if f.Fold {
		return strings.EqualFold(v.Text(), f.Value.Text())
	}
	return v.Text() == f.Value.Text()
}

func (f OneOf) has(v record.Value) bool {
	for _, one := range f.Values {
		if (Equal{Value: one}).is(v) {
			return true
		}
	}
	return false
}

// momentOf is a value as a time in nanoseconds, if it is one or reads as one.
func momentOf(v record.Value) (int64, bool) {
	switch v.Kind {
	case record.Moment:
		return v.Num, true
	case record.String:
		if len(v.Str) < len("2006-01-02T15:04:05Z") || v.Str[4] != '-' {
			return 0, false
		}
		t, err := time.Parse(time.RFC3339Nano, v.Str)
		if err != nil || t.Year() < 1678 || t.Year() > 2261 {
			return 0, false // what nanoseconds cannot hold
		}
		return t.UnixNano(), true
	}
	return 0, false
}

// number is a value as a number, if it is one or reads as one.
func number(v record.Value) (float64, bool) {
	switch v.Kind {
	case record.Int, record.Float:
		return v.Float()
	case record.String:
		if v.Str == "" || v.Str[0] > '9' {
			return 0, false // no letters: Inf and NaN are words
		}
		f, err := strconv.ParseFloat(v.Str, 64)
		return f, err == nil
	}
	return 0, false
}

// compareBound compares a value with the bound of a range; ok is false where
// they do not compare.
func compareBound(v, bound record.Value) (c int, ok bool) {
	switch bound.Kind {
	case record.Moment:
		at, ok := momentOf(v)
		return cmp.Compare(at, bound.Num), ok
	case record.Int, record.Float:
		if v.Kind == record.Int && bound.Kind == record.Int {
			return cmp.Compare(v.Num, bound.Num), true
		}
		a, ok := number(v)
		b, _ := bound.Float()
		return cmp.Compare(a, b), ok
	case record.Bool:
		return cmp.Compare(v.Num, bound.Num), v.Kind == record.Bool
	case record.String, record.JSON:
		switch v.Kind {
		case record.String, record.JSON:
			return strings.Compare(v.Str, bound.Str), true
		case record.Moment:
			at, ok := momentOf(bound)
			return cmp.Compare(v.Num, at), ok
		case record.Int, record.Float:
			b, ok := number(bound)
			a, _ := v.Float()
			return cmp.Compare(a, b), ok
		}
	}
	return 0, false
}

func (f Range) has(v record.Value) bool {
	if v.Kind == record.None {
		return false
	}
	if f.From.Kind != record.None {
		if c, ok := compareBound(v, f.From); !ok || c < 0 || c == 0 && f.FromOpen {
			return false
		}
	}
	if f.To.Kind != record.None {
		if c, ok := compareBound(v, f.To); !ok || c > 0 || c == 0 && f.ToOpen {
			return false
		}
	}
	return true
}

// maxPattern bounds the text of a pattern.
const maxPattern = 1000

// ErrPattern is a pattern that cannot be read.
var ErrPattern = errors.New("the pattern cannot be read")

// NewPattern reads a pattern.
func NewPattern(field string, kind PatternKind, text string, fold bool) (Pattern, error) {
	p := Pattern{Field: field, Kind: kind, Text: text, Fold: fold}
	if len(text) > maxPattern {
		return p, fmt.Errorf("%w: it has %d bytes, at most %d", ErrPattern, len(text), maxPattern)
	}
	var body string
	switch kind {
	case Prefix:
		body = regexp.QuoteMeta(text) + ".*"
	case Wildcard:
		body = wildcard(text)
	case Regexp:
		body = text
	default:
		return p, fmt.Errorf("%w: there is no kind %q", ErrPattern, kind)
	}
	flags := "(?s)"
	if fold {
		flags = "(?si)"
	}
	// A group of its own keeps alternatives inside the anchors.
	re, err := regexp.Compile(flags + "^(?:" + body + ")$")
	if err != nil {
		return p, fmt.Errorf("%w: %s", ErrPattern, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	p.Regexp = re
	return p, nil
}

func wildcard(text string) string {
	var b, plain strings.Builder
	flush := func() { b.WriteString(regexp.QuoteMeta(plain.String())); plain.Reset() }
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '*':
			flush()
			b.WriteString(".*")
		case c == '?':
			flush()
			b.WriteString(".")
		case c == '\\' && i+1 < len(text):
			i++
			plain.WriteByte(text[i])
		default:
			plain.WriteByte(c)
		}
	}
	flush()
	return b.String()
}

// What a filter may be made of.
const (
	MaxDepth   = 100
	MaxClauses = 10_000
)

// ErrFilter is a filter that is not answered.
var ErrFilter = errors.New("the query is too large")

// Check says whether a filter can be answered within the limits.
func Check(f Filter) error {
	left := MaxClauses
	return check(f, MaxDepth, &left)
}

func check(f Filter, depth int, left *int) error {
	if depth == 0 {
		return fmt.Errorf("%w: it is nested deeper than %d", ErrFilter, MaxDepth)
	}
	if *left--; *left < 0 {
		return fmt.Errorf("%w: it has more than %d clauses", ErrFilter, MaxClauses)
	}
	var subs []Filter
	switch f := f.(type) {
	case And:
		subs = f
	case Or:
		subs = f
	case AtLeast:
		subs = f.Of
	case Not:
		subs = []Filter{f.Filter}
	case OneOf:
		if *left -= len(f.Values) / 10; *left < 0 {
			return fmt.Errorf("%w: %s is one of %d values", ErrFilter, f.Field, len(f.Values))
		}
	case Pattern:
		if f.Regexp == nil {
			return fmt.Errorf("%w: the pattern of %s was not read", ErrPattern, f.Field)
		}
	case nil:
		return fmt.Errorf("%w: a part of it is missing", ErrFilter)
	}
	for _, sub := range subs {
		if err := check(sub, depth-1, left); err != nil {
			return err
		}
	}
	return nil
}
