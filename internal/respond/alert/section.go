package alert

import (
	"context"
	"errors"
	"regexp"

	"github.com/prometheus/alertmanager/pkg/labels"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/signal"
)

// PolicyEntry is the section notification_policy of the operations repository.
type PolicyEntry struct {
	Pos            opsrepo.Pos
	GroupBy        []string         `yaml:"group_by" ops:"doc=labels by which alerts are told together; [...] tells each alone"`
	GroupWait      opsrepo.Duration `yaml:"group_wait" ops:"default=10s,min=100ms,doc=how long a new group collects before it is told"`
	GroupInterval  opsrepo.Duration `yaml:"group_interval" ops:"default=5m,min=1s,doc=between two messages on a group whose news can wait"`
	RepeatInterval opsrepo.Duration `yaml:"repeat_interval" ops:"default=4h,min=1m,doc=until what nobody acknowledged is told again"`
	OpenIssueFrom  string           `yaml:"open_issue_from" ops:"default=warning,enum=critical|warning|info,doc=the least severity that opens an issue"`
	CloseIssue     string           `yaml:"close_issue" ops:"default=when resolved,enum=when resolved|by a person,doc=who closes an issue"`
	Routes         []RouteEntry     `yaml:"routes" ops:"doc=who is told; the first route that matches counts"`
	Inhibit        []InhibitEntry   `yaml:"inhibit" ops:"doc=alerts that hide others"`
}

// RouteEntry is one route of the section.
type RouteEntry struct {
	Pos      opsrepo.Pos
	Match    []string      `yaml:"match" ops:"doc=matchers such as severity=\"critical\"; all must match and none match everything"`
	Continue bool          `yaml:"continue" ops:"doc=look at the routes after this one too"`
	To       []TargetEntry `yaml:"to" ops:"required,min=1,doc=where it leads"`
}

// TargetEntry is one end of a route.
type TargetEntry struct {
	Pos     opsrepo.Pos
	Person  string `yaml:"person" ops:"ref=person,doc=a person"`
	Team    string `yaml:"team" ops:"ref=team,doc=everybody of a team"`
	Channel string `yaml:"channel" ops:"required,ref=channel,doc=the channel by which they are told"`
}

// InhibitEntry is one inhibit rule of the section.
type InhibitEntry struct {
	Pos    opsrepo.Pos
	Source []string `yaml:"source" ops:"required,min=1,doc=matchers of the alerts that hide"`
	Target []string `yaml:"target" ops:"required,min=1,doc=matchers of the alerts that are hidden"`
	Equal  []string `yaml:"equal" ops:"doc=labels that must be the same on both"`
}

// closeWhenResolved is the word for it in close_issue.
const closeWhenResolved = "when resolved"

// PolicySection is the section notification_policy.
var PolicySection = opsrepo.NewSingle("notification_policy", opsrepo.SingleOptions[PolicyEntry]{
	Doc:   "How alerts are grouped, when they are told and to whom.",
	Check: checkPolicy,
})

// Sections are what the board reads from the operations repository.
func Sections() []opsrepo.Section { return []opsrepo.Section{PolicySection} }

func checkPolicy(c *opsrepo.Checker, p PolicyEntry) {
	matchers := func(pos opsrepo.Pos, field string, texts []string) {
		for i, text := range texts {
			if _, err := ParseMatchers(text); err != nil {
				c.Errorf(c.FieldPos(pos, opsrepo.Index(field, i)), "%s", err)
			}
		}
	}
	checkLabels(c, p.Pos, "group_by", p.GroupBy)
	for i, r := range p.Routes {
		matchers(r.Pos, "match", r.Match)
		for _, t := range r.To {
			if t.Person != "" && t.Team != "" {
				c.Errorf(t.Pos, "a target names a person and a team; write one of them, or two targets")
			}
		}
		if len(r.Match) == 0 && !r.Continue && i < len(p.Routes)-1 {
			c.Errorf(r.Pos, "this route takes every alert, so that the ones after it are never reached; put it last or write continue: true")
		}
	}
	for _, r := range p.Inhibit {
		matchers(r.Pos, "source", r.Source)
		matchers(r.Pos, "target", r.Target)
		checkLabels(c, r.Pos, "equal", r.Equal)
	}
	if p.GroupInterval != 0 && p.GroupInterval < p.GroupWait {
		c.Errorf(c.FieldPos(p.Pos, "group_interval"), "group_interval %s is shorter than group_wait %s; write at least as much", p.GroupInterval, p.GroupWait)
	}
	if p.RepeatInterval != 0 && p.GroupInterval != 0 && p.RepeatInterval < p.GroupInterval {
		c.Errorf(c.FieldPos(p.Pos, "repeat_interval"), "repeat_interval %s is shorter than group_interval %s; write at least as much", p.RepeatInterval, p.GroupInterval)
	}
}

// labelName is what rules, and what is sent from elsewhere, call labels in
// practice; Prometheus itself takes any text.
var labelName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_.-]*$`)

// eachAlone in group_by stands for all labels.
const eachAlone = "..."

// checkLabels checks a list of names of labels.
func checkLabels(c *opsrepo.Checker, pos opsrepo.Pos, field string, names []string) {
	opsrepo.CheckUnique(c, pos, field, names)
	for i, name := range names {
		at := c.FieldPos(pos, opsrepo.Index(field, i))
		switch {
		case field == "group_by" && name == eachAlone:
			if len(names) > 1 {
				c.Errorf(at, "%s stands for all labels; write it alone, or name labels", eachAlone)
			}
		case !labelName.MatchString(name):
			c.Errorf(at, "%q is no name of a label; write letters, digits, underscores, dots and dashes, such as app_instance", name)
		}
	}
}

// Policy turns the section into what the board works with.
func (p PolicyEntry) Policy() (Policy, error) {
	var failed error
	parse := func(texts []string) labels.Matchers {
		ms, err := ParseMatchers(texts...)
		failed = errors.Join(failed, err)
		return ms
	}
	policy := Policy{
		GroupBy: p.GroupBy, GroupWait: p.GroupWait.Std(), GroupInterval: p.GroupInterval.Std(), RepeatInterval: p.RepeatInterval.Std(),
		OpenIssueFrom: signal.Severity(p.OpenIssueFrom), CloseWhenResolved: p.CloseIssue == "" || p.CloseIssue == closeWhenResolved,
	}
	for _, r := range p.Routes {
		route := Route{Match: parse(r.Match), Continue: r.Continue}
		for _, t := range r.To {
			route.To = append(route.To, Target{Person: t.Person, Team: t.Team, Channel: t.Channel})
		}
		policy.Routes = append(policy.Routes, route)
	}
	for _, r := range p.Inhibit {
		policy.Inhibit = append(policy.Inhibit, InhibitRule{Source: parse(r.Source), Target: parse(r.Target), Equal: r.Equal})
	}
	return policy, failed
}

// ApplyOps has the policy of a generation count from its commit on. A
// repository without one leaves the defaults, and nobody to tell.
func (b *Board) ApplyOps(_ context.Context, tx *db.Tx, g *opsrepo.Generation) error {
	policy := DefaultPolicy()
	if entry, ok := PolicySection.Of(g); ok {
		var err error
		if policy, err = entry.Policy(); err != nil {
			return err
		}
	}
	tx.After(func() { b.SetPolicy(policy) })
	return nil
}
