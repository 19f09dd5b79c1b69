package notify

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"net/url"
	"strings"
	texttemplate "text/template"
	"time"
	"unicode"

	"github.com/vigie-ops/vigie/internal/respond/alert"
	"github.com/vigie-ops/vigie/internal/signal"
)

//go:embed mail.html
var mailHTML string

//go:embed mail.txt
var mailText string

var (
	words        = map[string]any{"lasted": lasted}
	htmlTemplate = template.Must(template.New("mail").Funcs(words).Parse(mailHTML))
	textTemplate = texttemplate.Must(texttemplate.New("mail").Funcs(words).Parse(mailText))
)

// subject is the one line a person sees on a locked phone: how bad, where,
// what.
func subject(m Message) string {
	if m.Kind == KindTest {
		return "[test] Vigie reaches you here"
	}
	if m.Kind == KindNotice && len(m.Notices) > 0 {
		return noticeSubject(m)
	}
	if len(m.Alerts) == 0 {
		return "[" + string(m.Kind) + "] Vigie"
	}
	lead := m.Alerts[0]
	mark := string(lead.Severity)
	switch {
	case m.Kind == KindResolved:
		mark = "resolved"
	case m.Meanwhile:
		mark = "resolved meanwhile"
	case m.Kind == KindReminder:
		mark = "still " + mark
	}
	if m.Folded > 1 && m.Total+len(m.Notices) > 1 {
		mark = many(m)
	}
	what := oneLine(lead.Summary)
	if lead.Subject != "" && !strings.HasPrefix(strings.ToLower(what), strings.ToLower(lead.Subject)+" ") {
		what = lead.Subject + ": " + what
	}
	s := "[" + mark + "] " + clip(what, 160)
	if m.Total > 1 && m.Folded < 2 {
		s += fmt.Sprintf(" (and %d more)", m.Total-1)
	}
	return s
}

func noticeSubject(m Message) string {
	mark := "notice"
	switch {
	case m.Folded > 1:
		mark = many(m)
	case m.Notices[0].Urgent:
		mark = "urgent"
	}
	return "[" + mark + "] " + clip(oneLine(m.Notices[0].Subject), 160)
}

// many says of how much a message is that tells what was folded.
func many(m Message) string {
	alerts, notices := count(m.Total, "alert"), count(len(m.Notices)+m.Untold, "notice")
	switch {
	case m.Kind == KindResolved, m.Kind == KindNotice && !m.Meanwhile: // alerts of which one fires would lead
		alerts += " resolved"
	case m.Meanwhile:
		alerts += " resolved meanwhile"
	case m.Kind == KindReminder:
		alerts = "still " + alerts
	}
	switch {
	case len(m.Notices) == 0:
		return alerts
	case m.Total == 0:
		return notices
	case m.Kind == KindNotice:
		return notices + ", " + alerts
	}
	return alerts + ", " + notices
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// oneLine makes text of others fit into a header: no line break, no control
// character, no two spaces.
func oneLine(s string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, " "))), " ")
}

// clip shortens text to n characters.
func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// When writes a time as it is where the reader lives, and says which that is.
func (v view) When(t time.Time) string { return t.In(v.zone).Format("Mon 2 Jan 2006 15:04 MST") }

// zoneOf is where a recipient lives; UTC where nobody knows, and for a name that
// this machine does not know.
func zoneOf(r Recipient) *time.Location {
	zone, err := time.LoadLocation(r.Zone)
	if err != nil {
		return time.UTC
	}
	return zone
}

