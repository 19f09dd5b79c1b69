package rules

import (
	"context"
	"time"

	promrules "github.com/prometheus/prometheus/rules"

	"github.com/vigie-ops/vigie/internal/observe/metrics/report"
	"github.com/vigie-ops/vigie/internal/signal"
)

// maxTick is how often at least what fires is compared with what was reported,
// besides right after an alert changed.
const maxTick = 5 * time.Second

// Report hands alerts to the sink until ctx is done.
func (r *Rules) Report(ctx context.Context) error {
	t := time.NewTicker(min(maxTick, r.o.Interval))
	defer t.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		case <-r.kick:
		}
		err := r.Sync(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			r.o.Log.Error("alerts of rules were not taken over, trying again", "err", err)
		}
		failing = err != nil
	}
}

// Sync reports once. It must not be called while Report runs.
func (r *Rules) Sync(ctx context.Context) error {
	now := r.o.Now()
	firing, progress := r.look(now)
	firing = append(firing, r.failing(now)...)

	// An alert that fired and ended while the sink was away is told all the
	// same: first that it fired, then that it is over.
	r.mu.Lock()
	missed := make([]signal.Signal, 0, len(r.fired))
	for _, s := range r.fired {
		missed = append(missed, s)
	}
	known := r.known || now.Sub(r.started) >= r.o.Settle
	r.mu.Unlock()
	current := report.Worst(firing)
	var past []signal.Signal
	for _, s := range missed {
		if _, still := current[s.Fingerprint()]; !still && !r.ledger.IsOpen(s.Fingerprint()) {
			past = append(past, s)
		}
	}
	if err := r.ledger.Firing(ctx, now, past); err != nil {
		return err
	}
	err := r.ledger.Sync(ctx, now, firing, func(s signal.Signal) (time.Time, bool) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if s.Name() == RuleFailing && now.Sub(r.started) < 2*failingFor || r.unseen(now, s, progress[s.Name()]) {
			return time.Time{}, false
		}
		return r.ended[s.Fingerprint()], Over(progress[s.Name()], known)
	})
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range missed {
		if r.fired[s.Fingerprint()].At.Equal(s.At) {
			delete(r.fired, s.Fingerprint())
		}
	}
	for fp := range r.ended {
		if !r.ledger.IsOpen(fp) {
			delete(r.ended, fp)
		}
	}
	return nil
}

// look returns what fires now, and by alert name how far the rules have come.
func (r *Rules) look(now time.Time) ([]signal.Signal, map[string][]Progress) {
	var firing []signal.Signal
	seen := map[string]Progress{}
	byName := map[string][]Progress{}
	for _, g := range r.manager.RuleGroups() {
		for _, rule := range g.AlertingRules() {
			for _, a := range rule.ActiveAlerts() {
				if a.State == promrules.StateFiring {
					firing = append(firing, toSignal(a, rule.Query().String(), now))
				}
			}
			key := promrules.GroupKey(g.File(), g.Name()) + "\xff" + rule.Name() + "\xff" + rule.Labels().String() + "\xff" + rule.Query().String()
			p := r.progress[key]
			p.Hold, p.Interval = rule.HoldDuration(), g.Interval()
			if at := rule.GetEvaluationTimestamp(); rule.Health() == promrules.HealthGood && !at.IsZero() {
				if p.First.IsZero() {
					p.First = at
				}
				p.Last = at
			}
			seen[key] = p
			byName[rule.Name()] = append(byName[rule.Name()], p)
		}
	}
	r.progress = seen
	return firing, byName
}
