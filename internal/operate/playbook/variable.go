package playbook

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/vigie-ops/vigie/internal/opsrepo"
)

// Variable is something a run of a playbook may set.
type Variable struct {
	Pos         opsrepo.Pos `yaml:"-"`
	Name        string      `yaml:"name" ops:"required,doc=Name of the variable in the playbook."`
	Type        string      `yaml:"type" ops:"default=text,enum=text|integer|number|boolean|choice|list,doc=What it holds."`
	Description string      `yaml:"description" ops:"doc=What it does, for who fills it in."`
	Required    bool        `yaml:"required" ops:"doc=Whether a run must set it."`
	Default     any         `yaml:"default" ops:"doc=What a run gets that does not set it."`
	Choices     []string    `yaml:"choices" ops:"doc=choice and list: what it may be."`
	Pattern     string      `yaml:"pattern" ops:"doc=text: a regular expression (RE2) that the whole of it matches."`
	Min         *float64    `yaml:"min" ops:"doc=integer and number: the least; text and list: the least length."`
	Max         *float64    `yaml:"max" ops:"doc=integer and number: the most; text and list: the greatest length."`
}

// The types of variables.
const (
	Text    = "text"
	Integer = "integer"
	Number  = "number"
	Boolean = "boolean"
	Choice  = "choice"
	ListOf  = "list"
)

// identifier is what Ansible takes as the name of a variable.
var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// reserved are names that decide how and where a playbook runs, which is not
// for a variable to say.
func reserved(name string) bool {
	return strings.HasPrefix(name, "ansible_") || strings.HasPrefix(name, "vigie_")
}

func (v Variable) check(c *opsrepo.Checker) {
	at := func(field string) opsrepo.Pos { return c.FieldPos(v.Pos, field) }
	switch {
	case v.Name == "":
	case !identifier.MatchString(v.Name):
		c.Errorf(at("name"), "%q is no name of a variable; write letters, digits and _", v.Name)
	case reserved(v.Name):
		c.Errorf(at("name"), "%q decides how and where a playbook runs; variables do not begin with ansible_ or vigie_", v.Name)
	}
	if v.Type == Choice && len(v.Choices) == 0 {
		c.Errorf(v.Pos, "the variable %q is a choice without choices; write choices: [A, B]", v.Name)
	}
	if len(v.Choices) > 0 && v.Type != Choice && v.Type != ListOf {
		c.Errorf(at("choices"), "choices are for the types choice and list; %q is a %s", v.Name, v.Type)
	}
	if v.Pattern != "" {
		if v.Type != Text {
			c.Errorf(at("pattern"), "a pattern is for the type text; %q is a %s", v.Name, v.Type)
		} else if _, err := regexp.Compile(v.Pattern); err != nil {
			c.Errorf(at("pattern"), "%q is no regular expression: %v", v.Pattern, err)
			return
		}
	}
	if v.Min != nil && v.Max != nil && *v.Min > *v.Max {
		c.Errorf(at("min"), "min is more than max")
	}
	if v.Default == nil {
		return
	}
	if v.Required {
		c.Errorf(at("default"), "the variable %q is required and has a default; leave one out", v.Name)
	}
	if _, err := v.Value(v.Default); err != nil {
		c.Errorf(at("default"), "the default of %q is wrong: %v", v.Name, err)
	}
}

