package fleetweb

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/fleet/enrol"
	"github.com/vigie-ops/vigie/internal/wire"
)

func TestUnavailableIsToldByReason(t *testing.T) {
	got := unavailable([]wire.Unavailable{{Name: "hwmon", Reason: "not there"}, {Name: "systemd", Reason: "no bus"}, {Name: "smart", Reason: "not there"}})
	if diff := cmp.Diff([]string{"hwmon, smart: not there", "systemd: no bus"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAYoungServerShowsAShortRange(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		age  time.Duration
		want string
	}{{10 * time.Second, "10m"}, {30 * time.Minute, "1h"}, {3 * time.Hour, "4h"}, {1000 * time.Hour, "4h"}} {
		if got := usualRange(enrol.Enrolment{First: now.Add(-c.age)}, now); got != c.want {
			t.Errorf("after %s it shows %s, want %s", c.age, got, c.want)
		}
	}
	if got := usualRange(enrol.Enrolment{}, now); got != "4h" {
		t.Errorf("never enrolled, it shows %s, want 4h", got)
	}
}
