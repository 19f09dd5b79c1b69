package probeweb_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/observe/probe"
	"github.com/vigie-ops/vigie/internal/signal"
)

func TestTheUptimesOfAListAreReadTogether(t *testing.T) {
	reads := 0
	h := newHouse(t, told{reads: &reads}, nil)
	var slugs []string
	for i := range 50 {
		slugs = append(slugs, fmt.Sprintf("shop-%02d", i))
	}
	for _, part := range [][]string{slugs[:10], slugs, slugs} { // the last is kept from a moment ago
		got, err := h.face.Availability(t.Context(), part)
		if err != nil || len(got) != len(part) || len(got["shop-09"].Days) != 1 {
			t.Fatalf("%d of %d, %v", len(got), len(part), err)
		}
	}
	if reads != 2 {
		t.Errorf("read %d times, want twice", reads)
	}
}

func TestAShortPastSaysHowShort(t *testing.T) {
	s := status("shop-page", "http", probe.Up)
	s.Subject = signal.Subject{Kind: signal.Instance, Slug: "shop"}
	for want, since := range map[string]time.Time{
		"90 % over the 9 min ": time.Now().Add(-9*time.Minute - 5*time.Second), "90 % over 90 days": {},
	} {
		h := newHouse(t, told{status: []probe.Status{s}, since: since}, nil)
		wants(t, h.panel(console.InstanceMain, signal.Instance, "shop"), want)
	}
}
