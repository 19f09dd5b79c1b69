package logbookweb

import (
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/a-h/templ"

	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/respond/logbook"
	"github.com/vigie-ops/vigie/internal/signal"
	"github.com/vigie-ops/vigie/internal/ui"
)

type listView struct {
	Path, Query, State string
	Tabs               []ui.Tab
	Rows               []row
	Newer, Older       string
	Empty              string
}

type row struct {
	Href, Title, Sub string
	Kind             ui.Kind
	Word             string
	Touches          []ui.Link
	Who              string
	Opened           time.Time
	Lasted           string // "" while it is open
}

func (f *face) rows(all []logbook.Issue) []row {
	out := make([]row, len(all))
	for i, issue := range all {
		kind, word := state(issue)
		out[i] = row{
			Href: path(issue), Title: issue.Title, Sub: "#" + strconv.FormatInt(issue.Number, 10) + alertsWords(issue),
			Kind: kind, Word: word, Touches: touches(issue), Opened: issue.OpenedAt,
		}
		if issue.TakenBy != "" {
			out[i].Who = f.Name(issue.TakenBy)
		}
		if end := ended(issue); !end.IsZero() {
			out[i].Lasted = ui.Duration(end.Sub(issue.OpenedAt))
		}
	}
	return out
}

func ended(i logbook.Issue) time.Time {
	if !i.ResolvedAt.IsZero() {
		return i.ResolvedAt
	}
	return i.ClosedAt
}

func alertsWords(i logbook.Issue) string {
	switch {
	case i.Alerts == 0:
		return ", declared by hand"
	case i.Firing == 0:
		return ", " + ui.Count(i.Alerts, "alert", "alerts") + ", none fires"
	case i.Firing == i.Alerts:
		return ", " + ui.Count(i.Alerts, "alert", "alerts") + " firing"
	}
	return ", " + strconv.Itoa(i.Firing) + " of " + ui.Count(i.Alerts, "alert", "alerts") + " firing"
}

// state words an issue: what is open has the colour of its severity.
func state(i logbook.Issue) (ui.Kind, string) {
	switch {
	case i.State == logbook.Closed:
		return ui.Quiet, "closed"
	case i.State == logbook.Resolved:
		return ui.OK, "resolved"
	case i.Severity == signal.Critical:
		return ui.Bad, "critical"
	case i.Severity == signal.Warning:
		return ui.Warn, "warning"
	}
	return ui.Info, "open"
}

// touchedMost is how many things a heading or a row names.
const touchedMost = 6

// touches links what an issue affects. Instances and servers say enough; a
// client is named where nothing else is.
func touches(i logbook.Issue) []ui.Link {
	var out []ui.Link
	add := func(path string, slugs []string) {
		for _, slug := range slugs {
			out = append(out, ui.Link{Text: slug, Href: path + url.PathEscape(slug)})
		}
	}
	add("/instances/", i.Instances)
	add("/servers/", i.Servers)
	if len(out) == 0 {
		add("/clients/", i.Clients)
	}
	if extra := len(out) - touchedMost; extra > 0 {
		out = append(out[:touchedMost], ui.Link{Text: strconv.Itoa(extra) + " more", Href: path(i)})
	}
	return out
}

type oneView struct {
	ID, Title, Path string
	Here            string // Path, with the question that is being answered
	Kind            ui.Kind
	Word            string
	Note            string
	Tags            []ui.Link
	Earlier         []moment // folded away where there are many
	Timeline        []moment // oldest first, as it is told
	Before          []ui.Moment
	Touches         []ui.Fact
	Questions       []question
	Edit            string // key of the question that is being answered
	Taken           string
	Mine            bool
	Open, Resolved  bool
	Closed          bool
	MayAct          bool
	Side            []templ.Component
}

// moment is an entry of the timeline; what a person wrote is Markdown.
type moment struct {
	ui.Moment
	Markdown string
}

type question struct{ Key, Ask, Text, By, Suggestion string }

