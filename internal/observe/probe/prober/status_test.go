package prober_test

import (
	"testing"

	"github.com/vigie-ops/vigie/internal/observe/probe/prober"
)

func TestParseStatus(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		r, err := prober.ParseStatus(in)
		got := ""
		if err == nil {
			got = r.String()
		}
		if got != want {
			t.Errorf("ParseStatus(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	f("200", "200")
	f("200-299", "200-299")
	f("200 - 204", "200-204")
	f("2xx", "200-299")
	f("5XX", "500-599")
	f("404-404", "404")
	for _, wrong := range []string{"", "20", "2000", "600", "099", "299-200", "-200", "200-", "0xx", "6xx", "2x", "abc", "+20", "1e2"} {
		f(wrong, "")
	}
}

func FuzzParseStatus(f *testing.F) {
	for _, s := range []string{"200", "200-299", "2xx", "-", "599-599"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		r, err := prober.ParseStatus(in)
		if err != nil {
			return
		}
		if r.From < 100 || r.To > 599 || r.From > r.To {
			t.Fatalf("%q is read as %v", in, r)
		}
		if again, err := prober.ParseStatus(r.String()); err != nil || again != r {
			t.Fatalf("%q is read as %v, which is read as %v, %v", in, r, again, err)
		}
	})
}
