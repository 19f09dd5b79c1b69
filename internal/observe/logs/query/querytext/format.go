package querytext

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/query/datemath"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// Format writes a filter as a text that Parse reads back: as the same filter if
// it came from Parse, and otherwise as one that takes the same lines. It is as
// people would write it where there are several ways.
func Format(f query.Filter) string {
	var w writer
	w.filter(f, 0)
	return w.String()
}

const (
	nothing    = "not *:*"
	everything = "*:*"
)

// How tightly what is around a filter binds.
const (
	inOr = iota + 1
	inAnd
	inNot
)

type writer struct{ strings.Builder }

func (w *writer) filter(f query.Filter, around int) {
	switch f := f.(type) {
	case nil, query.All:
		w.WriteString(everything)
	case query.None:
		w.WriteString(nothing)
	case query.And:
		w.list(f, " and ", everything, inAnd, around)
	case query.Or:
		w.list(f, " or ", nothing, inOr, around)
	case query.AtLeast:
		w.atLeast(f, around)
	case query.Not:
		w.WriteString("not ")
		w.filter(f.Filter, inNot)
	case query.Words:
		w.words(f)
	case query.Equal:
		w.equal(f)
	case query.OneOf:
		w.oneOf(f)
	case query.Pattern:
		w.pattern(f)
	case query.Range:
		w.between(f)
	case query.Exists:
		w.exists(f.Field)
	}
}

func (w *writer) list(all []query.Filter, between, none string, binds, around int) {
	switch len(all) {
	case 0:
		w.WriteString(none)
		return
	case 1:
		w.filter(all[0], around)
		return
	}
	if around >= binds {
		w.WriteByte('(')
		defer w.WriteByte(')')
	}
	for i, f := range all {
		if i > 0 {
			w.WriteString(between)
		}
		w.filter(f, binds)
	}
}

func (w *writer) atLeast(f query.AtLeast, around int) {
	switch {
	case f.N <= 0:
		w.WriteString(everything)
	case f.N > len(f.Of):
		w.WriteString(nothing)
	case len(f.Of) == 1:
		w.filter(f.Of[0], around)
	default:
		w.WriteByte('(')
		w.list(f.Of, " or ", nothing, inOr, 0)
		w.WriteString(")@" + strconv.Itoa(f.N))
	}
}

// name writes the name of a field and a colon. AnyField is *.
func (w *writer) name(field string) {
	w.bareName(field)
	w.WriteByte(':')
}

func (w *writer) bareName(field string) {
	if field == query.AnyField {
		w.WriteByte('*')
		return
	}
	for i := range len(field) {
		c := field[i]
		plain := alphanumeric(c) || c == '_' || c == '.' || c == '@' || c >= 0x80 || c == '-' && i > 0
		if !plain || i == 0 && special(field) {
			w.WriteByte('\\')
		}
		w.WriteByte(c)
	}
}

// special says whether a name would be read as something else.
func special(field string) bool {
	t := Field(field)
	return t.Field != field || field == "_exists_" || keyword(field) || strings.Trim(field, "0123456789") == "" || datemath.Looks(field)
}

func keyword(s string) bool {
	return strings.EqualFold(s, "and") || strings.EqualFold(s, "or") || strings.EqualFold(s, "not") || strings.EqualFold(s, "to")
}

// simple says whether a text can stand without quotation marks.
func simple(s string) bool {
	if s == "" || keyword(s) {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !alphanumeric(c) && c != '_' && (i == 0 || c != '.' && c != '-') {
			return false
		}
	}
	return true
}

func quote(s string) string { return `"` + quotes.Replace(s) + `"` }

var quotes = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

func (w *writer) exists(field string) {
	switch field {
	case "":
		w.WriteString(nothing)
	case query.AnyField:
		w.WriteString("_exists_:*")
	default:
		w.name(field)
		w.WriteByte('*')
	}
}

