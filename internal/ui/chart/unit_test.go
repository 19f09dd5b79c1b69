package chart

import (
	"math"
	"strings"
	"testing"
)

func TestUnitsReadAsPeopleWriteThem(t *testing.T) {
	f := func(u Unit, v float64, want string) {
		t.Helper()
		if got := strings.ReplaceAll(u.Words(v), nbsp, " "); got != want {
			t.Errorf("%s.Words(%v) = %q, want %q", u, v, got, want)
		}
	}
	f(Percent, 71.3, "71 %")
	f(Percent, 99.714, "99.71 %")
	f(Percent, 99.999, "99.99 %") // never rounded up to 100
	f(Percent, 100, "100 %")
	f(Percent, 0.004, "< 0.01 %")
	f(Percent, 0, "0 %")
	f(Percent, 4.25, "4.2 %")
	f(Bytes, 0, "0 B")
	f(Bytes, 5.1*(1<<30), "5.1 GiB")
	f(Bytes, 1023, "1 023 B")
	f(BytesPerSecond, 31e6, "31 MB/s")
	f(Seconds, 0.19, "190 ms")
	f(Seconds, 0.0000021, "2.1 µs")
	f(Seconds, 0, "0 s")
	f(Seconds, 90, "1.5 min")
	f(Count, 1204, "1 204")
	f(Count, 12400, "12.4 k")
	f(Count, -2500000, "-2.5 M")
	f(None, 0.125, "0.125")
	f(None, math.NaN(), "no data")
	f(None, math.Inf(1), "no data")
}

func TestTicksOfOneAxisShareOneUnit(t *testing.T) {
	f := func(u Unit, v, top float64, want string) {
		t.Helper()
		if got := strings.ReplaceAll(u.tick(v, top), nbsp, " "); got != want {
			t.Errorf("%s.tick(%v, %v) = %q, want %q", u, v, top, got, want)
		}
	}
	f(Bytes, 512<<20, 1<<30, "0.5 GiB")
	f(Seconds, 0.5, 1, "0.5 s")
	f(Percent, 0, 100, "0 %")
	f(Count, 0, 40000, "0")
	f(Count, 20000, 40000, "20 k")
}
