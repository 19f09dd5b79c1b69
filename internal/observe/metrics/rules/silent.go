package rules

import (
	"maps"
	"time"

	"github.com/vigie-ops/vigie/internal/signal"
)

const (
	// catchUp is what a server that is back has to deliver its spool before its
	// rules see it as it is.
	catchUp = time.Minute
	// silentFor bounds how long the end of a silence is remembered; no rule
	// waits longer.
	silentFor = 48 * time.Hour
)

// Silent says which servers are silent now. Rules see nothing of them, which
// looks as if all were well: what is open on them stays open until they are
// back, and for as long as their rules need to fire again.
func (r *Rules) Silent(now time.Time, servers []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range servers {
		r.silent[s] = now
	}
	maps.DeleteFunc(r.silent, func(_ string, last time.Time) bool { return now.Sub(last) > silentFor })
}

// unseen reports whether the absence of an alert may come from the silence of
// its server. The caller holds r.mu.
func (r *Rules) unseen(now time.Time, s signal.Signal, rules []Progress) bool {
	last, ok := r.silent[s.Labels[signal.LabelServer]]
	if !ok || len(rules) == 0 {
		return false
	}
	wait := catchUp
	for _, p := range rules {
		wait = max(wait, catchUp+p.Hold+2*p.Interval)
	}
	return now.Sub(last) < wait
}
