package runweb

import (
	"context"
	"strings"

	"github.com/vigie-ops/vigie/internal/console"
)

// find finds playbooks by their names; it leads to their forms.
func (f *face) find(ctx context.Context, words string, _ int) ([]console.Hit, error) {
	books, _, err := f.office.Catalogue(ctx, "")
	if err != nil {
		return nil, nil //nolint:nilerr // without a commit that was accepted there is nothing to run
	}
	var hits []console.Hit
	for _, p := range books {
		if strings.Contains(strings.ToLower(p.Slug+"\n"+p.Title()), strings.ToLower(words)) {
			hits = append(hits, console.Hit{Group: "Run a playbook", Text: p.Title(), Under: p.Slug, Href: console.Query("/runs/new", "playbook", p.Slug)})
		}
	}
	return hits, nil
}
