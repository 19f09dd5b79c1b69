package logs

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/vigie-ops/vigie/internal/lib/suggest"
	"github.com/vigie-ops/vigie/internal/observe/logs/mask"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
	"github.com/vigie-ops/vigie/internal/opsrepo"
)

// Mask says what is taken out of lines before they are stored.
type Mask struct {
	Pos   opsrepo.Pos `yaml:"-"`
	Kinds []string    `yaml:"kinds" ops:"doc=token, card, iban and email; the first three if absent."`
	Rules []MaskRule  `yaml:"rules" ops:"doc=What is masked besides."`
}

// MaskRule is an expression of what is masked.
type MaskRule struct {
	Pos     opsrepo.Pos `yaml:"-"`
	Slug    string      `yaml:"slug" ops:"required,slug,doc=Name under which it is counted."`
	Pattern string      `yaml:"pattern" ops:"required,doc=Regular expression in the syntax of RE2."`
	Replace string      `yaml:"replace" ops:"doc=What stands there instead, with ${1} for groups; [masked:SLUG] if absent."`
	Fields  []string    `yaml:"fields" ops:"doc=message and names of fields; all text if absent."`
}

// maxPattern bounds an expression, in bytes.
const maxPattern = 1000

func checkMask(c *opsrepo.Checker, p Policy) {
	if p.Mask == nil {
		return
	}
	for _, k := range p.Mask.Kinds {
		if !slices.Contains(mask.Kinds, k) {
			near := ""
			if n, ok := suggest.Nearest(k, mask.Kinds); ok {
				near = " (did you mean \"" + n + "\"?)"
			}
			c.Errorf(c.FieldPos(p.Pos, "mask.kinds"), "there is no kind %q%s; there are %s", k, near, strings.Join(mask.Kinds, ", "))
		}
	}
	for _, r := range p.Mask.Rules {
		at := c.FieldPos(r.Pos, "pattern")
		re, err := regexp.Compile(r.Pattern)
		switch {
		case len(r.Pattern) > maxPattern:
			c.Errorf(at, "the expression has %d bytes, at most %d", len(r.Pattern), maxPattern)
		case err != nil:
			c.Errorf(at, "%q is no expression: %s", r.Pattern, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		case re.MatchString(""):
			c.Errorf(at, "%q matches nothing at all, too, so that it would mask everywhere; write what has to be there", r.Pattern)
		}
		if slices.Contains(mask.Kinds, r.Slug) {
			c.Errorf(c.FieldPos(r.Pos, "slug"), "%q is a kind of its own; call the rule something else", r.Slug)
		}
		opsrepo.CheckUnique(c, r.Pos, "fields", r.Fields)
	}
}

// masker is what a policy says; it was checked.
func (p Policy) masker() *mask.Masker {
	m := cmp.Or(p.Mask, &Mask{})
	kinds := m.Kinds
	if kinds == nil {
		kinds = mask.Usual
	}
	var rules []mask.Rule
	for _, r := range m.Rules {
		if re, err := regexp.Compile(r.Pattern); err == nil {
			rules = append(rules, mask.Rule{Name: r.Slug, Pattern: re, Replace: r.Replace, Fields: r.Fields})
		}
	}
	return mask.New(kinds, rules)
}

// mask takes out of a line what the policy says, and counts it.
func (r *Room) mask(line *record.Record) {
	r.masker.Load().Record(line, func(kind string, n int) { r.masked.WithLabelValues(kind).Add(float64(n)) })
}