func (w *writer) words(f query.Words) {
	if f.Field == "" || len(f.Words) == 0 || !slices.Equal(query.WordsOf(strings.Join(f.Words, " ")), f.Words) || f.Slop < 0 && f.Phrase && len(f.Words) > 1 {
		w.WriteString(nothing) // no text has such words
		return
	}
	text := strings.Join(f.Words, " ")
	one := len(f.Words) == 1
	asText := isText(f.Field)
	if f.Field != query.AnyField {
		w.name(f.Field)
	}
	if one && asText && simple(text) {
		w.WriteString(text)
		if f.Prefix {
			w.WriteByte('*')
		}
		return
	}
	w.WriteString(quote(text))
	if f.Prefix {
		w.WriteByte('*')
	}
	switch {
	case !one && !f.Phrase:
		w.WriteString("~*")
	case !one && f.Slop > 0 || !asText && !f.Prefix:
		w.WriteString("~" + strconv.Itoa(min(f.Slop, 1000)*boolInt(!one)))
	}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (w *writer) equal(f query.Equal) {
	if f.Field == "" || f.Value.Kind == record.None {
		w.WriteString(nothing)
		return
	}
	w.name(f.Field)
	if f.Fold && f.Value.Kind != record.Moment {
		w.WriteString("~" + quote(f.Value.Text()))
		return
	}
	w.WriteString(valueText(f.Field, f.Value))
}

// valueText is a value as it stands behind the name of its field.
func valueText(field string, v record.Value) string {
	text := literal(v)
	plain := !isText(field) && !IsTime(field) && v.Kind != record.Moment
	if v.Kind == record.String || v.Kind == record.JSON {
		plain = plain && Keyword(field, v.Str) == v.Str
		_, isScalar := scalar(v.Str)
		if plain && simple(v.Str) && (!isScalar || field == record.Level) {
			return v.Str
		}
	}
	if field == record.Level && v.Kind != record.String {
		plain = false
	}
	if plain {
		return text
	}
	return "=" + text
}

// literal is a value so that it is read as one of its kind.
func literal(v record.Value) string {
	switch v.Kind {
	case record.Moment:
		return time.Unix(0, v.Num).UTC().Format("2006-01-02T15:04:05.000") + nanos(v.Num) + "Z"
	case record.Int, record.Float, record.Bool:
		return v.Text()
	}
	return quote(v.Text())
}

// nanos is what is below a millisecond.
func nanos(ns int64) string {
	below := ((ns % 1e6) + 1e6) % 1e6
	if below == 0 {
		return ""
	}
	s := strconv.FormatInt(1e6+below, 10)
	return strings.TrimRight(s[1:], "0")
}

func (w *writer) oneOf(f query.OneOf) {
	var all []string
	for _, v := range f.Values {
		if v.Kind != record.None {
			all = append(all, valueText(f.Field, v))
		}
	}
	if f.Field == "" || len(all) == 0 {
		w.WriteString(nothing)
		return
	}
	w.name(f.Field)
	if len(all) == 1 {
		w.WriteString(all[0])
		return
	}
	w.WriteString("(" + strings.Join(all, " or ") + ")")
}

func (w *writer) pattern(f query.Pattern) {
	if f.Field == "" || f.Regexp == nil {
		w.WriteString(nothing)
		return
	}
	w.name(f.Field)
	switch {
	case f.Fold:
		w.WriteByte('~')
	case isText(f.Field) || IsTime(f.Field) || f.Text == "" || f.Text == "*":
		w.WriteByte('=')
	}
	switch f.Kind {
	case query.Prefix:
		w.glob(escape(f.Text) + "*")
	case query.Wildcard:
		if strings.Trim(f.Text, "*") == "" && f.Text != "" {
			w.WriteByte('*')
			return
		}
		if !strings.ContainsAny(f.Text, "*?") || f.Text == "" {
			w.WriteString("/" + regexpText(strings.TrimSuffix(strings.TrimPrefix(f.Regexp.String(), anchor(f.Fold)), ")$")) + "/")
			return
		}
		w.glob(f.Text)
	default:
		w.WriteString("/" + regexpText(f.Text) + "/")
	}
}

func anchor(fold bool) string {
	if fold {
		return "(?si)^(?:"
	}
	return "(?s)^(?:"
}

// glob writes a wildcard pattern.
func (w *writer) glob(pattern string) {
	for i := 0; i < len(pattern); i++ {
		c := pattern[i]
		if c == '*' || c == '?' {
			w.WriteByte(c)
			continue
		}
		if c == '\\' && i+1 < len(pattern) {
			i++
			c = pattern[i]
		}
		if !alphanumeric(c) && c < 0x80 {
			w.WriteByte('\\')
		}
		w.WriteByte(c)
	}
}

// regexpText writes an expression between slashes.
func regexpText(re string) string {
	var b strings.Builder
	for i := 0; i < len(re); i++ {
		if re[i] == '\\' && i+1 < len(re) {
			b.WriteByte('\\')
			i++
		} else if re[i] == '/' {
			b.WriteByte('\\')
		}
		b.WriteByte(re[i])
	}
	return b.String()
}

func (w *writer) between(f query.Range) {
	none := func(v record.Value) bool { return v.Kind == record.None }
	nan := func(v record.Value) bool {
		n, ok := v.Float()
		return ok && math.IsNaN(n)
	}
	switch {
	case f.Field == "" || nan(f.From) || nan(f.To):
		w.WriteString(nothing)
	case none(f.From) && none(f.To):
		w.exists(f.Field)
	case none(f.To):
		w.compare(f.Field, ">", f.FromOpen, f.From)
	case none(f.From):
		w.compare(f.Field, "<", f.ToOpen, f.To)
	default:
		w.name(f.Field)
		w.WriteByte("[{"[boolInt(f.FromOpen)])
		w.WriteString(bound(f.Field, f.From) + " TO " + bound(f.Field, f.To))
		w.WriteByte("]}"[boolInt(f.ToOpen)])
	}
}

func (w *writer) compare(field, sign string, open bool, v record.Value) {
	w.bareName(field)
	w.WriteString(" " + sign)
	if !open {
		w.WriteByte('=')
	}
	w.WriteString(" " + bound(field, v))
}

func bound(field string, v record.Value) string {
	text := literal(v)
	if v.Kind == record.Moment {
		return text
	}
	asText := v.Kind == record.String || v.Kind == record.JSON
	_, isNumber := number(v.Text())
	if IsTime(field) || asText && (isNumber || datemath.Looks(v.Text())) {
		return "=" + text
	}
	return text
}
