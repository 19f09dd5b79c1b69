package opsrepoweb

import (
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/ui"
)

// problemsShown is how many problems the page shows; there may be thousands
// when a file is broken.
const problemsShown = 50

// overview is what the page of the repository shows.
type overview struct {
	path     string
	heading  ui.Heading
	broken   string // why it could not be read
	problems []problemRow
	more     int
	counted  string
	refused  string // the commit that is refused
	facts    []ui.Fact
	files    []fileRow
	history  []ui.Moment
	empty    bool
}

// problemRow is one mistake with the lines around it.
type problemRow struct{ place, message, excerpt string }

// fileRow is a line of the list of files.
type fileRow struct {
	path, href string
	sections   []string
	size       string
}

func (f *face) overview(c *console.Console) console.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		s := f.o.Repository.Status()
		v := overviewOf(s, f.refused(), f.o.Now())
		v.path = r.URL.RequestURI()
		view := console.View{Title: "Operations repository", Current: home, Body: overviewBody(v)}
		if console.Actor(r).Role.Allows(people.Operator) {
			view.Actions = checkButton()
		}
		return c.Render(w, r, view)
	}
}

func (f *face) refused() fs.FS {
	if f.o.Refused == nil {
		return nil
	}
	return f.o.Refused()
}

// overviewOf puts a status into words.
func overviewOf(s opsrepo.Status, refused fs.FS, now time.Time) overview {
	v := overview{heading: ui.Heading{Title: "Operations repository"}, empty: s.Current == nil}
	v.heading.Kind, v.heading.State = state(s)
	if !s.CheckedAt.IsZero() {
		v.heading.Note = "checked " + ui.Ago(now.Sub(s.CheckedAt))
	}
	if s.Err != nil {
		v.broken = s.Err.Error()
	}
	if len(s.Problems) > 0 {
		v.refused = strings.Join(nonEmpty(short(s.Seen.Hash), s.Seen.Subject, by(s.Seen.Author, s.Seen.At, now)), ", ")
		v.counted = ui.Count(len(s.Problems), "problem", "problems")
		for _, p := range s.Problems[:min(len(s.Problems), problemsShown)] {
			v.problems = append(v.problems, problemRow{p.Pos.String(), p.Message, excerpt(refused, p.Pos)})
		}
		v.more = len(s.Problems) - len(v.problems)
	}
	v.facts = factsOf(s)
	v.files = fileRows(s.Current)
	for i, a := range s.History {
		m := ui.Moment{Kind: ui.Quiet, At: a.AppliedAt, Text: strings.Join(nonEmpty(short(a.Commit), a.Subject), ", "), Note: by(a.Author, a.At, now)}
		if i == 0 {
			m.Kind = ui.OK
		}
		v.history = append(v.history, m)
	}
	return v
}

func factsOf(s opsrepo.Status) []ui.Fact {
	out := []ui.Fact{{Name: "Comes from", Value: s.Source, Mono: true}}
	if g := s.Current; g != nil {
		out = append(out, ui.Fact{Name: "Runs", Value: short(g.Commit), Mono: true})
		if g.Subject != "" {
			out = append(out, ui.Fact{Name: "Subject", Value: g.Subject})
		}
		if g.Author != "" {
			out = append(out, ui.Fact{Name: "Author", Value: g.Author})
		}
		if !g.At.IsZero() {
			out = append(out, ui.Fact{Name: "Committed", Body: ui.Time(g.At)})
		}
		out = append(out,
			ui.Fact{Name: "Applied", Body: ui.Time(s.AppliedAt)},
			ui.Fact{Name: "Files", Value: strconv.Itoa(len(g.Files))})
	}
	return append(out, ui.Fact{Name: "Last check", Body: ui.Time(s.CheckedAt)})
}

func fileRows(g *opsrepo.Generation) []fileRow {
	if g == nil {
		return nil
	}
	rows := make([]fileRow, 0, len(g.Files))
	for _, file := range g.Files {
		rows = append(rows, fileRow{path: file.Path, href: console.FileHref(file.Path, 0), sections: file.Sections, size: ui.Bytes(float64(len(file.Content)))})
	}
	return rows
}

func nonEmpty(words ...string) []string {
	var out []string
	for _, w := range words {
		if w != "" {
			out = append(out, w)
		}
	}
	return out
}
