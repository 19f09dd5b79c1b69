package notify

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vigie-ops/vigie/internal/respond/alert"
)

// two is a directory of two people, one of them without an address.
type two struct{}

func (two) Person(slug string) (Recipient, bool) {
	switch slug {
	case "nadia":
		return Recipient{Slug: slug, Email: "nadia@example.com"}, true
	case "tom":
		return Recipient{Slug: slug}, true
	}
	return Recipient{}, false
}

func (d two) Members(team string) []Recipient {
	if team != "ops" {
		return nil
	}
	nadia, _ := d.Person("nadia")
	tom, _ := d.Person("tom")
	return []Recipient{nadia, tom}
}

func TestWhoIsToldByWhat(t *testing.T) {
	channels := map[string]Config{"mail": {Slug: "mail", Kind: SMTP}, "mail2": {Slug: "mail2", Kind: SMTP}, "chat": {Slug: "chat", Kind: Slack}}
	f := func(a alert.Alert, channels map[string]Config, want string, to ...alert.Target) {
		t.Helper()
		p := alert.Policy{Routes: []alert.Route{{To: to}}}
		var got []string
		for _, d := range addressees(p, channels, two{}, []alert.Alert{a, a}) {
			s := d.channel.Slug + "/" + d.address
			if d.problem != "" {
				s += "!"
			}
			got = append(got, fmt.Sprintf("%s(%d)", s, len(d.alerts)))
		}
		slices.Sort(got)
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%v leads to %q, want %q", to, s, want)
		}
	}
	plain := alert.Alert{ID: "a"}
	f(plain, channels, "mail/nadia@example.com(1)", alert.Target{Person: "nadia", Channel: "mail"})
	f(plain, channels, "mail/nadia@example.com(1) mail/person:tom!(1)", alert.Target{Team: "ops", Channel: "mail"}, alert.Target{Person: "nadia", Channel: "mail"})
	f(plain, channels, "chat/chat(1)", alert.Target{Channel: "chat"}, alert.Target{Team: "ops", Channel: "chat"})
	f(plain, channels, "mail/mail!(1)", alert.Target{Channel: "mail"})
	f(plain, channels, "mail/team:dev!(1)", alert.Target{Team: "dev", Channel: "mail"})
	f(plain, channels, "fax/fax!(1)", alert.Target{Channel: "fax"})
	broken := alert.Alert{ID: "b", Detector: detector, Labels: map[string]string{LabelChannel: "mail"}}
	f(broken, channels, "chat/chat(1)", alert.Target{Person: "nadia", Channel: "mail"}, alert.Target{Channel: "chat"})
	f(broken, channels, "chat/chat(1) mail2/nadia@example.com(1)", alert.Target{Person: "nadia", Channel: "mail"})
	f(broken, map[string]Config{"mail": {Slug: "mail", Kind: SMTP}}, "mail/nadia@example.com(1)", alert.Target{Person: "nadia", Channel: "mail"})
}
