package fleetweb

import (
	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/ui"
)

// declared leads to the line of the operations repository that says so.
func declared(p opsrepo.Pos) ui.Fact {
	l := console.Declared(p)
	if l.Href == "" {
		return ui.Fact{Name: "Declared in", Value: "nothing"}
	}
	return ui.Fact{Name: "Declared in", Value: l.Text, Href: l.Href, Mono: true}
}
