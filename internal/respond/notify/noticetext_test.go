package notify

import (
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

func TestALinkOfANoticeStaysInTheConsole(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := consolePath(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
	f("/runs/01J", "/runs/01J")
	f("/runs?state=waiting&by=ada#top", "/runs?state=waiting&by=ada#top")
	f("/runs?x=<a>|b", "/runs?x=%3Ca%3E%7Cb")
	f(`/\evil.example.com`, "/%5Cevil.example.com")
	for _, elsewhere := range []string{"", "runs", "//evil.example.com", "https://evil.example.com/", "javascript:alert(1)", "/a\r\nb", "///evil.example.com", "/" + strings.Repeat("a", maxLink)} {
		f(elsewhere, "")
	}
}

func TestTheTimeOfANoticeIsThatOfTheReader(t *testing.T) {
	c := New(Options{})
	at := time.Date(2026, 3, 1, 23, 30, 0, 0, time.UTC)
	for _, folded := range []int{0, 2} {
		m := Message{Kind: KindNotice, Folded: folded, To: Recipient{Zone: "Europe/Paris"}, Notices: []NoticeItem{{Subject: "x", Text: "It lapses at 23:45 UTC.", At: at}}}
		if err := c.dress(&m); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"Mon 2 Mar 2026 00:30 CET", "It lapses at 23:45 UTC."} {
			if !strings.Contains(m.Text, want) || !strings.Contains(m.HTML, want) {
				t.Errorf("the mail does not say %q:\n%s", want, m.Text)
			}
		}
	}
}

// FuzzNotice gives what cleans a notice whatever others wrote into it.
func FuzzNotice(f *testing.F) {
	for _, s := range []string{"a\n\nb", "x\r\nBcc: y", "\u2028\u2029\x00", "/runs/1?a=b", "//x", "/\\x", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text := plain(s)
		if !utf8.ValidString(text) || strings.Contains(text, "\n\n\n") || plain(text) != text {
			t.Errorf("%q became %q, then %q", s, text, plain(text))
		}
		for _, r := range text {
			if unicode.IsControl(r) && r != '\n' {
				t.Errorf("%q has a control character", text)
			}
		}
		if path := consolePath(s); path != "" && (path[0] != '/' || strings.HasPrefix(path, "//") || strings.ContainsAny(path, " <>|\"\\\r\n")) {
			t.Errorf("%q leads to %q", s, path)
		}
		if strings.ContainsAny(token(s), "<>@ \r\n") {
			t.Errorf("%q has the token %q", s, token(s))
		}
	})
}
