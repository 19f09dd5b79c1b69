package hub

import (
	"testing"
	"time"
)

func TestProbesHaveAGraceUnlessTheCallerWantsNone(t *testing.T) {
	for set, want := range map[time.Duration]time.Duration{0: 30 * time.Second, time.Minute: time.Minute, -1: 0} {
		if got := (Options{ProbeGrace: set}).probeGrace(); got != want {
			t.Errorf("%v gives %v, want %v", set, got, want)
		}
	}
}
