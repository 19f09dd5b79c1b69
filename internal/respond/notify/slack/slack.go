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
	for n, a := range m.Alerts {
		if n == maxBlocks {
			section(fmt.Sprintf("… and <%s|%d more>", m.BoardURL, m.Total-n))
			break
		}
		section(lines(a))
	}
	links := "<" + m.BoardURL + "|All alerts>"
	if m.Issue != nil {
		links = fmt.Sprintf("<%s|Issue #%d> · ", m.Issue.URL, m.Issue.Number) + links
	}
	p.Blocks = append(p.Blocks, Block{Type: "context", Elements: []Text{{Type: "mrkdwn", Text: links}}})
	return p
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
