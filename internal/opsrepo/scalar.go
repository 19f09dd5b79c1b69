package opsrepo

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// texter is a kind of text that checks itself; the error says what is wrong
// and what is allowed.
type texter interface{ CheckText() error }

var (
	durationType = reflect.TypeFor[Duration]()
	texterType   = reflect.TypeFor[texter]()
)

// scalar decodes text, numbers, yes and no.
func (d *decoder) scalar(at, n *yaml.Node, v reflect.Value, s slot) {
	tag := n.ShortTag()
	if n.Kind != yaml.ScalarNode || !strings.HasPrefix(tag, "!!") {
		d.errorf(at, "%s is %s; it must be %s", s.name, describe(n), expected(v.Type(), s.rules))
		return
	}
	switch {
	case v.Type() == durationType:
		d.duration(at, n, v, s)
	case v.Kind() == reflect.String:
		own := reflect.PointerTo(v.Type()).Implements(texterType)
		if tag != "!!str" && !own {
			d.errorf(at, "%s is %s; it must be text, so write it in quotes: %q", s.name, describe(n), n.Value)
			return
		}
		v.SetString(n.Value)
		d.text(at, v, s)
	case v.Kind() == reflect.Bool:
		var b bool
		if tag != "!!bool" || n.Decode(&b) != nil {
			d.errorf(at, "%s is %s; it must be true or false", s.name, describe(n))
			return
		}
		v.SetBool(b)
	case v.CanInt():
		var i int64
		if tag != "!!int" || n.Decode(&i) != nil || v.OverflowInt(i) {
			d.errorf(at, "%s is %s; it must be %s", s.name, describe(n), expected(v.Type(), s.rules))
			return
		}
		v.SetInt(i)
		d.bounds(at, s, float64(i), "")
	case v.CanFloat():
		var f float64
		if tag != "!!int" && tag != "!!float" || n.Decode(&f) != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			d.errorf(at, "%s is %s; it must be %s", s.name, describe(n), expected(v.Type(), s.rules))
			return
		}
		v.SetFloat(f)
		d.bounds(at, s, f, "")
	default:
		panic(fmt.Sprintf("opsrepo: %s is of type %s, which no key can hold", s.name, v.Type()))
	}
}

func (d *decoder) duration(at, n *yaml.Node, v reflect.Value, s slot) {
	parsed, err := ParseDuration(n.Value)
	if err != nil {
		d.errorf(at, "%s: %v", s.name, err)
		return
	}
	v.SetInt(int64(parsed))
	for _, b := range []struct {
		text  string
		wrong func(x, limit Duration) bool
		words string
	}{
		{s.rules.min, func(x, limit Duration) bool { return x < limit }, "at least"},
		{s.rules.max, func(x, limit Duration) bool { return x > limit }, "at most"},
	} {
		if limit, err := ParseDuration(b.text); err == nil && b.wrong(parsed, limit) {
			d.errorf(at, "%s is %s; it must be %s %s", s.name, n.Value, b.words, limit)
		}
	}
}

// text applies the rules of a text to a value that is set; a text that breaks
// one is emptied again, so that no Check sees it.
func (d *decoder) text(at *yaml.Node, v reflect.Value, s slot) {
	text, before := v.String(), len(d.c.problems)
	switch {
	case strings.TrimSpace(text) == "":
		if s.rules.required || s.rules.slug || s.rules.refs != nil {
			d.errorf(at, "%s is empty; write something", s.name)
		}
		return
	case s.rules.slug && !ValidSlug(text):
		d.errorf(at, "the slug %q is not allowed; %s", text, slugRule)
	case s.rules.enum != nil && !slices.Contains(s.rules.enum, text):
		d.errorf(at, "%s %q does not exist%s; use %s", s.name, text, DidYouMean(text, s.rules.enum), orList(s.rules.enum, "or"))
	}
	if check := formats[s.rules.format]; check != nil {
		if msg := check(text); msg != "" {
			d.errorf(at, "%s: %s", s.name, msg)
		}
	}
	if own, ok := v.Addr().Interface().(texter); ok {
		if err := own.CheckText(); err != nil {
			d.errorf(at, "%s: %v", s.name, err)
		}
	}
	d.bounds(at, s, float64(utf8.RuneCountInString(text)), "characters")
	if len(d.c.problems) > before {
		v.SetString("")
		return
	}
	if s.rules.refs != nil {
		*d.refs = append(*d.refs, reference{d.pos(at), s.rules.refs, text, s.name, d.c.section})
	}
	if s.rules.slug && s.claim != nil {
		s.claim(d.pos(at), text)
	}
}

