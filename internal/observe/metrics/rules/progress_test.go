package rules_test

import (
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/metrics/rules"
)

func TestAbsenceResolvesOnlyWhenTheRuleHadItsTime(t *testing.T) {
	start := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	rule := func(hold, interval, first, last time.Duration) rules.Progress {
		return rules.Progress{Hold: hold, Interval: interval, First: start.Add(first), Last: start.Add(last)}
	}
	never := rules.Progress{Hold: time.Minute, Interval: 15 * time.Second}
	done := rule(0, 15*time.Second, 0, time.Hour)
	for _, c := range []struct {
		name  string
		rules []rules.Progress
		known bool
		want  bool
	}{
		{"not evaluated since the start", []rules.Progress{never}, true, false},
		{"evaluated once", []rules.Progress{rule(0, 15*time.Second, 0, 0)}, true, false},
		{"two intervals, no for", []rules.Progress{rule(0, 15*time.Second, 0, 30*time.Second)}, true, true},
		{"for, not the two intervals", []rules.Progress{rule(10*time.Minute, 15*time.Second, 0, 10*time.Minute)}, true, false},
		{"for and two intervals", []rules.Progress{rule(10*time.Minute, 15*time.Second, 0, 10*time.Minute+30*time.Second)}, true, true},
		{"the time counts from the first evaluation", []rules.Progress{rule(10*time.Minute, 15*time.Second, 5*time.Minute, 12*time.Minute)}, true, false},
		{"all rules of the name must have had it", []rules.Progress{done, never}, true, false},
		{"all rules of the name had it", []rules.Progress{done, done}, true, true},
		{"rules not loaded yet, but this one is", []rules.Progress{done}, false, true},
		{"rule deleted", nil, true, true},
		{"rule not loaded yet", nil, false, false},
	} {
		if got := rules.Over(c.rules, c.known); got != c.want {
			t.Errorf("%s: over is %v, want %v", c.name, got, c.want)
		}
	}
}
