package logbookweb

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/respond/logbook"
)

// find finds issues by their number or their title.
func (f *face) find(ctx context.Context, words string, limit int) ([]console.Hit, error) {
	var hits []console.Hit
	add := func(i logbook.Issue) {
		hits = append(hits, console.Hit{Group: "Issues", Text: i.Title, Under: fmt.Sprintf("#%d, %s", i.Number, i.State), Href: path(i)})
	}
	if n, err := strconv.ParseInt(strings.TrimPrefix(words, "#"), 10, 64); err == nil {
		i, err := f.desk.Get(ctx, strconv.FormatInt(n, 10))
		if err == nil {
			add(i)
		} else if !errors.Is(err, logbook.ErrNotFound) {
			return nil, err
		}
	}
	page, err := f.desk.List(ctx, logbook.Filter{Text: words, Limit: limit})
	if err != nil {
		return nil, err
	}
	for _, i := range page.Items {
		add(i)
	}
	return hits, nil
}
