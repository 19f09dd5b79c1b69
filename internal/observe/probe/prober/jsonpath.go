package prober

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Path leads to one value of a JSON document: status, checks.db.state,
// items[0].ok, checks["a.b"].
type Path []step

type step struct {
	key   string
	index int // used if key is empty and isKey is false
	isKey bool
}

// ParsePath reads a path. A leading $ for the whole document may be left out.
func ParsePath(s string) (Path, error) {
	rest := strings.TrimPrefix(s, "$")
	rooted := rest != s
	var p Path
	for rest != "" {
		switch {
		case rest[0] == '[':
			st, after, err := bracket(rest[1:])
			if err != nil {
				return nil, fmt.Errorf("the JSON path %q is wrong: %w", s, err)
			}
			p, rest = append(p, st), after
			continue
		case rest[0] == '.':
			if len(p) == 0 && !rooted {
				return nil, fmt.Errorf("the JSON path %q is wrong: it begins with a dot", s)
			}
			rest = rest[1:]
		case len(p) > 0 || rooted:
			return nil, fmt.Errorf("the JSON path %q is wrong: a dot or a bracket is missing before %q", s, rest)
		}
		end := strings.IndexAny(rest, ".[]")
		if end < 0 {
			end = len(rest)
		}
		if end == 0 {
			return nil, fmt.Errorf("the JSON path %q is wrong: a name is missing", s)
		}
		p, rest = append(p, step{key: rest[:end], isKey: true}), rest[end:]
	}
	if len(p) == 0 && !rooted {
		return nil, errors.New("the JSON path is empty; write one like status or checks.db.state")
	}
	return p, nil
}

// bracket reads what follows an opening bracket: a number or a quoted name.
func bracket(s string) (st step, rest string, err error) {
	if quoted, err := strconv.QuotedPrefix(s); err == nil && quoted[0] == '"' {
		key, err := strconv.Unquote(quoted)
		if err != nil || !strings.HasPrefix(s[len(quoted):], "]") {
			return step{}, "", errors.New("a bracket is not closed")
		}
		return step{key: key, isKey: true}, s[len(quoted)+1:], nil
	}
	inside, rest, closed := strings.Cut(s, "]")
	if !closed {
		return step{}, "", errors.New("a bracket is not closed")
	}
	n, err := strconv.Atoi(inside)
	if err != nil || n < 0 || inside[0] == '+' {
		return step{}, "", fmt.Errorf("between brackets stands a number from 0 or a name in double quotes, not %q", inside)
	}
	return step{index: n}, rest, nil
}

// String writes the path so that ParsePath reads the same one back.
func (p Path) String() string {
	var b strings.Builder
	for i, st := range p {
		switch {
		case !st.isKey:
			fmt.Fprintf(&b, "[%d]", st.index)
		case st.key == "" || strings.ContainsAny(st.key, ".[]") || i == 0 && st.key[0] == '$':
			fmt.Fprintf(&b, "[%q]", st.key)
		case b.Len() > 0:
			b.WriteString("." + st.key)
		default:
			b.WriteString(st.key)
		}
	}
	if b.Len() == 0 {
		return "$"
	}
	return b.String()
}

// In returns what lies at the path of a decoded document.
func (p Path) In(doc any) (any, error) {
	for i, st := range p {
		missing := fmt.Errorf("the JSON body has no %s", p[:i+1])
		switch v := doc.(type) {
		case map[string]any:
			inner, ok := v[st.key]
			if !ok || !st.isKey {
				return nil, missing
			}
			doc = inner
		case []any:
			n := st.index
			if st.isKey {
				var err error
				if n, err = strconv.Atoi(st.key); err != nil {
					return nil, missing
				}
			}
			if n < 0 || n >= len(v) {
				return nil, missing
			}
			doc = v[n]
		default:
			return nil, missing
		}
	}
	return doc, nil
}

// Check says in a sentence why the condition is not true of the body, or nil.
func (c JSONCondition) Check(body []byte) error {
	path, err := ParsePath(c.Path)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var doc any
	if err := d.Decode(&doc); err != nil {
		return sentence("the body is no JSON")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return sentence("the body is no JSON: something follows the document")
	}
	v, err := path.In(doc)
	if err != nil {
		return sentence(err.Error())
	}
	got := text(v)
	if got == c.Equals || sameNumber(v, c.Equals) {
		return nil
	}
	return sentencef("%s is %s in the JSON body, expected %s", path, excerpt(got), excerpt(c.Equals))
}

// text writes a JSON value as it is compared: strings without their quotes.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case nil:
		return "null"
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

func sameNumber(v any, want string) bool {
	n, ok := v.(json.Number)
	if !ok {
		return false
	}
	a, errA := n.Float64()
	b, errB := strconv.ParseFloat(want, 64)
	return errA == nil && errB == nil && a == b
}

// excerpt shortens what an outsider wrote to what fits a sentence.
func excerpt(s string) string {
	const most = 80
	if len(s) <= most {
		return strconv.Quote(s)
	}
	return strconv.Quote(strings.ToValidUTF8(s[:most], "")) + "…"
}
