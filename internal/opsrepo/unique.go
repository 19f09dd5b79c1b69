package opsrepo

import "fmt"

// Index returns the path of an element, for FieldPos: "ports[2]".
func Index(field string, i int) string { return fmt.Sprintf("%s[%d]", field, i) }

// CheckUnique reports the values that a list of the entry at pos names twice.
func CheckUnique[T comparable](c *Checker, pos Pos, field string, values []T) {
	seen := make(map[T]bool, len(values))
	for i, v := range values {
		if seen[v] {
			c.Errorf(c.FieldPos(pos, Index(field, i)), "%s names %v twice; once is enough", field, v)
		}
		seen[v] = true
	}
}
