package opsrepo

import (
	"fmt"
	"reflect"
)

// Section is what one room reads from the repository: a List, a Single or
// Files. Descriptors are immutable and may be package variables.
type Section interface {
	// Name is the top-level key, or what a set of files is called.
	Name() string
	section() *descriptor
}

// descriptor is a section without its Go type, as Load works with it.
type descriptor struct {
	name  string
	doc   string
	kind  string
	shape shape
	entry reflect.Type // of one entry, one mapping or one file

	glob   string
	decode func(name string, content []byte) (any, Problems)
	check  func(c *Checker, value any) // value is []T, or T for a single
}

type shape int

const (
	shapeList shape = iota
	shapeSingle
	shapeFiles
)

// Name implements Section.
func (d *descriptor) Name() string { return d.name }

func (d *descriptor) section() *descriptor { return d }

// ListOptions say what a list section means.
type ListOptions[T any] struct {
	Doc string // one sentence for editors
	// Kind is the namespace of the entries' slugs, what `ref=` points at. A list
	// without a kind keeps its slugs to itself.
	Kind string
	// Check looks at all entries once everything is decoded. An entry with a
	// mistake is there too; what could not be read is zero.
	Check func(c *Checker, items []T)
}

// List is a section whose key holds a list of entries, in any number of files.
type List[T any] struct{ *descriptor }

// NewList describes the section `key:`, a list of T. T is a struct; a field
// `Pos Pos` receives the place of the entry.
func NewList[T any](key string, o ListOptions[T]) *List[T] {
	d := &descriptor{name: key, doc: o.Doc, kind: o.Kind, shape: shapeList, entry: reflect.TypeFor[T]()}
	if o.Check != nil {
		d.check = func(c *Checker, v any) { o.Check(c, v.([]T)) }
	}
	return &List[T]{d}
}

// Of returns the entries of a generation in the order of files and lines.
func (l *List[T]) Of(g *Generation) []T { return value[[]T](l.descriptor, g) }

// In returns the entries while a repository is checked, with the mistakes they
// may have, for a Check that needs another section's.
func (l *List[T]) In(c *Checker) []T {
	v, ok := c.values[l.name]
	if !ok {
		return nil
	}
	items, _ := v.Interface().([]T)
	return items
}

// SingleOptions say what a single section means.
type SingleOptions[T any] struct {
	Doc   string
	Check func(c *Checker, item T) // called when the section is there
}

// Single is a section that stands at most once in the repository.
type Single[T any] struct{ *descriptor }

// NewSingle describes the section `key:`, one mapping.
func NewSingle[T any](key string, o SingleOptions[T]) *Single[T] {
	d := &descriptor{name: key, doc: o.Doc, shape: shapeSingle, entry: reflect.TypeFor[T]()}
	if o.Check != nil {
		d.check = func(c *Checker, v any) { o.Check(c, v.(T)) }
	}
	return &Single[T]{d}
}

// Of returns the section of a generation, and whether it is there.
func (s *Single[T]) Of(g *Generation) (T, bool) {
	var zero T
	if g == nil {
		return zero, false
	}
	v, ok := g.values[s.name].(T)
	return v, ok
}

// FilesOptions say which files a room reads as they are.
type FilesOptions[T any] struct {
	Doc string
	// Glob matches paths from the root: `*` within a folder, `**` any folders,
	// {a,b} either: "rules/**/*.{yaml,yml}".
	Glob string
	// Decode reads one file. Problems without a file get this one's name.
	Decode func(name string, content []byte) (T, Problems)
	Check  func(c *Checker, items []T)
}

// Files is a set of files with a format of their own, such as rule files.
type Files[T any] struct{ *descriptor }

// NewFiles describes a set of files; name is for messages.
func NewFiles[T any](name string, o FilesOptions[T]) *Files[T] {
	d := &descriptor{name: name, doc: o.Doc, shape: shapeFiles, entry: reflect.TypeFor[T](), glob: o.Glob}
	d.decode = func(name string, content []byte) (any, Problems) { return o.Decode(name, content) }
	if o.Check != nil {
		d.check = func(c *Checker, v any) { o.Check(c, v.([]T)) }
	}
	return &Files[T]{d}
}

// Of returns the decoded files of a generation in the order of their paths.
func (f *Files[T]) Of(g *Generation) []T { return value[[]T](f.descriptor, g) }

func value[T any](d *descriptor, g *Generation) T {
	var zero T
	if g == nil {
		return zero
	}
	v, _ := g.values[d.name].(T)
	return v
}

// descriptors returns what Load works with. Two sections of one name, or two
// kinds of one name, are a mistake in the program, found by its first test.
func descriptors(sections []Section) []*descriptor {
	names, kinds := map[string]bool{keyVersion: true, keyRetired: true}, map[string]bool{}
	out := make([]*descriptor, len(sections))
	for i, s := range sections {
		d := s.section()
		if names[d.name] || d.kind != "" && kinds[d.kind] {
			panic(fmt.Sprintf("opsrepo: the section %q or its kind %q is registered twice", d.name, d.kind))
		}
		names[d.name], kinds[d.kind] = true, true
		out[i] = d
	}
	return out
}
