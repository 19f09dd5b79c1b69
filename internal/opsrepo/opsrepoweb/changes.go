package opsrepoweb

import (
	"context"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/ui"
)

// changes tells the commits that the hub took over between two moments, and
// the one that it refuses.
func (f *face) changes(_ context.Context, from, to time.Time) ([]ui.Moment, error) {
	return moments(f.o.Repository.Status(), from, to), nil
}

func moments(s opsrepo.Status, from, to time.Time) []ui.Moment {
	var out []ui.Moment
	add := func(m ui.Moment) {
		if !m.At.Before(from) && !m.At.After(to) {
			out = append(out, m)
		}
	}
	switch {
	case len(s.Problems) > 0:
		add(ui.Moment{Kind: ui.Bad, At: s.CheckedAt, Text: "Operations repository refused:", Link: ui.Link{Text: commitWords(s.Seen.Hash, s.Seen.Subject), Href: home}, Note: s.Problems.Summary(), MonoNote: true})
	case s.Err != nil:
		add(ui.Moment{Kind: ui.Warn, At: s.CheckedAt, Text: "Operations repository could not be read;", Link: ui.Link{Text: "why", Href: home}})
	}
	for _, a := range s.History {
		m := ui.Moment{Kind: ui.Quiet, At: a.AppliedAt, Text: "Operations repository:", Link: ui.Link{Text: commitWords(a.Commit, a.Subject), Href: home}}
		if a.Author != "" {
			m.Note = "by " + a.Author
		}
		add(m)
	}
	return out
}

func commitWords(hash, subject string) string {
	return strings.Join(nonEmpty(short(hash), subject), ", ")
}
