package opsrepo_test

import (
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/opsrepo"
)

func TestDurationsReadLikePeopleWriteThem(t *testing.T) {
	f := func(in string, want time.Duration, back string) {
		t.Helper()
		got, err := opsrepo.ParseDuration(in)
		if err != nil || got.Std() != want || got.String() != back {
			t.Errorf("ParseDuration(%q) = %s (%v), %v, want %s (%v)", in, got, got.Std(), err, back, want)
		}
	}
	f("0", 0, "0s")
	f("0s", 0, "0s")
	f("250ms", 250*time.Millisecond, "250ms")
	f("90s", 90*time.Second, "1m30s")
	f("1h30m", 90*time.Minute, "1h30m")
	f("15d", 15*24*time.Hour, "15d")
	f("14d", 14*24*time.Hour, "2w")
	f("100w", 700*24*time.Hour, "100w")
}

func TestWhatIsNoDurationIsRefused(t *testing.T) {
	for _, in := range []string{"", "5", "-5m", "5 m", "m", "5x", "5m5h", "5m5m", "1.5h", "99999999999s", "999999999w", "5200w5200w", "1y"} {
		if got, err := opsrepo.ParseDuration(in); err == nil {
			t.Errorf("ParseDuration(%q) = %s, want an error", in, got)
		}
	}
}

func FuzzParseDuration(f *testing.F) {
	for _, s := range []string{"10s", "1h30m", "2w", "0", "1ms"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := opsrepo.ParseDuration(s)
		if err != nil {
			return
		}
		if again, err := opsrepo.ParseDuration(d.String()); err != nil || again != d {
			t.Errorf("%q is %s, which reads back as %s, %v", s, d, again, err)
		}
	})
}
