package alert

import (
	"strings"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"
)

// Silence hides the alerts that match it, for a reason, until it ends.
type Silence struct {
	ID        string
	Matchers  labels.Matchers
	Reason    string
	By        string
	StartsAt  time.Time
	EndsAt    time.Time
	CreatedAt time.Time
	UpdatedAt time.Time
	ExpiredBy string // who ended it early, if somebody did
}

// The states of a silence, in Alertmanager's words.
const (
	SilencePending = "pending"
	SilenceActive  = "active"
	SilenceExpired = "expired"
)

// State says whether the silence is pending, active or expired at now.
func (s Silence) State(now time.Time) string {
	switch {
	case now.Before(s.StartsAt):
		return SilencePending
	case now.Before(s.EndsAt):
		return SilenceActive
	}
	return SilenceExpired
}

// check says what keeps the silence from being kept.
func (s Silence) check(now time.Time) error {
	if len(s.Matchers) == 0 {
		return invalidf("A silence needs at least one matcher, such as server=\"app-07\".")
	}
	all := true
	for _, m := range s.Matchers {
		all = all && m.Matches("")
	}
	if all {
		return invalidf("This silence would hide everything: at least one matcher must not match an empty label.")
	}
	if strings.TrimSpace(s.Reason) == "" {
		return invalidf("Say why: a silence needs a reason.")
	}
	if !s.StartsAt.Before(s.EndsAt) {
		return invalidf("The silence ends before it starts; its start time must be before its end time.")
	}
	if s.EndsAt.Before(now) {
		return invalidf("The silence would end in the past; choose an end time that is still to come.")
	}
	return nil
}

// silencedBy returns the ids of the active silences that match, oldest first.
func silencedBy(silences []Silence, l map[string]string, now time.Time) []string {
	var by []string
	for _, s := range silences {
		if s.State(now) == SilenceActive && matchesAll(s.Matchers, l) {
			by = append(by, s.ID)
		}
	}
	return by
}

// ParseMatchers reads matchers as Alertmanager and amtool write them, such as
// `alertname="DiskFull", server=~"db-.*"`.
func ParseMatchers(lines ...string) (labels.Matchers, error) {
	var all labels.Matchers
	for _, line := range lines {
		ms, err := labels.ParseMatchers(line)
		if err != nil {
			return nil, invalidf("%q is no matcher: write name=\"value\", name!=\"value\", name=~\"expression\" or name!~\"expression\".", line)
		}
		all = append(all, ms...)
	}
	return all, nil
}
