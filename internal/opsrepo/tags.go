package opsrepo

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
)

// rules are what the `ops` tag of a field asks for. On a list or a map, all
// but required, default and doc are asked of each element; min and max bound
// numbers, durations, the length of text, and the length of lists that do not
// hold numbers.
type rules struct {
	required bool
	slug     bool
	refs     []string // kinds of entry the text may name
	enum     []string
	format   string // a key of formats
	min, max string
	def      string
	hasDef   bool
	doc      string
}

// field is one key of a struct.
type field struct {
	name  string
	index []int
	typ   reflect.Type
	rules rules
}

// layout is what the decoder knows of a struct type.
type layout struct {
	fields []field
	byName map[string]int
	pos    []int // index of the field `Pos Pos`, nil if there is none
}

// names returns the keys in the order of the struct.
func (l *layout) names() []string {
	out := make([]string, len(l.fields))
	for i, f := range l.fields {
		out[i] = f.name
	}
	return out
}

var (
	layouts sync.Map // reflect.Type → *layout
	posType = reflect.TypeFor[Pos]()
)

// layoutOf reads the tags of a struct type, once. A bad tag is a mistake in
// the program and panics, so that the first test finds it.
func layoutOf(t reflect.Type) *layout {
	if l, ok := layouts.Load(t); ok {
		return l.(*layout)
	}
	l := &layout{byName: map[string]int{}}
	l.add(t, nil)
	layouts.Store(t, l)
	return l
}

func (l *layout) add(t reflect.Type, prefix []int) {
	for i := range t.NumField() {
		sf := t.Field(i)
		index := append(append([]int(nil), prefix...), i)
		if sf.Name == "Pos" && sf.Type == posType {
			if prefix == nil {
				l.pos = index
			}
			continue
		}
		name, option, _ := strings.Cut(sf.Tag.Get("yaml"), ",")
		if option == "inline" {
			l.add(sf.Type, index)
			continue
		}
		if name == "-" || !sf.IsExported() {
			continue
		}
		if name == "" {
			name = strings.ToLower(sf.Name)
		}
		if _, twice := l.byName[name]; twice {
			panic(fmt.Sprintf("opsrepo: %s has the key %q twice", t, name))
		}
		l.byName[name] = len(l.fields)
		l.fields = append(l.fields, field{name: name, index: index, typ: sf.Type, rules: parseRules(t, sf)})
	}
}

func parseRules(t reflect.Type, sf reflect.StructField) rules {
	var r rules
	for rest := sf.Tag.Get("ops"); rest != ""; {
		var rule string
		if doc, is := strings.CutPrefix(rest, "doc="); is {
			r.doc = doc // the last one: a sentence may hold commas
			break
		}
		rule, rest, _ = strings.Cut(rest, ",")
		key, arg, _ := strings.Cut(rule, "=")
		switch key {
		case "required":
			r.required = true
		case "slug":
			r.slug = true
		case "ref":
			r.refs = strings.Split(arg, "|")
		case "enum":
			r.enum = strings.Split(arg, "|")
		case "min":
			r.min = arg
		case "max":
			r.max = arg
		case "default":
			r.def, r.hasDef = arg, true
		case "duration": // says what the type says already
		default:
			if _, ok := formats[key]; !ok {
				panic(fmt.Sprintf("opsrepo: %s.%s has the unknown rule %q", t, sf.Name, key))
			}
			r.format = key
		}
	}
	return r
}

// element returns the rules for each element of a list or map.
func (r rules) element(numbers bool) rules {
	r.required, r.hasDef, r.def = false, false, ""
	if !numbers {
		r.min, r.max = "", ""
	}
	return r
}
