package fleetweb

import (
	"net/url"
	"strconv"

	"github.com/vigie-ops/vigie/internal/ui"
)

// perPage keeps a list quick to draw and to read, however large the fleet is.
const perPage = 100

// paged is one page of a list that is held in memory.
type paged[T any] struct {
	rows  []T
	pages ui.Pages
}

// pageOf cuts the page that the address asks for. A page beyond the end shows
// the last one, since lists shrink under open links.
func pageOf[T any](all []T, u *url.URL, one, many string) paged[T] {
	n := max(1, (len(all)+perPage-1)/perPage)
	page, err := strconv.Atoi(u.Query().Get("page"))
	if err != nil || page < 1 {
		page = 1
	}
	page = min(page, n)
	p := paged[T]{rows: all[(page-1)*perPage : min(page*perPage, len(all))]}
	if n == 1 {
		return p
	}
	p.pages.Text = "Page " + strconv.Itoa(page) + " of " + strconv.Itoa(n) + ", " + ui.Count(len(all), one, many)
	if page > 1 {
		p.pages.Newer = withPage(u, page-1)
	}
	if page < n {
		p.pages.Older = withPage(u, page+1)
	}
	return p
}

func withPage(u *url.URL, page int) string {
	q := u.Query()
	q.Del("page")
	if page > 1 {
		q.Set("page", strconv.Itoa(page))
	}
	if len(q) == 0 {
		return u.Path
	}
	return u.Path + "?" + q.Encode()
}
