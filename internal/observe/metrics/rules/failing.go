package rules

import (
	"time"

	promrules "github.com/prometheus/prometheus/rules"

	"github.com/vigie-ops/vigie/internal/signal"
)

// RuleFailing is the alert about a rule that cannot be evaluated. Nobody else
// would notice: what it watches looks as if it were well.
const RuleFailing = "RuleFailing"

// failingFor is how long a rule fails before it is told: an engine elsewhere
// may be away for a moment.
const failingFor = 5 * time.Minute

// failing returns an alert for each rule that has failed for long enough. Only
// Sync calls it.
func (r *Rules) failing(now time.Time) []signal.Signal {
	var out []signal.Signal
	still := map[string]time.Time{}
	for _, g := range r.manager.RuleGroups() {
		for _, rule := range g.Rules() {
			if rule.Health() != promrules.HealthBad {
				continue
			}
			key := promrules.GroupKey(g.File(), g.Name()) + "\xff" + rule.Name()
			since, known := r.broken[key]
			if !known {
				since = now
			}
			still[key] = since
			if now.Sub(since) < failingFor {
				continue
			}
			why := "unknown"
			if err := rule.LastError(); err != nil {
				why = err.Error()
			}
			out = append(out, signal.Signal{
				Detector: Detector, Subject: signal.Subject{Kind: signal.Hub}, State: signal.Firing, StartsAt: since.UTC(), At: now.UTC(),
				Labels: map[string]string{
					signal.LabelName: RuleFailing, signal.LabelSeverity: string(signal.Warning), "rule": rule.Name(), "file": g.File(),
				},
				Annotations: map[string]string{
					signal.Summary:     "The rule " + rule.Name() + " cannot be evaluated",
					signal.Description: "As long as it fails, nothing that it watches raises an alert. The last error was: " + why,
					signal.Value:       "failing",
					signal.Limit:       "a good evaluation within 5 minutes",
					signal.FirstStep:   "Try its expression in the explorer; it stands in " + g.File() + ".",
					signal.Expr:        rule.Query().String(),
				},
			})
		}
	}
	r.broken = still
	return out
}
