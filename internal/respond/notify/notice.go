package notify

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/lib/id"
	"github.com/vigie-ops/vigie/internal/respond/alert"
	"github.com/vigie-ops/vigie/internal/signal"
)

// Notice is something that people must be told and that is no alert: that
// somebody waits for their approval, or that a rule was broken in an emergency.
type Notice struct {
	To      []string // slugs of people
	Channel string   // slug; the first that sends mail if empty
	Urgent  bool
	Subject string
	Text    string // plain; blank lines part paragraphs
	Link    string // path in the console, where the reader has to be signed in
	Button  string // what the link says
	About   string // id of what it is about; messages about one thing form a thread
}

// NoticeItem is one notice of a message.
type NoticeItem struct {
	Subject string
	Text    string
	Path    string // in the console; "" where it leads nowhere
	Button  string
	About   string
	Urgent  bool
	At      time.Time
	For     []Recipient // whom it is for, where the channel addresses no person
	URL     string      `json:"-"`
}

// What a notice says at most, in characters, and how long its link may be.
const (
	maxNotice = 20_000
	maxLink   = 500
)

// Notice tells people something, each by a message of their own, if and only if
// the transaction commits. Who cannot be reached keeps it from nobody else: it
// stands in the list of deliveries, in the log, and is an alert.
func (c *Courier) Notice(ctx context.Context, tx *db.Tx, n Notice) error {
	now, event := c.now(), id.New()
	item := NoticeItem{
		Subject: cmp.Or(clip(oneLine(n.Subject), 160), "A notice of Vigie"), Text: clip(plain(n.Text), maxNotice), Path: consolePath(n.Link),
		Button: cmp.Or(clip(oneLine(n.Button), 60), "Open it in the console"), About: n.About, Urgent: n.Urgent, At: now,
	}
	for _, a := range c.readers(n) {
		one := item
		if a.to.Slug == "" {
			one.For = c.named(n.To)
		}
		m := Message{
			ID: id.New(), Event: event, Kind: KindNotice, At: now, GroupKey: "notice-" + cmp.Or(token(n.About), event), Group: map[string]string{},
			To: a.to, Notices: []NoticeItem{one}, Severity: worst(one),
		}
		if err := c.deliver(ctx, tx, m, a); err != nil {
			return err
		}
	}
	return nil
}

// readers says where a notice goes, each address once.
func (c *Courier) readers(n Notice) []addressee {
	channel := n.Channel
	if channel == "" {
		channel = *c.mailChannel.Load()
	}
	to := n.To
	if len(to) == 0 {
		to = []string{""}
	}
	var all []addressee
	seen := map[string]bool{}
	for _, person := range to {
		if a := c.reader(person, channel); !seen[a.address] {
			seen[a.address] = true
			all = append(all, a)
		}
	}
	return all
}

// reader resolves one person by a channel.
func (c *Courier) reader(person, channel string) addressee {
	var a addressee
	for _, a = range reach(alert.Target{Person: person, Channel: channel}, *c.channels.Load(), c.o.People) {
		break
	}
	switch {
	case a.problem == "":
		return a
	case channel == "":
		a.problem = "the operations repository has no channel that sends mail"
	case person == "":
		a.problem = "it names nobody"
	}
	// Each of those who are not told stands in the list by themselves.
	if a.address = "person:" + person; person == "" {
		a.address = "nobody"
	}
	a.to.Slug = person
	return a
}

func (c *Courier) named(slugs []string) []Recipient {
	var all []Recipient
	for i, slug := range slugs {
		if slices.Contains(slugs[:i], slug) {
			continue
		}
		p, _ := c.o.People.Person(slug)
		all = append(all, Recipient{Slug: slug, Name: cmp.Or(p.Name, slug)})
	}
	return all
}

// worst is how severe notices are, in the words of alerts.
func worst(notices ...NoticeItem) signal.Severity {
	for _, n := range notices {
		if n.Urgent {
			return signal.Critical
		}
	}
	return signal.Info
}

// Paragraphs returns the lines of each paragraph.
func (n NoticeItem) Paragraphs() [][]string {
	var all [][]string
	for p := range strings.SplitSeq(n.Text, "\n\n") {
		all = append(all, strings.Split(p, "\n"))
	}
	return all
}

// Short is the text in a line, for a message that tells many things.
func (n NoticeItem) Short() string { return clip(oneLine(n.Text), 400) }

// plain makes text of others fit for a mail: lines, and blank lines between
// paragraphs, and nothing else that is not to be seen.
func plain(s string) string {
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n\n").Replace(strings.ToValidUTF8(s, " "))
	var paragraphs []string
	var lines []string
	for line := range strings.SplitSeq(s+"\n\n", "\n") {
		line = strings.TrimSpace(strings.Map(func(r rune) rune {
			if unicode.IsControl(r) || r == unicode.ReplacementChar {
				return ' '
			}
			return r
		}, line))
		if line != "" {
			lines = append(lines, line)
		} else if len(lines) > 0 {
			paragraphs = append(paragraphs, strings.Join(lines, "\n"))
			lines = nil
		}
	}
	return strings.Join(paragraphs, "\n\n")
}

// consolePath returns a link into the console as it can stand in a message, ""
// where it would lead elsewhere.
func consolePath(link string) string {
	u, err := url.Parse(link)
	if err != nil || len(link) > maxLink || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") {
		return ""
	}
	u.RawQuery = strings.NewReplacer(" ", "%20", "<", "%3C", ">", "%3E", `"`, "%22", "|", "%7C").Replace(u.RawQuery)
	return u.String()
}

// token is the part of an id that can stand in the id of a mail.
func token(s string) string {
	return clip(strings.Map(func(r rune) rune {
		if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-') {
			return r
		}
		return -1
	}, s), 60)
}
