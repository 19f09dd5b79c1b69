package slack_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/vigie-ops/vigie/internal/lib/secret"
	"github.com/vigie-ops/vigie/internal/respond/alert"
	"github.com/vigie-ops/vigie/internal/respond/notify"
	"github.com/vigie-ops/vigie/internal/respond/notify/slack"
)

func TestTextOfOthersMentionsNobody(t *testing.T) {
	posts := make(chan slack.Post, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var p slack.Post
		if err := json.NewDecoder(r.Body).Decode(&p); err != nil {
			t.Error(err)
		}
		posts <- p
	}))
	defer s.Close()
	t.Setenv("SLACK_URL", s.URL)
	ch, err := slack.New(context.Background(), notify.Config{URL: notify.URL{Ref: secret.Ref{Env: "SLACK_URL"}}})
	if err != nil {
		t.Fatal(err)
	}
	items := make([]notify.Item, 50)
	for i := range items {
		items[i] = notify.Item{State: alert.Firing, Severity: "critical", Summary: "<!channel> a & b | c" + strings.Repeat("<", 9000), FirstStep: strings.Repeat("&", 9000), URL: "https://v/alerts/a"}
	}
	err = ch.Send(context.Background(), notify.Message{Subject: "[critical] <!here> down", Alerts: items, Total: 200, BoardURL: "https://v/alerts", Issue: &notify.IssueRef{Number: 7, URL: "https://v/issues/x"}})
	if err != nil {
		t.Fatal(err)
	}
	p := <-posts
	if p.Text != "[critical] &lt;!here&gt; down" {
		t.Errorf("fallback %q", p.Text)
	}
	if len(p.Blocks) > 50 {
		t.Errorf("%d blocks, Slack takes 50", len(p.Blocks))
	}
	for _, b := range p.Blocks {
		if b.Text == nil {
			continue
		}
		if strings.Contains(b.Text.Text, "<!") || len([]rune(b.Text.Text)) > 3000 {
			t.Errorf("a block of %d characters: %.80s", len([]rune(b.Text.Text)), b.Text.Text)
		}
	}
}

func TestNoMetadataServiceIsAsked(t *testing.T) {
	ch, err := slack.New(context.Background(), notify.Config{URL: notify.URL{Text: "http://169.254.169.254/latest/meta-data"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := ch.Send(context.Background(), notify.Message{}); !notify.IsBroken(err) {
		t.Errorf("got %v, want it refused", err)
	}
}

func TestTheSecretAddressIsNotInErrors(t *testing.T) {
	t.Setenv("SLACK_URL", "http://127.0.0.1:1/services/T0/B0/verysecret")
	ch, err := slack.New(context.Background(), notify.Config{URL: notify.URL{Ref: secret.Ref{Env: "SLACK_URL"}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := ch.Send(context.Background(), notify.Message{}); err == nil || strings.Contains(err.Error(), "verysecret") {
		t.Errorf("error %v", err)
	}
}

func TestANoticeSaysWhomItIsForAndWhereItLeads(t *testing.T) {
	posts := make(chan slack.Post, 1)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var p slack.Post
		if err := json.NewDecoder(r.Body).Decode(&p); err != nil {
			t.Error(err)
		}
		posts <- p
	}))
	defer s.Close()
	t.Setenv("SLACK_URL", s.URL)
	ch, err := slack.New(context.Background(), notify.Config{URL: notify.URL{Ref: secret.Ref{Env: "SLACK_URL"}}})
	if err != nil {
		t.Fatal(err)
	}
	send := func(m notify.Message) (texts []string) {
		t.Helper()
		m.Kind, m.BoardURL = notify.KindNotice, "https://v/alerts"
		if err := ch.Send(context.Background(), m); err != nil {
			t.Fatal(err)
		}
		p := <-posts
		if len(p.Blocks) > 50 {
			t.Errorf("%d blocks, Slack takes 50", len(p.Blocks))
		}
		for _, b := range p.Blocks {
			if b.Text != nil {
				texts = append(texts, b.Text.Text)
			}
		}
		for _, text := range texts {
			if strings.Contains(text, "<!") || len([]rune(text)) > 3000 || strings.Contains(text, "&…") {
				t.Errorf("a block of %d characters: %.80s", len([]rune(text)), text)
			}
		}
		return texts
	}
	one := notify.NoticeItem{
		Subject: "Approve? <!here>", Text: "Ada asks & waits.\n\n<!channel> Why: it hangs.", Button: "Look|decide", URL: "https://v/runs/1?a=1&b=2",
		For: []notify.Recipient{{Slug: "nadia", Name: "Nadia <!here>"}, {Slug: "tom", Name: "Tom"}},
	}
	got := send(notify.Message{Subject: "[notice] Approve? <!here>", Notices: []notify.NoticeItem{one}})
	want := []string{
		"*[notice] Approve? &lt;!here&gt;*", "Ada asks &amp; waits.\n\n&lt;!channel&gt; Why: it hangs.",
		"For Nadia &lt;!here&gt;, Tom\n<https://v/runs/1?a=1&amp;b=2|Look¦decide>",
	}
	if strings.Join(got, "\n--\n") != strings.Join(want, "\n--\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n--\n"), strings.Join(want, "\n--\n"))
	}
	one.Text = strings.Repeat("&", 9000)
	one.Subject, one.Button = strings.Repeat("<", 9000), strings.Repeat(">", 9000)
	send(notify.Message{Subject: "[notice] long", Notices: []notify.NoticeItem{one}})
	many := make([]notify.NoticeItem, 50)
	for i := range many {
		many[i] = one
	}
	got = send(notify.Message{Subject: "[70 notices] long", Folded: 70, Untold: 20, Base: "https://v", Notices: many})
	if last := got[len(got)-1]; last != "… and <https://v/notifications|50 more>" {
		t.Errorf("the last block is %q", last)
	}
}
