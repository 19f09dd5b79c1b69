package notify

import (
	"strings"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/respond/alert"
)

func TestTheSubjectSaysHowBadWhereAndWhat(t *testing.T) {
	item := Item{Severity: "critical", Subject: "borealis", Summary: "Status page answers 502"}
	f := func(want string, m Message) {
		t.Helper()
		if got := subject(m); got != want {
			t.Errorf("subject %q, want %q", got, want)
		}
	}
	f("[critical] borealis: Status page answers 502", Message{Kind: KindFiring, Alerts: []Item{item}, Total: 1})
	f("[critical] borealis: Status page answers 502 (and 3 more)", Message{Kind: KindFiring, Alerts: []Item{item}, Total: 4})
	f("[resolved] borealis: Status page answers 502", Message{Kind: KindResolved, Alerts: []Item{item}, Total: 1})
	f("[resolved meanwhile] borealis: Status page answers 502", Message{Kind: KindFiring, Meanwhile: true, Alerts: []Item{item}, Total: 1})
	f("[still critical] borealis: Status page answers 502", Message{Kind: KindReminder, Alerts: []Item{item}, Total: 1})
	item.Summary = "Borealis does not answer"
	f("[critical] Borealis does not answer", Message{Kind: KindFiring, Alerts: []Item{item}, Total: 1})
	item.Summary = "x\r\nBcc: eve@example.com\u2028\x00y"
	f("[critical] borealis: x Bcc: eve@example.com y", Message{Kind: KindFiring, Alerts: []Item{item}, Total: 1})
	item.Summary = strings.Repeat("ä", 500)
	if got := subject(Message{Alerts: []Item{item}, Total: 1}); len([]rune(got)) > 200 {
		t.Errorf("a subject of %d characters", len([]rune(got)))
	}
}

func TestTextOfOthersIsTextInMail(t *testing.T) {
	c := New(Options{BaseURL: func() string { return "https://vigie.example.com" }})
	m := Message{Kind: KindFiring, Total: 60, Issue: &IssueRef{ID: "01J", Number: 7, Title: "<b>"}, Alerts: []Item{{
		ID: "a", State: alert.Firing, Severity: "warning", Subject: "x", Summary: "<script>alert(1)</script>", Description: `"><img src=x>`,
		Value: "91 %", Limit: "90 %", FirstStep: "<i>", Link: "//evil.example.com", StartedAt: time.Date(2026, 3, 2, 3, 4, 5, 0, time.UTC),
	}}}
	if err := c.dress(&m); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<script", "<img", "<i>", "<b>", "evil"} {
		if strings.Contains(m.HTML, bad) {
			t.Errorf("the mail contains %q", bad)
		}
	}
	for _, want := range []string{"91 %", "90 %", "Mon 2 Mar 2026 03:04 UTC", "https://vigie.example.com/alerts/a", "https://vigie.example.com/issues/01J", "59 more"} {
		if !strings.Contains(m.HTML, want) || !strings.Contains(m.Text, want) {
			t.Errorf("the mail does not say %q", want)
		}
	}
	if strings.Contains(m.Text, "\n\n\n") {
		t.Errorf("gaps in the text:\n%s", m.Text)
	}
}

func TestHowLongIsSaidInWords(t *testing.T) {
	from := time.Date(2026, 3, 2, 3, 4, 5, 0, time.UTC)
	f := func(d time.Duration, want string) {
		t.Helper()
		if got := lasted(from, from.Add(d)); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
	f(-time.Second, "")
	f(42*time.Second, "42 s")
	f(90*time.Second, "1 min")
	f(90*time.Minute, "1 h 30 min")
	f(72*time.Hour, "3 days")
}
