package console

import (
	"net/http"

	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/signal"
	"github.com/vigie-ops/vigie/internal/ui"
)

// RegisterNow adds the page that opens first. It answers one question: is
// anything wrong, and who has it.
func (c *Console) RegisterNow() {
	c.Nav(NavEntry{Text: "Now", Href: "/", Role: people.Viewer})
	c.Page("GET /{$}", people.Viewer, c.now)
	c.Offer(NowSide, Panel{Order: 50, Show: c.lately})
}

func (c *Console) now(w http.ResponseWriter, r *http.Request) error {
	about := About{
		Subject: signal.Subject{Kind: signal.Hub},
		Range:   ui.ParseRange(r.URL.Query(), c.o.Now(), "4h"),
	}
	return c.Render(w, r, View{
		Title:   "Now",
		Current: "/",
		Body: nowPage(
			c.Panels(r.Context(), NowFigures, about),
			c.Panels(r.Context(), NowTop, about),
			c.Panels(r.Context(), NowMain, about),
			c.Panels(r.Context(), NowSide, about),
		),
	})
}
