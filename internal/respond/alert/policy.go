package alert

import (
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"

	"github.com/vigie-ops/vigie/internal/signal"
)

// Policy says how alerts are grouped, when they are told, and to whom.
type Policy struct {
	GroupBy        []string
	GroupWait      time.Duration // how long a group collects before it is told
	GroupInterval  time.Duration // between two messages on a group whose news can wait
	RepeatInterval time.Duration // until what nobody acknowledged is told again
	OpenIssueFrom  signal.Severity
	// CloseWhenResolved closes an issue with its last alert; otherwise a
	// person closes it.
	CloseWhenResolved bool
	Routes            []Route
	Inhibit           []InhibitRule
}

// Route sends the alerts that match to people. The first route that matches
// takes an alert, and further ones too while they say continue.
type Route struct {
	Match    labels.Matchers
	Continue bool
	To       []Target
}

// Target is where a route leads: a person or a team by a channel, or a channel
// alone that needs no person.
type Target struct {
	Person  string
	Team    string
	Channel string
}

// InhibitRule hides alerts that match Target while one that matches Source
// fires with the same values of the labels Equal.
type InhibitRule struct {
	Source, Target labels.Matchers
	Equal          []string
}

// ServerUnresponsive is the name of the alert that hides what runs on a
// server that is silent.
const ServerUnresponsive = "ServerUnresponsive"

// ManyServersSilent is the name of the alert that stands for many silent
// servers, and hides what runs on them.
const ManyServersSilent = "ManyServersSilent"

// DefaultPolicy is what counts where the operations repository says nothing.
func DefaultPolicy() Policy {
	return Policy{
		GroupBy:           []string{signal.LabelName, signal.LabelClient, signal.LabelAppInstance, signal.LabelServer},
		GroupWait:         10 * time.Second,
		GroupInterval:     5 * time.Minute,
		RepeatInterval:    4 * time.Hour,
		OpenIssueFrom:     signal.Warning,
		CloseWhenResolved: true,
	}
}

// Calm is how long an alert that flaps must be over before people are told.
func (p Policy) Calm() time.Duration {
	return max(p.GroupWait, min(3*p.GroupInterval, flapWindow/2))
}

// withDefaults fills in what a policy leaves open.
func (p Policy) withDefaults() Policy {
	d := DefaultPolicy()
	if len(p.GroupBy) == 0 {
		p.GroupBy = d.GroupBy
	}
	if p.GroupWait <= 0 {
		p.GroupWait = d.GroupWait
	}
	if p.GroupInterval <= 0 {
		p.GroupInterval = d.GroupInterval
	}
	if p.RepeatInterval <= 0 {
		p.RepeatInterval = d.RepeatInterval
	}
	if p.OpenIssueFrom == "" {
		p.OpenIssueFrom = d.OpenIssueFrom
	}
	return p
}

// Targets returns where the routes send an alert with these labels, each place
// once. Without a route that matches, nobody is told.
func (p Policy) Targets(l map[string]string) []Target {
	var to []Target
	seen := map[Target]bool{}
	for _, r := range p.Routes {
		if !matchesAll(r.Match, l) {
			continue
		}
		for _, t := range r.To {
			if !seen[t] {
				seen[t] = true
				to = append(to, t)
			}
		}
		if !r.Continue {
			break
		}
	}
	return to
}

// matchesAll reports whether all matchers match; a label that is missing
// counts as empty.
func matchesAll(ms labels.Matchers, l map[string]string) bool {
	for _, m := range ms {
		if !m.Matches(l[m.Name]) {
			return false
		}
	}
	return true
}
