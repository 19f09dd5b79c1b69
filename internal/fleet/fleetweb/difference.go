package fleetweb

import (
	"fmt"
	"strings"
)

// mentioned bounds how many rows a difference names.
const mentioned = 6

// difference says what came and what went between two versions of a fact:
// "+ 443/tcp nginx, − 8080/tcp java".
func difference(before, after factTable) string {
	had, has := map[string]bool{}, map[string]bool{}
	for _, row := range before.rows {
		had[line(row)] = true
	}
	var words []string
	for _, row := range after.rows {
		l := line(row)
		has[l] = true
		if !had[l] {
			words = append(words, "+ "+l)
		}
	}
	for _, row := range before.rows {
		if l := line(row); !has[l] {
			words = append(words, "− "+l)
		}
	}
	if extra := len(words) - mentioned; extra > 0 {
		words = append(words[:mentioned], fmt.Sprintf("and %d more", extra))
	}
	return strings.Join(words, ", ")
}

func line(row []cell) string {
	words := make([]string, len(row))
	for i, c := range row {
		words[i] = c.text
	}
	return strings.Join(words, " ")
}
