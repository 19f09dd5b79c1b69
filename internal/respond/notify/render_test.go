package notify

import (
	"html"
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
		Value: "91 %", Limit: "90 %", FirstStep: "<i>", Annotations: map[string]string{"link": "//evil.example.com"}, StartedAt: time.Date(2026, 3, 2, 3, 4, 5, 0, time.UTC),
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

func TestAMailLeadsToTheChartOfItsAlert(t *testing.T) {
	now := time.Date(2026, 3, 2, 3, 4, 0, 0, time.UTC)
	c := New(Options{BaseURL: func() string { return "https://vigie.example.com" }, Now: func() time.Time { return now }})
	f := func(want string, i Item) {
		t.Helper()
		m := Message{Kind: KindFiring, Total: 1, Alerts: []Item{i}}
		if err := c.dress(&m); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(m.Text, "Chart:      "+want+"\n") || !strings.Contains(html.UnescapeString(m.HTML), `<a href="`+want+`"`) {
			t.Errorf("the mail has no link to %s:\n%s\n%s", want, m.Text, m.HTML)
		}
	}
	began, ended := time.UnixMilli(1772420000_000), time.UnixMilli(1772421000_000)
	expr := map[string]string{"expr": `up{job="a b"} == 0`, "link": "/probes"}
	f("https://vigie.example.com/metrics?expr=up%7Bjob%3D%22a+b%22%7D+%3D%3D+0&from=1772416400000&to=1772424240000", Item{State: alert.Firing, StartedAt: began, Annotations: expr})
	f("https://vigie.example.com/metrics?expr=up%7Bjob%3D%22a+b%22%7D+%3D%3D+0&from=1772416400000&to=1772424600000", Item{State: alert.Resolved, StartedAt: began, ResolvedAt: ended, Annotations: expr})
	f("https://vigie.example.com/probes", Item{State: alert.Firing, StartedAt: began, Annotations: map[string]string{"link": "/probes"}})
}

func TestTimesAreThoseOfTheReader(t *testing.T) {
	c := New(Options{})
	f := func(zone string, at time.Time, want string) {
		t.Helper()
		for _, folded := range []int{0, 2} {
			m := Message{Kind: KindFiring, Total: 1, Folded: folded, To: Recipient{Zone: zone}, Alerts: []Item{{State: alert.Firing, StartedAt: at}}}
			if err := c.dress(&m); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(m.Text, want) || !strings.Contains(m.HTML, want) {
				t.Errorf("the mail of somebody in %q does not say %q:\n%s", zone, want, m.Text)
			}
		}
	}
	winter, summer := time.Date(2026, 3, 1, 23, 30, 0, 0, time.UTC), time.Date(2026, 7, 1, 23, 30, 0, 0, time.UTC)
	f("", winter, "Sun 1 Mar 2026 23:30 UTC")
	f("Europe/Paris", winter, "Mon 2 Mar 2026 00:30 CET")
	f("Europe/Paris", summer, "Thu 2 Jul 2026 01:30 CEST")
	f("Europe/Atlantis", winter, "Sun 1 Mar 2026 23:30 UTC")
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
