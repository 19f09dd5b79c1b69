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
