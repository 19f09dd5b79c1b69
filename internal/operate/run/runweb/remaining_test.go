package runweb

import (
	"testing"
	"time"
)

func TestWhatIsLeftIsSaidByWhatItUsuallyTakes(t *testing.T) {
	for _, c := range []struct {
		elapsed, expected time.Duration
		want              string
	}{
		{12 * time.Second, 0, "for 12 s; nothing like it ran before"},
		{12 * time.Second, 60 * time.Second, "for 12 s, about 48 s left"},
		{90 * time.Second, 60 * time.Second, "for 1 min 30 s; usually it takes 1 min"},
	} {
		if got := remaining(c.elapsed, c.expected); got != c.want {
			t.Errorf("after %s of %s: %q, want %q", c.elapsed, c.expected, got, c.want)
		}
	}
}
