package logbookweb

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/respond/logbook"
)

func TestStoryTellsMessagesTogether(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	sent := func(after time.Duration, text string) logbook.Entry {
		return logbook.Entry{At: at.Add(after), Kind: logbook.KindSent, Text: text}
	}
	entries := []logbook.Entry{
		{At: at, Kind: logbook.KindState, Text: "opened"},
		{At: at, Kind: logbook.KindFiring, Text: "[critical] disk full", Link: "/alerts/1"},
		{At: at, Kind: logbook.KindFiring, Text: "and 30 more"},
		{At: at, Kind: logbook.KindResolved, Text: "disk full", Link: "/alerts/1"},
		sent(0, "Ann Lee by mail: disk full"),
		sent(time.Second, "Bob by mail: disk full"),
		sent(time.Second, "Cem by mail: disk full"),
		sent(2*time.Second, "Ann Lee by mail: over"),
		sent(3*time.Second, "ops-slack: over"),
		sent(10*time.Minute, "ops-slack: over"),
		{At: at, Kind: logbook.KindState, Actor: "ann", Text: "has it now"},
		{At: at, Kind: logbook.KindAnswer, Actor: "ann", Text: "The **disk**.", Ref: logbook.GoingOn},
		{At: at, Kind: logbook.KindCommit, Text: "more disk (Bob)", Ref: "0123456789abcdef", Link: "/operations"},
	}
	f := &face{Options: Options{Name: func(person string) string { return map[string]string{"ann": "Ann Lee"}[person] }}}
	type line struct{ Text, Link, Note, Markdown string }
	var got []line
	for _, m := range f.story(entries) {
		got = append(got, line{m.Text, m.Link.Text, m.Note, m.Markdown})
	}
	want := []line{
		{Text: "Opened"},
		{Text: "Critical:", Link: "disk full"},
		{Text: "and 30 more"},
		{Text: "Resolved:", Link: "disk full"},
		{Text: "Told Ann Lee, Bob and Cem by mail", Note: "disk full"},
		{Text: "Told Ann Lee by mail and ops-slack", Note: "over"},
		{Text: "Told ops-slack", Note: "over"},
		{Text: "Ann Lee has it now"},
		{Text: "Ann Lee answered “What is going on?”", Markdown: "The **disk**."},
		{Link: "Operations repository 0123456", Note: "more disk (Bob)"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the story differs (-want +got):\n%s", diff)
	}
}
