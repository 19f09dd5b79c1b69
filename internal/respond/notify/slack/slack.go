// Package slack posts messages to an incoming webhook of Slack, or of another
// chat that understands the same, such as Mattermost.
package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/respond/alert"
	"github.com/vigie-ops/vigie/internal/respond/notify"
	"github.com/vigie-ops/vigie/internal/respond/notify/webhook"
)

var _ notify.Maker = New

// timeout bounds one post.
const timeout = 15 * time.Second

// Channel posts to one incoming webhook.
type Channel struct {
	url    string
	client *http.Client
}

// New returns the channel of a configuration.
func New(ctx context.Context, c notify.Config) (notify.Channel, error) {
	u, err := c.URL.Resolve(ctx)
	if err != nil {
		return nil, err
	}
	return &Channel{url: u, client: webhook.Client(timeout)}, nil
}

// Send posts the message.
func (c *Channel) Send(ctx context.Context, m notify.Message) error {
	body, err := json.Marshal(post(m))
	if err != nil {
		return notify.Permanent(fmt.Errorf("write the message: %w", err))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return notify.Permanent(fmt.Errorf("the address of the incoming webhook is no address"))
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", m.ID)
	return webhook.Do(c.client, req)
}

// Post is a message as Slack takes it.
type Post struct {
	Text   string  `json:"text"` // what phones and old programs show
	Blocks []Block `json:"blocks"`
}

// Block is one part of a post.
type Block struct {
	Type     string `json:"type"`
	Text     *Text  `json:"text,omitempty"`
	Elements []Text `json:"elements,omitempty"`
}

// Text is text of a block.
type Text struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// Slack refuses longer posts as a whole.
const (
	maxText   = 2900 // of a block, escapes included
	maxBlocks = 20
)

// escape takes from text of others what Slack would read as a link, a mention
// or a command.
func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

// clip shortens text before it is escaped, so that no escape is cut in half.
func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "…"
	}
	return s
}

func post(m notify.Message) Post {
	p := Post{Text: escape(clip(m.Subject, maxText/5))}
	section := func(text string) {
		p.Blocks = append(p.Blocks, Block{Type: "section", Text: &Text{Type: "mrkdwn", Text: text}})
	}
	section("*" + escape(clip(m.Subject, maxText/5)) + "*")
	for n, notice := range m.Notices {
		if n == maxBlocks {
			section(fmt.Sprintf("… and <%s/notifications|%d more>", m.Base, len(m.Notices)-n+m.Untold))
			break
		}
		for _, text := range words(notice, m.Folded > 1) {
			section(text)
		}
	}
	for n, a := range m.Alerts {
		if n == maxBlocks {
			section(fmt.Sprintf("… and <%s|%d more>", m.BoardURL, m.Total-n))
			break
		}
		section(lines(a))
	}
	if m.Kind == notify.KindNotice && len(m.Alerts) == 0 {
		return p
	}
	links := "<" + m.BoardURL + "|All alerts>"
	if m.Issue != nil {
		links = fmt.Sprintf("<%s|Issue #%d> · ", m.Issue.URL, m.Issue.Number) + links
	}
	p.Blocks = append(p.Blocks, Block{Type: "context", Elements: []Text{{Type: "mrkdwn", Text: links}}})
	return p
}

// words says one notice: what it is, whom it is for, and where it leads. Among
// others it is short; alone, the head of the post names it.
func words(n notify.NoticeItem, among bool) []string {
	var head, foot []string
	if among {
		foot = append(foot, "*"+escape(clip(n.Subject, maxText/25))+"*", fit(escape(n.Short()), maxText/4))
	} else if n.Text != "" {
		head = append(head, fit(escape(n.Text), maxText))
	}
	var names []string
	for _, r := range n.For {
		names = append(names, r.Name)
	}
	if len(names) > 0 {
		foot = append(foot, "For "+escape(clip(strings.Join(names, ", "), maxText/25)))
	}
	if n.URL != "" {
		foot = append(foot, "<"+escape(n.URL)+"|"+strings.ReplaceAll(escape(clip(n.Button, maxText/50)), "|", "¦")+">")
	}
	if len(foot) > 0 {
		head = append(head, strings.Join(foot, "\n"))
	}
	return head
}

// fit shortens text that is escaped already, and cuts no escape in half.
func fit(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	s = string(r[:n])
	if at := strings.LastIndexByte(s, '&'); at >= 0 && !strings.Contains(s[at:], ";") {
		s = s[:at]
	}
	return s + "…"
}

// lines says one alert.
func lines(a notify.Item) string {
	mark := string(a.Severity)
	if a.State == alert.Resolved {
		mark = "resolved"
	}
	out := []string{fmt.Sprintf("*%s* <%s|%s>", mark, a.URL, strings.ReplaceAll(escape(clip(a.Summary, maxText/10)), "|", "¦"))}
	for _, l := range []struct{ name, text string }{
		{"Value", a.Value}, {"Limit", a.Limit}, {"First step", a.FirstStep}, {"In hand of", a.AcknowledgedBy}, {"It flaps", a.Flapping},
	} {
		if l.text != "" && !(l.name == "First step" && a.State == alert.Resolved) {
			out = append(out, l.name+": "+escape(clip(l.text, maxText/25)))
		}
	}
	return strings.Join(out, "\n")
}