// bounds checks min and max; unit is what is counted, "" for a plain number.
func (d *decoder) bounds(at *yaml.Node, s slot, x float64, unit string) {
	if s.rules.min == "" && s.rules.max == "" {
		return
	}
	low, lowErr := strconv.ParseFloat(s.rules.min, 64)
	high, highErr := strconv.ParseFloat(s.rules.max, 64)
	if (lowErr != nil || x >= low) && (highErr != nil || x <= high) {
		return
	}
	allowed := "at least " + s.rules.min
	switch {
	case lowErr == nil && highErr == nil:
		allowed = "from " + s.rules.min + " to " + s.rules.max
	case lowErr != nil:
		allowed = "at most " + s.rules.max
	}
	number := strconv.FormatFloat(x, 'f', -1, 64)
	if unit == "" {
		d.errorf(at, "%s is %s; it must be %s", s.name, number, allowed)
		return
	}
	d.errorf(at, "%s has %s %s; it must have %s", s.name, number, unit, allowed)
}

// setDefault gives an absent value its default, also inside an absent mapping.
func setDefault(v reflect.Value, r rules) {
	switch {
	case v.Kind() == reflect.Pointer:
		if !r.hasDef {
			return
		}
		v.Set(reflect.New(v.Type().Elem()))
		setDefault(v.Elem(), r)
	case v.Kind() == reflect.Struct && v.Type() != nodeType && !v.Addr().Type().Implements(reflect.TypeFor[yaml.Unmarshaler]()):
		for _, f := range layoutOf(v.Type()).fields {
			setDefault(v.FieldByIndex(f.index), f.rules)
		}
	case r.hasDef:
		// The same way as from a file, so that a default means what it says.
		var refs []reference
		d := &decoder{c: newChecker(), refs: &refs}
		node := &yaml.Node{Kind: yaml.ScalarNode, Value: r.def}
		if v.Kind() == reflect.Slice {
			node = &yaml.Node{Kind: yaml.SequenceNode}
			for item := range strings.SplitSeq(r.def, "|") {
				node.Content = append(node.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: item})
			}
		}
		d.value(node, v, slot{name: "default", rules: r})
		if len(d.c.problems) > 0 {
			panic(fmt.Sprintf("opsrepo: the default %q does not fit its own rules: %s", r.def, d.c.problems[0].Message))
		}
	}
}

// describe says what a node is, for "x is …".
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	value := n.Value
	if utf8.RuneCountInString(value) > 40 {
		value = string([]rune(value)[:40]) + "…"
	}
	switch tag := n.ShortTag(); tag {
	case "!!null":
		return "empty"
	case "!!str":
		return fmt.Sprintf("the text %q", value)
	case "!!bool", "!!int", "!!float":
		return value
	case "!!timestamp":
		return "the date " + value
	default:
		return "a value with the tag " + tag
	}
}

// expected says what a type takes, for "it must be …".
func expected(t reflect.Type, r rules) string {
	switch {
	case t == durationType:
		return `a duration such as "30s" or "15d"`
	case r.enum != nil && t.Kind() == reflect.String:
		return orList(r.enum, "or")
	}
	switch t.Kind() {
	case reflect.Pointer:
		return expected(t.Elem(), r)
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Slice:
		return "a list of " + plural(t.Elem())
	case reflect.Map:
		return "a mapping with " + plural(t.Elem()) + " as values"
	case reflect.Struct:
		return "a mapping"
	}
	return "a whole number"
}

func plural(t reflect.Type) string {
	switch t = base(t); {
	case t == durationType:
		return "durations"
	case t.Kind() == reflect.String:
		return "texts"
	case isNumber(t):
		return "numbers"
	case t.Kind() == reflect.Struct, t.Kind() == reflect.Map:
		return "mappings"
	}
	return "values"
}

func base(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

func isNumber(t reflect.Type) bool {
	if t = base(t); t == durationType || t == reflect.TypeFor[time.Duration]() {
		return true
	}
	return t.Kind() >= reflect.Int && t.Kind() <= reflect.Int64 || t.Kind() == reflect.Float32 || t.Kind() == reflect.Float64
}