// Value returns what Ansible gets for what was written in YAML or JSON, or as
// text in a form or on a command line.
func (v Variable) Value(in any) (any, error) {
	text, isText := in.(string)
	text = strings.TrimSpace(text)
	switch v.Type {
	case Integer, Number:
		n, err := number(in, text, isText)
		if err != nil {
			return nil, err
		}
		if v.Type == Integer && (n != math.Trunc(n) || math.Abs(n) > 1<<53) {
			return nil, fmt.Errorf("%v is no whole number", in)
		}
		if err := v.within(n, ""); err != nil {
			return nil, err
		}
		if v.Type == Integer {
			return int64(n), nil
		}
		return n, nil
	case Boolean:
		if b, ok := in.(bool); ok {
			return b, nil
		}
		switch strings.ToLower(text) {
		case "true", "yes", "on":
			return true, nil
		case "false", "no", "off":
			return false, nil
		}
		return nil, fmt.Errorf("%q is neither true nor false", fmt.Sprint(in))
	case ListOf:
		return v.list(in, text, isText)
	case Choice:
		if s := fmt.Sprint(in); slices.Contains(v.Choices, s) {
			return s, nil
		}
		return nil, fmt.Errorf("%q is none of %s%s", fmt.Sprint(in), strings.Join(v.Choices, ", "), opsrepo.DidYouMean(fmt.Sprint(in), v.Choices))
	}
	switch in.(type) {
	case string, int, int64, float64, bool:
	default:
		return nil, errors.New("a text is wanted")
	}
	s := fmt.Sprint(in)
	// Ansible would take it for a template and evaluate what is inside.
	if strings.Contains(s, "{{") || strings.Contains(s, "{%") {
		return nil, errors.New("a text holds no template; {{ and {% are not taken")
	}
	if v.Pattern != "" {
		re, err := regexp.Compile("^(?:" + v.Pattern + ")$")
		if err != nil {
			return nil, err
		}
		if !re.MatchString(s) {
			return nil, fmt.Errorf("%q does not match %s", s, v.Pattern)
		}
	}
	return s, v.within(float64(len([]rune(s))), " characters")
}

func number(in any, text string, isText bool) (float64, error) {
	switch n := in.(type) {
	case int:
		return float64(n), nil
	case int64:
		return float64(n), nil
	case float64:
		return n, nil
	}
	if !isText {
		return 0, fmt.Errorf("%v is no number", in)
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		return 0, fmt.Errorf("%q is no number", text)
	}
	return n, nil
}

func (v Variable) within(n float64, unit string) error {
	if v.Min != nil && n < *v.Min {
		return fmt.Errorf("%v%s is less than %v", n, unit, *v.Min)
	}
	if v.Max != nil && n > *v.Max {
		return fmt.Errorf("%v%s is more than %v", n, unit, *v.Max)
	}
	return nil
}

func (v Variable) list(in any, text string, isText bool) (any, error) {
	var out []string
	switch items := in.(type) {
	case []any:
		for _, one := range items {
			out = append(out, fmt.Sprint(one))
		}
	case []string:
		out = items
	default:
		if !isText {
			return nil, errors.New("a list is wanted")
		}
		for part := range strings.SplitSeq(text, ",") {
			if part = strings.TrimSpace(part); part != "" {
				out = append(out, part)
			}
		}
	}
	element := Variable{Type: Text}
	if len(v.Choices) > 0 {
		element = Variable{Type: Choice, Choices: v.Choices}
	}
	for _, one := range out {
		if _, err := element.Value(one); err != nil {
			return nil, err
		}
	}
	if out == nil {
		out = []string{}
	}
	return out, v.within(float64(len(out)), " entries")
}

// Mistakes are what is wrong with the variables of a run, by name.
type Mistakes map[string]string

// Error names all of them, in order.
func (m Mistakes) Error() string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	var b strings.Builder
	for i, name := range names {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(name + ": " + m[name])
	}
	return b.String()
}

// Values checks the variables of a run and fills in defaults. The error is of
// type Mistakes.
func (p Playbook) Values(given map[string]any) (map[string]any, error) {
	wrong, out, known := Mistakes{}, map[string]any{}, []string{}
	for _, v := range p.Variables {
		known = append(known, v.Name)
		in, ok := given[v.Name]
		if s, text := in.(string); text && s == "" && v.Type != Text {
			ok = false // an empty field of a form
		}
		if !ok {
			if v.Required {
				wrong[v.Name] = "this variable is required"
				continue
			}
			if in = v.Default; in == nil {
				continue
			}
		}
		value, err := v.Value(in)
		if err != nil {
			wrong[v.Name] = err.Error()
			continue
		}
		if s, text := value.(string); text && s == "" && v.Required {
			wrong[v.Name] = "this variable is required"
			continue
		}
		out[v.Name] = value
	}
	for name := range given {
		if !slices.Contains(known, name) {
			wrong[name] = "the playbook takes no such variable" + opsrepo.DidYouMean(name, known)
		}
	}
	if len(wrong) > 0 {
		return nil, wrong
	}
	return out, nil
}
