package console

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/ui"
)

// Declared leads to the line of the operations repository that says so; empty
// for what stands in no file.
func Declared(p opsrepo.Pos) ui.Link {
	if p.File == "" {
		return ui.Link{}
	}
	text := p.File
	if p.Line > 0 {
		text += ":" + strconv.Itoa(p.Line)
	}
	return ui.Link{Text: text, Href: FileHref(p.File, p.Line)}
}

// FileHref leads to a file of the operations repository, and to a line of it
// unless that is zero.
func FileHref(file string, line int) string {
	parts := strings.Split(file, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	href := "/operations/files/" + strings.Join(parts, "/")
	if line > 0 {
		href += "#L" + strconv.Itoa(line)
	}
	return href
}
