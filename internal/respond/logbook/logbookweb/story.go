package logbookweb

import (
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/respond/logbook"
)

// shownMost is how many entries of a timeline stand open; the earlier ones are
// folded away.
const shownMost = 60

// toldTogether is how close messages must be to be told as one.
const toldTogether = time.Minute

// story words a timeline, oldest first. Messages about the same thing that
// went out together are one entry with all who were told.
func (f *face) story(entries []logbook.Entry) []moment {
	var out []moment
	for i := 0; i < len(entries); i++ {
		e := entries[i]
		if e.Kind != logbook.KindSent {
			out = append(out, f.moment(e))
			continue
		}
		whom, subject, _ := strings.Cut(e.Text, ": ")
		told := []string{whom}
		for i+1 < len(entries) {
			next := entries[i+1]
			w, s, _ := strings.Cut(next.Text, ": ")
			if next.Kind != logbook.KindSent || s != subject || next.At.Sub(e.At) > toldTogether {
				break
			}
			told = append(told, w)
			i++
		}
		m := f.moment(e)
		m.Text, m.Note = "Told "+and(shared(told)), subject
		out = append(out, m)
	}
	return out
}

// shared says once what all have in common: the channel of "Ann by mail" and
// "Bob by mail".
func shared(told []string) []string {
	_, channel, ok := strings.Cut(told[0], " by ")
	if !ok {
		return told
	}
	names := make([]string, len(told))
	for i, t := range told {
		name, c, _ := strings.Cut(t, " by ")
		if c != channel {
			return told
		}
		names[i] = name
	}
	names[len(names)-1] += " by " + channel
	return names
}

// and joins names as a sentence does.
func and(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}
