package opsrepo

import (
	"reflect"

	"go.yaml.in/yaml/v3"
)

// DecodeFile reads a YAML file that is no part of a repository, such as a
// hub's configuration, with the same tags and the same words for every
// mistake. Defaults are set in nested mappings that are not there, too. at
// returns the place of a value in the file, such as "listen.console", for
// further checks.
func DecodeFile[T any](name string, content []byte) (v T, at func(path string) Pos, problems Problems) {
	whole := Pos{name, 1, 1}
	c := &Checker{slugs: map[string]map[string]Pos{}, entries: map[Pos]*yaml.Node{}}
	at = func(path string) Pos { return c.FieldPos(whole, path) }
	docs, bad := parse(name, content)
	c.problems = append(c.problems, bad...)
	root := &yaml.Node{Kind: yaml.MappingNode, Line: 1, Column: 1}
	if len(docs) > 0 && !isNull(resolve(docs[0])) {
		root = resolve(docs[0])
	}
	if len(docs) > 1 {
		c.Errorf(Pos{name, docs[1].Line, docs[1].Column}, "the file holds several documents; it must hold one")
	}
	c.entries[whole] = root
	out := reflect.ValueOf(&v).Elem()
	if len(bad) == 0 {
		var refs []reference
		(&decoder{file: name, c: c, refs: &refs}).mapping(root, root, out, slot{name: "the file"})
	}
	return v, at, c.problems.sorted()
}
