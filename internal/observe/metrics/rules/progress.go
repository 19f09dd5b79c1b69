package rules

import "time"

// Progress is how far a rule has come since the hub's start.
type Progress struct {
	Hold     time.Duration // the rule's `for`
	Interval time.Duration // of its group
	First    time.Time     // evaluation that succeeded since the start
	Last     time.Time
}

// Settled says whether the rule was evaluated for its `for` plus two intervals.
// Before, an alert that is missing may only be pending again.
func (p Progress) Settled() bool {
	return !p.First.IsZero() && p.Last.Sub(p.First) >= p.Hold+2*p.Interval
}

// Over says whether an open alert that no rule reports may count as resolved.
// Rules are those of the alert's name; there are none if the rule was deleted,
// which only counts once all rules are known.
func Over(rules []Progress, allKnown bool) bool {
	if len(rules) == 0 {
		return allKnown
	}
	for _, p := range rules {
		if !p.Settled() {
			return false
		}
	}
	return true
}
