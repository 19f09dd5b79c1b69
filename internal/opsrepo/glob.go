package opsrepo

import (
	"path"
	"strings"
)

// matches reports whether a path matches a glob: `*` and `?` within a name,
// `**` for any number of folders before
// a name, {a,b} for either.
func matches(glob, name string) bool {
	for _, g := range braces(glob) {
		if matchParts(strings.Split(g, "/"), strings.Split(name, "/")) {
			return true
		}
	}
	return false
}

// braces writes {a,b} out; braces do not nest.
func braces(glob string) []string {
	before, rest, open := strings.Cut(glob, "{")
	middle, after, closed := strings.Cut(rest, "}")
	if !open || !closed {
		return []string{glob}
	}
	var out []string
	for choice := range strings.SplitSeq(middle, ",") {
		for _, tail := range braces(after) {
			out = append(out, before+choice+tail)
		}
	}
	return out
}

func matchParts(glob, name []string) bool {
	if len(glob) == 0 || len(name) == 0 {
		return len(glob) == len(name)
	}
	if glob[0] == "**" {
		return matchParts(glob[1:], name) || matchParts(glob, name[1:])
	}
	ok, err := path.Match(glob[0], name[0])
	return err == nil && ok && matchParts(glob[1:], name[1:])
}
