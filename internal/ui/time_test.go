package ui_test

import (
	"strings"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/ui"
)

func TestForSaysHowLongItHasLasted(t *testing.T) {
	for age, want := range map[time.Duration]string{-time.Second: "0 s", 4 * time.Second: "4 s", 90 * time.Second: "1 min", 50 * time.Hour: "2 days"} {
		var b strings.Builder
		if err := ui.For(noon.Add(-age)).Render(ui.WithNow(t.Context(), noon), &b); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), `data-relative="for">`+want+"</time>") {
			t.Errorf("after %s it says %s, want %s", age, b.String(), want)
		}
	}
}

func TestCoveringShowsAllOfWhatIsYoung(t *testing.T) {
	for age, want := range map[time.Duration]string{0: "10m", 10 * time.Minute: "10m", 11 * time.Minute: "1h", 5 * time.Hour: "4h"} {
		if got := ui.Covering(age, "4h"); got != want {
			t.Errorf("Covering(%s) = %s, want %s", age, got, want)
		}
	}
}
