package opsrepo

import (
	"reflect"

	"go.yaml.in/yaml/v3"
)

// Document is a file that is no part of a repository while it is checked.
type Document struct {
	c     *Checker
	whole Pos
}

// DecodeFile reads a YAML file that is no part of a repository, such as a
// hub's configuration, with the same tags and the same words for every
// mistake. Defaults are set in nested mappings that are not there, too. The
// document takes the mistakes of further checks.
func DecodeFile[T any](name string, content []byte) (T, *Document) {
	var v T
	c := newChecker()
	docs, bad := parse(name, content)
	c.problems = append(c.problems, bad...)
	root := &yaml.Node{Kind: yaml.MappingNode, Line: 1, Column: 1}
	if len(docs) > 0 && !isNull(resolve(docs[0])) {
		root = resolve(docs[0])
	}
	if len(docs) > 1 {
		c.Errorf(Pos{name, docs[1].Line, docs[1].Column}, "the file holds several documents; it must hold one")
	}
	d := &Document{c: c, whole: Pos{name, root.Line, root.Column}}
	c.entries[d.whole] = root
	if len(bad) == 0 {
		var refs []reference
		(&decoder{file: name, c: c, refs: &refs}).mapping(root, root, reflect.ValueOf(&v).Elem(), slot{name: "the file"})
	}
	return v, d
}

// At returns the place of a value in the file, such as "listen.console".
func (d *Document) At(path string) Pos { return d.c.FieldPos(d.whole, path) }

// Errorf reports a mistake: what is wrong; what is allowed. Like a Checker's
// it says nothing of a value that could not be read.
func (d *Document) Errorf(pos Pos, format string, args ...any) { d.c.Errorf(pos, format, args...) }

// Refused reports whether the value at a path could not be read, or its key is
// misspelt.
func (d *Document) Refused(path string) bool { return d.c.Refused(d.whole, path) }

// Problems returns all mistakes so far, in the order of their places.
func (d *Document) Problems() Problems { return d.c.problems.sorted() }
