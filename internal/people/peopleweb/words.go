package peopleweb

import (
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/ui"
)

func problem(words string) []ui.Message {
	if words == "" {
		return nil
	}
	return []ui.Message{{Kind: ui.Bad, Text: words}}
}

func admins(all []people.Person) []ui.Option {
	out := make([]ui.Option, len(all))
	for i, p := range all {
		out[i] = ui.Option{Value: p.Slug, Label: p.Name + " (" + p.Email + ")"}
	}
	return out
}

func linkNote(l people.Link) string {
	if l.Kind == people.LinkInvite {
		return "Choose a password. The link works once."
	}
	return "The link works once, for this browser."
}