// lasted writes a length of time in the two units that matter.
func lasted(from, to time.Time) string {
	d := to.Sub(from)
	switch {
	case from.IsZero() || d < 0:
		return ""
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%d days", d/(24*time.Hour))
}

// host is the right side of the ids of mails.
func (c *Courier) host() string {
	if u, err := url.Parse(c.o.BaseURL()); err == nil && u.Hostname() != "" {
		return u.Hostname()
	}
	return "vigie.invalid"
}

// messageID is the same for every attempt to send a delivery, so that a mail
// server or a reader can drop a repeated one.
func (c *Courier) messageID(delivery string) string {
	return "delivery-" + delivery + "@" + c.host()
}

// dress fills in what a message looks like when it is sent.
func (c *Courier) dress(m *Message) error {
	m.Base, m.Company = c.o.BaseURL(), c.o.Company()
	m.Thread = "group-" + m.GroupKey + "@" + c.host()
	if m.Folded > 1 {
		m.Thread = "digest-" + m.ID + "@" + c.host()
	}
	m.BoardURL = m.Base + "/alerts"
	if m.Issue != nil {
		m.Issue.URL = m.Base + "/issues/" + m.Issue.ID
		m.Thread = "issue-" + m.Issue.ID + "@" + c.host()
	}
	for i := range m.Alerts {
		a := &m.Alerts[i]
		a.URL = m.Base + "/alerts/" + a.ID
		// Who reads it later sees how it went on.
		if chart := alert.ChartPath(a.Annotations, a.StartedAt, a.ResolvedAt, c.now().Add(time.Hour)); chart != "" {
			a.ChartURL = m.Base + chart
		}
	}
	for i := range m.Notices {
		if n := &m.Notices[i]; n.Path != "" {
			n.URL = m.Base + n.Path
		}
	}
	m.Subject = subject(*m)
	v := view{Message: *m, Heading: heading(*m), Colour: colour(*m), More: m.Total - len(m.Alerts), zone: zoneOf(m.To)}
	var html, text bytes.Buffer
	if err := htmlTemplate.Execute(&html, v); err != nil {
		return fmt.Errorf("write a mail: %w", err)
	}
	if err := textTemplate.Execute(&text, v); err != nil {
		return fmt.Errorf("write a mail: %w", err)
	}
	m.HTML, m.Text = html.String(), strings.TrimSpace(text.String())+"\n"
	return nil
}

// view is what the templates show.
type view struct {
	Message
	Heading string
	Colour  string
	More    int // alerts that are not listed
	zone    *time.Location
}

func heading(m Message) string {
	switch {
	case m.Kind == KindTest:
		return "This is a test. Messages of Vigie reach you here."
	case m.Folded > 1 && len(m.Notices) > 0:
		s := fmt.Sprintf("So much came at once that %d messages are told in one.", m.Folded)
		if m.Meanwhile {
			s += " The alerts among them resolved while it waited to be sent."
		}
		return s
	case m.Kind == KindNotice && m.Severity == signal.Critical:
		return "This is no alert, but you must know it now."
	case m.Kind == KindNotice:
		return "This is no alert, but you must know it."
	case m.Folded > 1 && !m.Meanwhile && m.Kind == KindResolved:
		return fmt.Sprintf("This is over. So much ended at once that %d messages are told in one.", m.Folded)
	case m.Folded > 1 && !m.Meanwhile:
		return fmt.Sprintf("So much is wrong at once that %d messages are told in one.", m.Folded)
	case m.Meanwhile:
		return "It resolved while this message waited to be sent. Nothing is left to do but to look."
	case m.Kind == KindResolved:
		return "This is over."
	case m.Reason == alert.ReasonAckEnded:
		return "The acknowledgement has ended and it is still wrong."
	case m.Kind == KindReminder:
		return "This is still wrong, and nobody has it."
	case m.Reason == alert.ReasonSeverity:
		return "This has changed its severity."
	}
	return "Something is wrong."
}

func colour(m Message) string {
	switch {
	case m.Kind == KindResolved || m.Meanwhile && m.Kind != KindNotice || m.Kind == KindTest:
		return "#1a7f4b"
	case m.Severity == "critical":
		return "#c2281d"
	case m.Severity == "info":
		return "#2b62c4"
	}
	return "#a86400"
}
