package opsrepo

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/vigie-ops/vigie/internal/lib/suggest"
)

// decoder turns the nodes of one file into Go values and notes every mistake.
type decoder struct {
	file string
	c    *Checker
	refs *[]reference
}

// reference is a value that names an entry elsewhere.
type reference struct {
	pos   Pos
	kinds []string
	slug  string
	field string
	from  string // the section it stands in
}

// slot is what a value is called and must fulfil where it stands.
type slot struct {
	name  string
	rules rules
	// claim, if set, takes the slug of an entry; the slots of a list share it.
	claim func(pos Pos, slug string)
}

func (d *decoder) pos(n *yaml.Node) Pos { return Pos{d.file, n.Line, n.Column} }

func (d *decoder) errorf(n *yaml.Node, format string, args ...any) {
	d.c.add(Problem{Pos: d.pos(n), Message: fmt.Sprintf(format, args...)})
}

var nodeType = reflect.TypeFor[yaml.Node]()

// value decodes n into v and notes whether it is good.
func (d *decoder) value(n *yaml.Node, v reflect.Value, s slot) {
	before, pos := len(d.c.problems), d.pos(n)
	d.read(n, v, s)
	_, own := v.Addr().Interface().(yaml.Unmarshaler)
	if n.Kind == yaml.MappingNode && v.Kind() == reflect.Struct && !own {
		return // it begins where its first key stands, whose mistakes are not its own
	}
	for _, p := range d.c.problems[before:] {
		if own || p.Pos == pos {
			d.c.refused[pos] = true
		}
	}
}

// read decodes n into v. Positions are where the value is written, so an
// alias stands for itself there.
func (d *decoder) read(n *yaml.Node, v reflect.Value, s slot) {
	at := n
	n = resolve(n)
	if v.Type() == nodeType {
		v.Set(reflect.ValueOf(*n))
		return
	}
	if isNull(n) {
		if s.rules.required || v.Kind() == reflect.Struct && s.name != "" {
			d.errorf(at, "%s is empty; it must be %s", s.name, expected(v.Type(), s.rules))
		}
		return
	}
	if u, ok := v.Addr().Interface().(yaml.Unmarshaler); ok {
		d.custom(at, n, u)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		p := reflect.New(v.Type().Elem())
		d.value(at, p.Elem(), s)
		v.Set(p)
	case reflect.Struct:
		d.mapping(at, n, v, s)
	case reflect.Slice:
		d.list(at, n, v, s)
	case reflect.Map:
		d.table(at, n, v, s)
	case reflect.Interface:
		var out any
		if err := n.Decode(&out); err != nil {
			d.report(at, n, err)
		} else if out != nil {
			v.Set(reflect.ValueOf(out))
		}
	default:
		d.scalar(at, n, v, s)
	}
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// custom lets a type read itself.
func (d *decoder) custom(at, n *yaml.Node, u yaml.Unmarshaler) {
	defer func() {
		if r := recover(); r != nil {
			d.errorf(at, "this value cannot be read: %v", r)
		}
	}()
	if err := u.UnmarshalYAML(n); err != nil {
		d.report(at, n, err)
	}
}

// report gives the words of a type that reads itself a place: that of a
// Problem, the line that the words begin with, or the value's own.
func (d *decoder) report(at, n *yaml.Node, err error) {
	var own Problems
	var several *yaml.TypeError
	switch {
	case errors.As(err, &own):
		for _, p := range own {
			p.Pos.File = d.file
			d.c.add(p)
		}
	case errors.As(err, &several):
		for _, line := range several.Errors {
			d.reportLine(at, n, line)
		}
	default:
		d.reportLine(at, n, err.Error())
	}
}

func (d *decoder) reportLine(at, n *yaml.Node, msg string) {
	m := lineOfError.FindStringSubmatch(msg)
	if m == nil {
		d.errorf(at, "%s", strings.TrimPrefix(msg, "yaml: "))
		return
	}
	if found := firstOnLine(n, m[1]); found != nil {
		at = found
	}
	d.errorf(at, "%s", msg[len(m[0]):])
}

// firstOnLine returns the first node of n that stands on the line.
func firstOnLine(n *yaml.Node, line string) *yaml.Node {
	if fmt.Sprint(n.Line) == line {
		return n
	}
	for _, c := range n.Content {
		if found := firstOnLine(c, line); found != nil {
			return found
		}
	}
	return nil
}

// At returns an error for UnmarshalYAML that stands at a node.
func At(n *yaml.Node, format string, args ...any) error {
	return Problems{{Pos{"", n.Line, n.Column}, fmt.Sprintf(format, args...)}}
}

// mapping decodes the keys of a struct.
func (d *decoder) mapping(at, n *yaml.Node, v reflect.Value, s slot) {
	l := layoutOf(v.Type())
	if n.Kind != yaml.MappingNode {
		d.errorf(at, "%s is %s; it must be a mapping with the %s", entryName(s.name), describe(n), keyList(l.names()))
		return
	}
	pos := d.pos(at)
	if l.pos != nil {
		v.FieldByIndex(l.pos).Set(reflect.ValueOf(pos))
		d.c.entries[pos] = n
	}
	present := make([]bool, len(l.fields))
	for _, p := range d.uniquePairs(n) {
		i, known := l.byName[p.key.Value]
		if !known {
			d.unknownKey(p.key, s.name, l.names())
			if near, ok := suggest.Nearest(p.key.Value, l.names()); ok {
				d.c.misspelt[absent{pos, near}] = true
			}
			continue
		}
		f := l.fields[i]
		present[i] = !isNull(resolve(p.value))
		fs := slot{name: f.name, rules: f.rules}
		if f.rules.slug {
			fs.claim = s.claim
		}
		if present[i] || f.rules.required {
			d.value(p.value, v.FieldByIndex(f.index), fs)
			present[i] = true
		}
	}
	for i, f := range l.fields {
		switch {
		case present[i]:
		case f.rules.required && d.c.misspelt[absent{pos, f.name}]: // said already
		case f.rules.required:
			d.errorf(at, "the key %q is missing; %s needs %s", f.name, entryName(s.name), orList(requiredOf(l), "and"))
		default:
			setDefault(v.FieldByIndex(f.index), f.rules)
		}
	}
}

// uniquePairs returns the keys of a mapping and reports those that stand twice
// or are no text.
func (d *decoder) uniquePairs(n *yaml.Node) []pair {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].ShortTag() == "!!merge" && mergeSources(resolve(n.Content[i+1])) == nil {
			d.errorf(n.Content[i], "<< merges %s; it merges a mapping or a list of mappings", describe(resolve(n.Content[i+1])))
		}
	}
	first := map[string]*yaml.Node{}
	var out []pair
	for _, p := range pairs(n) {
		key := resolve(p.key)
		if key.Kind != yaml.ScalarNode {
			d.errorf(p.key, "a key is %s; a key must be text", describe(key))
			continue
		}
		if other, twice := first[key.Value]; twice {
			d.errorf(p.key, "the key %q stands twice, first at %s; keep one of them", key.Value, d.pos(other))
			continue
		}
		first[key.Value] = p.key
		out = append(out, pair{key, p.value})
	}
	return out
}

