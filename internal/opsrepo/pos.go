package opsrepo

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Pos is a place in a file of the repository. Lines and columns count from 1;
// zero means the file as a whole.
type Pos struct {
	File   string
	Line   int
	Column int
}

// String returns "file:line:column", shorter where less is known.
func (p Pos) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Compare orders places by file, line and column.
func (p Pos) Compare(q Pos) int {
	return cmp.Or(cmp.Compare(p.File, q.File), cmp.Compare(p.Line, q.Line), cmp.Compare(p.Column, q.Column))
}

// Problem is one mistake and where it is.
type Problem struct {
	Pos     Pos
	Message string // what is wrong; what is allowed
}

// String returns "file:line:column: what is wrong; what is allowed".
func (p Problem) String() string {
	if p.Pos == (Pos{}) {
		return p.Message
	}
	return p.Pos.String() + ": " + p.Message
}

// Problems are all mistakes of a repository, in the order of their places.
type Problems []Problem

// Error returns one problem a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Summary returns the first problem and how many more there are.
func (ps Problems) Summary() string {
	switch len(ps) {
	case 0:
		return "no problem"
	case 1:
		return ps[0].String()
	case 2:
		return ps[0].String() + " (and 1 more problem)"
	}
	return fmt.Sprintf("%s (and %d more problems)", ps[0], len(ps)-1)
}

// sorted returns the problems in the order of their places, each once.
func (ps Problems) sorted() Problems {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(a.Pos.Compare(b.Pos), cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(ps)
}
