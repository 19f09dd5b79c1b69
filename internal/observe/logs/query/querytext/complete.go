package querytext

import (
	"strings"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// Wanted is what can be written at a place.
type Wanted string

// What can be written.
const (
	WantsField    Wanted = "field" // or a word to look for
	WantsValue    Wanted = "value"
	WantsOperator Wanted = "operator"
	WantsNothing  Wanted = "" // within a phrase without a field, a pattern or a number
)

// Completion says what is being written at the cursor. Who asked knows the
// names of fields and their values that begin with Prefix, and hands the chosen
// one to Insert.
type Completion struct {
	Wants     Wanted
	Field     string   // of a value
	Prefix    string   // what of it is there, in front of the cursor
	From, To  int      // bytes of the text that it takes the place of
	Operators []string // those that begin with Prefix and may stand here
	quoted    bool
}

// state is what the text in front of a word leads to.
type state struct {
	expects Wanted
	field   string // whose value it is
	behind  bool   // behind a field: a comparison comes
	single  bool   // a comparison: one value, no list
}

// Complete looks at what is written at the cursor, an offset in bytes.
func Complete(text string, cursor int) Completion {
	text = text[:min(len(text), MaxLength)]
	cursor = max(0, min(cursor, len(text)))
	now := state{expects: WantsField}
	var groups []state // one for each open parenthesis
	lists := 0         // parentheses of fields
	for at := 0; at <= len(text); {
		if at >= cursor || at == len(text) {
			return now.at(text, cursor, cursor, cursor, "")
		}
		c := text[at]
		switch {
		case strings.IndexByte(space, c) >= 0:
			at++
		case c == '(':
			at++
			groups = append(groups, now)
			if now.expects != WantsValue {
				now = state{expects: WantsField}
			} else {
				lists++
			}
		case c == ')':
			at++
			if n := len(groups); n > 0 {
				if groups[n-1].expects == WantsValue {
					lists--
				}
				groups = groups[:n-1]
			}
			now = state{expects: WantsOperator}
			if lists > 0 && len(groups) > 0 {
				now.field = groups[len(groups)-1].field
			}
		case c == ':' || c == '<' || c == '>':
			at++
			if at < len(text) && c != ':' && text[at] == '=' {
				at++
			}
			if now.behind {
				now = state{expects: WantsValue, field: now.field, single: c != ':'}
			}
		case c == '"':
			end, closed := quotedEnd(text, at)
			if cursor < end || cursor == end && !closed {
				return now.phrase(text, at, end, cursor)
			}
			at = end
			now = now.after(lists > 0)
		default:
			end := wordEnd(text, at, now.expects)
			word := text[at:end]
			if cursor <= end {
				return now.at(text, at, end, cursor, text[at:cursor])
			}
			at = end
			now = now.next(word, lists > 0, text[end:])
		}
	}
	return Completion{From: cursor, To: cursor}
}

// after is what comes behind a value or a word.
func (s state) after(list bool) state {
	out := state{expects: WantsOperator}
	if list {
		out.field = s.field
	}
	return out
}

// next is what comes behind a word.
func (s state) next(word string, list bool, rest string) state {
	if operator(word) {
		if list && s.field != "" {
			return state{expects: WantsValue, field: s.field}
		}
		return state{expects: WantsField}
	}
	if s.expects == WantsValue || list && s.field != "" {
		return s.after(list)
	}
	rest = strings.TrimLeft(rest, space)
	if rest != "" && strings.IndexByte(":<>", rest[0]) >= 0 {
		return state{field: Field(unescape(word)).Field, behind: true}
	}
	return state{expects: WantsOperator, field: Field(unescape(word)).Field, behind: true}
}

func operator(word string) bool {
	return strings.EqualFold(word, "and") || strings.EqualFold(word, "or") || strings.EqualFold(word, "not") || word == "&&" || word == "||" || word == "!"
}

func unescape(word string) string { return strings.ReplaceAll(word, `\`, "") }

// at is the completion of a word without quotation marks.
func (s state) at(text string, from, to, cursor int, prefix string) Completion {
	c := Completion{Wants: s.expects, Prefix: unescape(prefix), From: from, To: to}
	switch s.expects {
	case WantsValue:
		c.Field = s.field
		if from < len(text) && strings.IndexByte("=~/[{", text[from]) >= 0 {
			return Completion{From: cursor, To: cursor}
		}
	case WantsField, WantsOperator:
		if strings.HasPrefix(prefix, "-") || strings.HasPrefix(prefix, "+") || strings.HasPrefix(prefix, "!") {
			c.From++
			c.Prefix = c.Prefix[1:]
		}
		if prefix != "" {
			c.Wants = WantsField
		}
		all := []string{"not"}
		if s.expects == WantsOperator {
			all = []string{"and", "or", "not"}
			if s.behind {
				all = append(all, ":", ">", ">=", "<", "<=")
			}
		}
		for _, o := range all {
			if strings.HasPrefix(o, strings.ToLower(c.Prefix)) {
				c.Operators = append(c.Operators, o)
			}
		}
	}
	return c
}

// phrase is the completion within quotation marks.
func (s state) phrase(text string, from, to, cursor int) Completion {
	if s.expects != WantsValue {
		return Completion{From: cursor, To: cursor}
	}
	written := strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(text[from+1 : max(cursor, from+1)])
	return Completion{Wants: WantsValue, Field: s.field, Prefix: written, From: from, To: to, quoted: true}
}

func quotedEnd(text string, at int) (end int, closed bool) {
	for at++; at < len(text); at++ {
		switch text[at] {
		case '\\':
			at++
		case '"':
			return at + 1, true
		}
	}
	return len(text), false
}

func wordEnd(text string, at int, expects Wanted) int {
	ends := endsBare
	if expects == WantsValue {
		ends = endsValue
	}
	start := at
	for at < len(text) && (at == start || strings.IndexByte(ends, text[at]) < 0) {
		if text[at] == '\\' {
			at++
		}
		at++
	}
	return min(at, len(text))
}

// Insert puts a candidate in its place and returns the text and where the cursor
// is then. Behind a field comes a colon, behind all others a space.
func (c Completion) Insert(text, candidate string) (string, int) {
	var w writer
	switch c.Wants {
	case WantsValue:
		v := record.StringValue(candidate)
		if n, ok := scalar(candidate); ok && !c.quoted {
			v = n
		}
		w.WriteString(valueText(c.Field, v))
		if isText(c.Field) || IsTime(c.Field) {
			w.Reset()
			w.WriteString(quote(candidate))
		}
	case WantsField:
		if !operator(candidate) {
			w.name(candidate)
			break
		}
		w.WriteString(candidate)
	default:
		w.WriteString(candidate)
	}
	put := w.String()
	if c.Wants != WantsField || operator(candidate) {
		put += " "
	}
	rest := text[min(c.To, len(text)):]
	if strings.HasPrefix(rest, " ") {
		put = strings.TrimSuffix(put, " ")
	}
	if strings.HasSuffix(put, ":") && strings.HasPrefix(rest, ":") {
		put = strings.TrimSuffix(put, ":")
	}
	return text[:min(c.From, len(text))] + put + rest, c.From + len(put)
}
