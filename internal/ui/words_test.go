package ui_test

import (
	"strings"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/ui"
)

const day = 24 * time.Hour

func TestAgo(t *testing.T) {
	f := func(d time.Duration, want string) {
		t.Helper()
		if got := ui.Ago(d); got != want {
			t.Errorf("Ago(%s) = %q, want %q", d, got, want)
		}
	}
	f(0, "just now")
	f(4*time.Second, "just now")
	f(59*time.Second, "59 s ago")
	f(119*time.Second, "1 min ago")
	f(47*time.Hour, "47 h ago")
	f(48*time.Hour, "2 days ago")
	f(800*day, "2 years ago")
	f(-500*time.Millisecond, "now")
	f(-100*time.Second, "in 1 min")
}

func TestDuration(t *testing.T) {
	f := func(d time.Duration, want string) {
		t.Helper()
		if got := ui.Duration(d); got != want {
			t.Errorf("Duration(%s) = %q, want %q", d, got, want)
		}
	}
	f(0, "0 s")
	f(20*time.Microsecond, "<1 ms")
	f(190*time.Millisecond, "190 ms")
	f(2*time.Second, "2 s")
	f(2550*time.Millisecond, "2.5 s")
	f(100*time.Second, "1 min 40 s")
	f(2*time.Minute, "2 min")
	f(6*time.Hour+12*time.Minute+59*time.Second, "6 h 12 min")
	f(25*time.Hour, "1 day 1 h")
	f(41*day+time.Hour, "41 days")
	f(-90*time.Second, "-1 min 30 s")
	f(-1<<63, "-106751 days")
}

func TestNumbersRead(t *testing.T) {
	f := func(got, want string) {
		t.Helper()
		if got := strings.ReplaceAll(got, "\u00a0", " "); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f(ui.Bytes(8<<30), "8 GiB")
	f(ui.Percent(99.999), "99.99 %")
	f(ui.SI(12400), "12.4 k")
	f(ui.Count(1, "server", "servers"), "1 server")
	f(ui.Count(0, "server", "servers"), "0 servers")
	f(ui.Count(-1204, "byte", "bytes"), "-1 204 bytes")
	f(ui.Count(1234567, "line", "lines"), "1 234 567 lines")
	f(ui.Initials("camille martin"), "CM")
	f(ui.Initials("Ève"), "È")
	f(ui.Initials("  "), "?")
}
