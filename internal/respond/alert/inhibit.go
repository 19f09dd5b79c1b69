package alert

import (
	"strings"

	"github.com/prometheus/alertmanager/pkg/labels"

	"github.com/vigie-ops/vigie/internal/signal"
)

// silentServer hides what runs on a server while the server itself is silent.
// An alert without a server label is never hidden by it; hideInstances looks
// after those of instances.
var silentServer = InhibitRule{
	Source: labels.Matchers{must(labels.MatchEqual, signal.LabelName, ServerUnresponsive), must(labels.MatchNotEqual, signal.LabelServer, "")},
	Target: labels.Matchers{must(labels.MatchNotEqual, signal.LabelName, ServerUnresponsive)},
	Equal:  []string{signal.LabelServer},
}

// must builds a matcher that is written in this program.
func must(t labels.MatchType, name, value string) *labels.Matcher {
	m, err := labels.NewMatcher(t, name, value)
	if err != nil {
		panic(err)
	}
	return m
}

// maxInhibitors bounds how many of the alerts that hide one are named.
const maxInhibitors = 5

// inhibited returns, for each alert that another one hides, the ids of those
// others. What matches both sides of a rule is not hidden by its like, so that
// two alerts never hide each other.
func inhibited(rules []InhibitRule, firing []Alert) map[string][]string {
	hidden := map[string][]string{}
	for _, r := range rules {
		sources := map[string][]string{}
		for _, a := range firing {
			if matchesAll(r.Source, a.Labels) && !matchesAll(r.Target, a.Labels) {
				k := r.values(a.Labels)
				if len(sources[k]) < maxInhibitors {
					sources[k] = append(sources[k], a.ID)
				}
			}
		}
		if len(sources) == 0 {
			continue
		}
		for _, a := range firing {
			if by := sources[r.values(a.Labels)]; len(by) > 0 && matchesAll(r.Target, a.Labels) && !matchesAll(r.Source, a.Labels) {
				hidden[a.ID] = append(hidden[a.ID], by...)
			}
		}
	}
	return hidden
}

// hideInstances adds to hidden the alerts of instances that run on silent
// servers alone. Such an alert names its instance and no server. While one of
// the servers still speaks, the instance may fail for a reason of its own, so
// that its alerts are told.
func hideInstances(hidden map[string][]string, serversOf func(instance string) []string, firing []Alert) {
	if serversOf == nil {
		return
	}
	silent := map[string]string{} // the alert of a silent server
	for _, a := range firing {
		if matchesAll(silentServer.Source, a.Labels) {
			silent[a.Labels[signal.LabelServer]] = a.ID
		}
	}
	if len(silent) == 0 {
		return
	}
	for _, a := range firing {
		instance := a.Instance()
		if instance == "" || a.Labels[signal.LabelServer] != "" || !matchesAll(silentServer.Target, a.Labels) {
			continue
		}
		hidden[a.ID] = append(hidden[a.ID], silencers(silent, serversOf(instance))...)
	}
}

// silencers returns the alerts of the servers if all of these are silent.
func silencers(silent map[string]string, servers []string) []string {
	by := make([]string, 0, len(servers))
	for _, s := range servers {
		id, ok := silent[s]
		if !ok {
			return nil
		}
		by = append(by, id)
	}
	return by[:min(len(by), maxInhibitors)]
}

func (r InhibitRule) values(l map[string]string) string {
	var b strings.Builder
	for _, name := range r.Equal {
		b.WriteString(l[name])
		b.WriteByte(0xff)
	}
	return b.String()
}
