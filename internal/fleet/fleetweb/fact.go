package fleetweb

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/ui"
	"github.com/vigie-ops/vigie/internal/wire"
)

// factPage is one kind of fact with all its rows and its past.
type factPage struct {
	table   factTable
	server  string
	note    string
	changes []ui.Moment
}

func (f *face) fact(c *console.Console) console.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		m, err := f.look(r.Context())
		if err != nil {
			return err
		}
		s, err := m.serverOf(r)
		if err != nil {
			return err
		}
		kind := r.PathValue("kind")
		if _, ok := wire.FactKinds()[kind]; !ok {
			return console.NotFound("There is no fact of this kind.")
		}
		newest, err := f.o.Facts.One(r.Context(), s.Slug, kind)
		if errors.Is(err, fleet.ErrNoFact) {
			return console.NotFound("The agent of " + s.Slug + " has not sent this yet.")
		}
		if err != nil {
			return fmt.Errorf("read %s of %s: %w", kind, s.Slug, err)
		}
		past, err := f.o.Facts.History(r.Context(), s.Slug, kind)
		if err != nil {
			return fmt.Errorf("read the history of %s of %s: %w", kind, s.Slug, err)
		}
		table, ok := tableOf(newest)
		if !ok {
			return console.NotFound("The agent of " + s.Slug + " sent this in a form that this hub does not read; it may be newer than the hub.")
		}
		v := factPage{table: table, server: s.Slug, note: table.note(m.now), changes: changesOf(past)}
		return c.Render(w, r, console.View{
			Title: table.title, Current: "/servers",
			Crumbs: []ui.Link{{Text: "Servers", Href: "/servers"}, {Text: s.Slug, Href: "/servers/" + s.Slug}},
			Body:   factBody(v),
		})
	}
}

// changesOf tells the past of a fact, newest first: what came and what went.
func changesOf(past []fleet.Fact) []ui.Moment {
	var out []ui.Moment
	for i, fact := range past {
		t, ok := tableOf(fact)
		if !ok {
			continue
		}
		e := ui.Moment{Kind: ui.Quiet, At: fact.At, Text: t.summary, MonoNote: true}
		if i+1 < len(past) {
			if before, ok := tableOf(past[i+1]); ok {
				e.Note = difference(before, t)
			}
		} else {
			e.Note = ""
			e.Text += ", the oldest kept"
		}
		out = append(out, e)
	}
	return out
}
