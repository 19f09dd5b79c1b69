// Package mask takes secrets and personal data out of log lines before they are
// stored. It is pure, and made for lines that hold nothing of the kind: those
// cost one pass over their bytes.
package mask

import (
	"regexp"
	"slices"
	"strings"

	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// The kinds of what is masked.
const (
	Token = "token" // passwords, keys and tokens, by their form or by what they are called
	Card  = "card"  // numbers of payment cards: ISO/IEC 7812, with a right check digit
	IBAN  = "iban"  // ISO 13616, with right check digits
	Email = "email" // addresses of mail
)

// Kinds are all kinds, and Usual those that are masked unless somebody says
// otherwise.
var (
	Kinds = []string{Token, Card, IBAN, Email}
	Usual = []string{Token, Card, IBAN}
)

// Rule masks what an expression finds.
type Rule struct {
	Name    string // kind under which it is counted
	Pattern *regexp.Regexp
	Replace string   // with $1 for groups; [masked:NAME] if empty
	Fields  []string // message and names of fields; all text if empty
}

// Masker masks. It may be used by many at once.
type Masker struct {
	token, card, iban, email bool
	rules                    []Rule
}

// New makes a masker of kinds and rules.
func New(kinds []string, rules []Rule) *Masker {
	has := func(k string) bool { return slices.Contains(kinds, k) }
	m := &Masker{token: has(Token), card: has(Card), iban: has(IBAN), email: has(Email), rules: slices.Clone(rules)}
	for i := range m.rules {
		if m.rules[i].Replace == "" {
			m.rules[i].Replace = mark(m.rules[i].Name)
		}
	}
	return m
}

// mark stands where something was.
func mark(kind string) string { return "[masked:" + kind + "]" }

// Record masks a line and tells count of each kind how often it was found.
func (m *Masker) Record(r *record.Record, count func(kind string, n int)) {
	r.Message = m.field(record.Message, r.Message, count)
	for i := range r.Fields {
		f := &r.Fields[i]
		if m.token && f.Value.Kind != record.Bool && secretField(f.Name) {
			if text := f.Value.Text(); text != "" && !strings.HasPrefix(text, "[masked:") {
				f.Value = record.StringValue(mark(Token))
				count(Token, 1)
			}
			continue
		}
		if f.Value.Kind == record.String || f.Value.Kind == record.JSON {
			f.Value.Str = m.field(f.Name, f.Value.Str, count)
		}
	}
}

// passes is how often a text is looked at: what is masked can bring two things
// together that are something else.
const passes = 3

func (m *Masker) field(name, text string, count func(string, int)) string {
	for range passes {
		masked, changed := m.text(text, count)
		if !changed {
			break
		}
		text = masked
	}
	for i := range m.rules {
		text = m.rules[i].apply(name, text, count)
	}
	return text
}

// maxPattern bounds how often a rule is applied to a text.
const maxPattern = 1000

func (r *Rule) apply(name, text string, count func(string, int)) string {
	if len(r.Fields) > 0 && !slices.Contains(r.Fields, name) {
		return text
	}
	found := r.Pattern.FindAllStringSubmatchIndex(text, maxPattern)
	if len(found) == 0 {
		return text
	}
	out := make([]byte, 0, len(text)+16*len(found))
	last, n := 0, 0
	for _, at := range found {
		if at[0] == at[1] {
			continue // it found nothing, somewhere
		}
		before := len(out)
		out = append(out, text[last:at[0]]...)
		from := len(out)
		out = r.Pattern.ExpandString(out, r.Replace, text, at)
		if string(out[from:]) == text[at[0]:at[1]] {
			out = append(out[:before], text[last:at[1]]...) // it was masked before
		} else {
			n++
		}
		last = at[1]
	}
	if n == 0 {
		return text
	}
	count(r.Name, n)
	return string(append(out, text[last:]...))
}