func (f *face) one(i logbook.Issue, timeline []logbook.Entry, actor people.Actor) oneView {
	v := oneView{
		ID: i.ID, Title: i.Title, Path: path(i), Here: path(i), MayAct: actor.Role.Allows(people.Responder), Mine: i.TakenBy == actor.Slug,
		Open: i.State == logbook.Open, Resolved: i.State == logbook.Resolved, Closed: i.State == logbook.Closed,
	}
	v.Kind, v.Word = state(i)
	if i.TakenBy != "" {
		v.Taken = f.Name(i.TakenBy)
	}
	v.Tags = append([]ui.Link{{Text: string(i.Severity)}}, touches(i)...)
	if end := ended(i); end.IsZero() {
		v.Note = "open for " + ui.Duration(f.Now().Sub(i.OpenedAt).Truncate(time.Second))
	} else {
		v.Note = "lasted " + ui.Duration(end.Sub(i.OpenedAt).Truncate(time.Second))
	}
	switch {
	case v.Open && v.Taken == "":
		v.Word = "nobody has it"
	case v.Open:
		v.Word = v.Taken + " has it"
		if v.Kind == ui.Bad {
			v.Kind = ui.Warn // still wrong, but somebody is at it
		}
	case v.Taken != "":
		v.Note = v.Taken + " had it · " + v.Note
	}
	for _, c := range i.Clients {
		name, manager := f.Manager(c)
		v.Touches = append(v.Touches, ui.Fact{Name: "Client", Value: name, Href: "/clients/" + url.PathEscape(c)})
		if manager != "" {
			v.Touches = append(v.Touches, ui.Fact{Name: "Account manager", Value: manager})
		}
	}
	for _, s := range i.Instances {
		v.Touches = append(v.Touches, ui.Fact{Name: "Instance", Value: s, Href: "/instances/" + url.PathEscape(s)})
	}
	for _, s := range i.Servers {
		v.Touches = append(v.Touches, ui.Fact{Name: "Server", Value: s, Href: "/servers/" + url.PathEscape(s)})
	}
	if i.Alerts > 0 {
		v.Touches = append(v.Touches, ui.Fact{Name: "Alerts", Value: strings.TrimPrefix(alertsWords(i), ", ")})
	}
	for _, q := range i.Questions {
		by := ""
		if q.By != "" {
			by = f.Name(q.By)
		}
		v.Questions = append(v.Questions, question{Key: q.Key, Ask: q.Ask, Text: q.Text, By: by, Suggestion: q.Suggestion})
	}
	v.Timeline = f.story(timeline)
	if extra := len(v.Timeline) - shownMost; extra > 1 {
		v.Earlier, v.Timeline = v.Timeline[:extra], v.Timeline[extra:]
	}
	return v
}

func (f *face) moment(e logbook.Entry) moment {
	m := moment{Moment: ui.Moment{At: e.At, Text: e.Text, Kind: entryKind(e.Kind)}}
	if strings.HasPrefix(e.Link, "/") && !strings.HasPrefix(e.Link, "//") {
		m.Link = ui.Link{Text: e.Text, Href: e.Link}
		m.Text = ""
	}
	who := ""
	if e.Actor != "" {
		who = f.Name(e.Actor)
	}
	switch e.Kind {
	case logbook.KindFiring:
		if m.Link.Text != "" {
			m.Text, m.Link.Text = severityOf(m.Link.Text)
		}
	case logbook.KindResolved:
		if m.Link.Text != "" {
			m.Text = "Resolved:"
		}
	case logbook.KindComment:
		m.Text, m.Markdown = who+" wrote", e.Text
	case logbook.KindAnswer:
		m.Markdown, m.Text = e.Text, who+" answered “"+asked(e.Ref)+"”"
	case logbook.KindCommit:
		m.Link.Text, m.Note = "Operations repository "+short(e.Ref), e.Text
	default:
		if who != "" {
			m.Text = who + " " + m.Text
		} else {
			m.Text = sentence(m.Text)
		}
	}
	return m
}

func entryKind(kind string) ui.Kind {
	switch kind {
	case logbook.KindFiring, logbook.KindFailed:
		return ui.Bad
	case logbook.KindResolved:
		return ui.OK
	case logbook.KindSent, logbook.KindAcknowledged, logbook.KindReviewed, logbook.KindComment, logbook.KindAnswer:
		return ui.Info
	case logbook.KindCommit:
		return ui.Planned
	}
	return ui.Quiet
}

// asked is the question behind a key.
func asked(key string) string {
	for _, q := range logbook.Questions() {
		if q.Key == key {
			return q.Ask
		}
	}
	return "a question"
}

// severityOf takes the severity off the words of a firing alert: "[critical]
// Disk full" is "Critical:" and "Disk full".
func severityOf(text string) (severity, rest string) {
	s, rest, ok := strings.Cut(strings.TrimPrefix(text, "["), "] ")
	if !ok || !strings.HasPrefix(text, "[") {
		return "", text
	}
	return sentence(s) + ":", rest
}

func short(hash string) string { return hash[:min(len(hash), 7)] }

// sentence begins with a capital.
func sentence(s string) string {
	if s == "" {
		return s
	}
	r, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[size:]
}

// standing says how far the answer to a question is.
func standing(q question) string {
	switch {
	case q.Text != "":
		return "by " + q.By
	case q.Suggestion != "":
		return "a first draft; nobody has confirmed it yet"
	}
	return "not answered yet"
}

// draft is what the form of an answer begins with.
func draft(q question) string {
	if q.Text != "" {
		return q.Text
	}
	return q.Suggestion
}

func verb(q question) string {
	if q.Text != "" {
		return "Change"
	}
	if q.Suggestion != "" {
		return "Confirm or change"
	}
	return "Answer"
}
