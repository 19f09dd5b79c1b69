package smtp

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/emersion/go-message"

	"github.com/vigie-ops/vigie/internal/respond/notify"
)

func TestAMailCarriesWhatProgramsNeedAndNothingOfOthers(t *testing.T) {
	ch, err := New(context.Background(), notify.Config{From: "Vigie <vigie@example.com>", Host: "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	msg, err := ch.(*Channel).message(notify.Message{
		ID: "01JD", MessageID: "delivery-01JD@vigie.example.com", Thread: "issue-01JI@vigie.example.com", Severity: "critical",
		To:      notify.Recipient{Name: "Nadia\r\nBcc: eve@example.com", Email: "nadia@example.com"},
		Subject: "[critical] x\r\nBcc: eve@example.com", Text: "text", HTML: "<p>html</p>",
	})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := msg.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	e, err := message.Read(&b)
	if err != nil {
		t.Fatal(err)
	}
	for k, want := range map[string]string{
		"Message-Id": "<delivery-01JD@vigie.example.com>", "References": "<issue-01JI@vigie.example.com>", "In-Reply-To": "<issue-01JI@vigie.example.com>",
		"List-Id": "<vigie.example.com>", "Auto-Submitted": "auto-generated", "X-Vigie-Delivery": "01JD", "Bcc": "",
	} {
		if got := e.Header.Get(k); got != want {
			t.Errorf("%s: %q, want %q", k, got, want)
		}
	}
	for f := e.Header.Fields(); f.Next(); {
		if strings.EqualFold(f.Key(), "bcc") || strings.ContainsAny(f.Value(), "\r\n") && !strings.HasPrefix(f.Key(), "Content") {
			t.Errorf("header %s: %q", f.Key(), f.Value())
		}
	}
}

func TestARecipientThatIsNoAddressIsRefusedForGood(t *testing.T) {
	ch, err := New(context.Background(), notify.Config{From: "vigie@example.com", Host: "127.0.0.1", Port: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := ch.Send(context.Background(), notify.Message{To: notify.Recipient{Email: "no address"}}); !notify.IsPermanent(err) {
		t.Errorf("got %v, want a refusal for good", err)
	}
}

func TestNoMetadataServiceIsAsked(t *testing.T) {
	for _, encryption := range []string{"tls", "starttls", "none"} {
		ch, err := New(context.Background(), notify.Config{From: "vigie@example.com", Host: "169.254.169.254", TLS: encryption})
		if err != nil {
			t.Fatal(err)
		}
		if err := ch.Send(context.Background(), notify.Message{To: notify.Recipient{Email: "nadia@example.com"}}); !notify.IsBroken(err) || !strings.Contains(err.Error(), "link-local") {
			t.Errorf("%s: got %v, want it refused", encryption, err)
		}
	}
}