func (d *decoder) unknownKey(key *yaml.Node, in string, names []string) {
	where := "here"
	if in != "" {
		where = "in " + entryName(in)
	}
	allowed := "the keys are " + orList(names, "and")
	if len(names) == 1 {
		allowed = "the only key is " + names[0]
	}
	d.errorf(key, "unknown key %q %s%s; %s", key.Value, where, DidYouMean(key.Value, names), allowed)
}

// entryName says "an entry of servers" for the elements of a list.
func entryName(name string) string {
	if list, ok := strings.CutSuffix(name, "[]"); ok {
		return "an entry of " + list
	}
	return name
}

func requiredOf(l *layout) []string {
	var out []string
	for _, f := range l.fields {
		if f.rules.required {
			out = append(out, f.name)
		}
	}
	return out
}

// list decodes a slice. Slugs of its entries are unique within it, unless the
// slot has a wider claim.
func (d *decoder) list(at, n *yaml.Node, v reflect.Value, s slot) {
	if n.Kind != yaml.SequenceNode {
		d.errorf(at, "%s is %s; it must be %s", s.name, describe(n), expected(v.Type(), s.rules))
		return
	}
	elem := v.Type().Elem()
	numbers := isNumber(elem)
	es := slot{name: s.name, rules: s.rules.element(numbers), claim: s.claim}
	if base(elem).Kind() == reflect.Struct {
		es.name += "[]"
	}
	if es.claim == nil {
		es.claim = d.claimer(map[string]Pos{}, s.name)
	}
	out := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, c := range n.Content {
		if isNull(resolve(c)) {
			d.errorf(c, "an entry of %s is empty; remove it or fill it in", s.name)
			continue
		}
		d.value(c, out.Index(i), es)
	}
	v.Set(out)
	if !numbers {
		d.bounds(at, s, float64(out.Len()), "entries")
	}
}

// claimer returns a claim over the slugs in taken.
func (d *decoder) claimer(taken map[string]Pos, what string) func(Pos, string) {
	return func(pos Pos, slug string) {
		if other, twice := taken[slug]; twice {
			d.c.Errorf(pos, "the slug %q is already taken in %s at %s; each slug names one entry", slug, what, other)
			return
		}
		taken[slug] = pos
	}
}

// table decodes a map with text keys.
func (d *decoder) table(at, n *yaml.Node, v reflect.Value, s slot) {
	if n.Kind != yaml.MappingNode {
		d.errorf(at, "%s is %s; it must be %s", s.name, describe(n), expected(v.Type(), s.rules))
		return
	}
	out := reflect.MakeMap(v.Type())
	for _, p := range d.uniquePairs(n) {
		item := reflect.New(v.Type().Elem()).Elem()
		d.value(p.value, item, slot{name: s.name + "." + p.key.Value, rules: s.rules.element(isNumber(item.Type()))})
		out.SetMapIndex(reflect.ValueOf(p.key.Value).Convert(v.Type().Key()), item)
	}
	v.Set(out)
}

// keyList writes "keys a, b and c".
func keyList(names []string) string {
	if len(names) == 1 {
		return "key " + names[0]
	}
	return "keys " + orList(names, "and")
}

// orList writes "a, b or c", with the given word before the last.
func orList(names []string, word string) string {
	switch len(names) {
	case 0:
		return "none"
	case 1:
		return names[0]
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " " + word + " " + names[last]
}
