package opsrepo

import (
	"fmt"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/vigie-ops/vigie/internal/lib/suggest"
)

// Checker is what a section's Check reports to and asks about other sections.
type Checker struct {
	problems Problems
	slugs    map[string]map[string]Pos // kind, slug
	entries  map[Pos]*yaml.Node        // mappings that became structs with a Pos
	refused  map[Pos]bool              // values that could not be read
	misspelt map[absent]bool
	values   map[string]reflect.Value // []T, or T for a single, by section

	all     fs.FS           // names of all files; nil where they are not known
	section string          // the one that is looked at; empty between them
	blamed  map[string]bool // sections with a mistake
}

// absent is a key that a mapping lacks and that an unknown key was probably
// meant to be.
type absent struct {
	mapping Pos
	key     string
}

// Errorf reports a mistake: what is wrong; what is allowed. A value that could
// not be read has its mistake already, so that another one there would only
// follow from it.
func (c *Checker) Errorf(pos Pos, format string, args ...any) {
	if !c.refused[pos] {
		c.add(Problem{Pos: pos, Message: fmt.Sprintf(format, args...)})
	}
}

// Refused reports whether the value at a path inside the entry at pos could
// not be read, so that it is empty though something stands there, or whether
// its key is misspelt. What such a value would be needed for cannot be checked.
func (c *Checker) Refused(entry Pos, path string) bool {
	mapping, key := entry, path
	if i := strings.LastIndexByte(path, '.'); i >= 0 {
		mapping, key = c.FieldPos(entry, path[:i]), path[i+1:]
	}
	return c.refused[c.FieldPos(entry, path)] || c.misspelt[absent{mapping, key}]
}

// newChecker returns one that knows nothing yet.
func newChecker() *Checker {
	return &Checker{
		slugs: map[string]map[string]Pos{}, entries: map[Pos]*yaml.Node{}, refused: map[Pos]bool{}, misspelt: map[absent]bool{},
		values: map[string]reflect.Value{},
	}
}

// add notes mistakes, and whose they are.
func (c *Checker) add(ps ...Problem) {
	c.problems = append(c.problems, ps...)
	if c.section != "" && len(ps) > 0 {
		c.blame(c.section)
	}
}

func (c *Checker) blame(section string) {
	if c.blamed == nil {
		c.blamed = map[string]bool{}
	}
	c.blamed[section] = true
}

// within runs f, whose mistakes are those of the section.
func (c *Checker) within(section string, f func()) {
	before := c.section
	c.section = section
	f()
	c.section = before
}

// Has reports whether the repository defines an entry of that kind and slug.
func (c *Checker) Has(kind, slug string) bool {
	_, ok := c.slugs[kind][slug]
	return ok
}

// HasFile reports whether the repository has a file at that path, also one that
// belongs to Ansible.
func (c *Checker) HasFile(name string) bool {
	if c.all == nil {
		return true
	}
	info, err := fs.Lstat(c.all, name)
	return err == nil && !info.IsDir()
}

// Slugs returns the slugs of a kind, sorted.
func (c *Checker) Slugs(kind string) []string {
	return slices.Sorted(maps.Keys(c.slugs[kind]))
}

// FieldPos returns the place of a value inside the entry at pos: "address",
// "components[1].slug". Where there is no such value it returns the nearest
// place that exists, at last the entry itself.
func (c *Checker) FieldPos(entry Pos, path string) Pos {
	node := c.entries[entry]
	if node == nil {
		return entry
	}
	pos := entry
	for _, step := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		node = child(node, step)
		if node == nil {
			break
		}
		pos = Pos{File: entry.File, Line: node.Line, Column: node.Column}
		node = resolve(node)
	}
	return pos
}

func child(n *yaml.Node, step string) *yaml.Node {
	switch n.Kind {
	case yaml.MappingNode:
		for _, p := range pairs(n) {
			if resolve(p.key).Value == step {
				return p.value
			}
		}
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(n.Content) {
			return n.Content[i]
		}
	}
	return nil
}

// DidYouMean returns ` (did you mean "app-07"?)` when a candidate is close to
// name, and nothing otherwise; for the end of the first half of a message.
func DidYouMean(name string, candidates []string) string {
	if near, ok := suggest.Nearest(name, candidates); ok {
		return fmt.Sprintf(" (did you mean %q?)", near)
	}
	return ""
}
