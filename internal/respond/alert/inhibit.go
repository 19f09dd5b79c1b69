package alert

import (
	"slices"
	"strings"

	"github.com/prometheus/alertmanager/pkg/labels"

	"github.com/vigie-ops/vigie/internal/signal"
)

// silentServer hides what runs on a server while the server itself is silent.
// An alert without a server label is never hidden by it; hideSilent looks
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

// hideSilent adds to hidden what runs on silent servers and no rule hides: the
// alerts of instances that run on silent servers alone, which name no server,
// and those of servers that are silent together with many, which one alert
// stands for. While one of its servers still speaks, an instance may fail for
// a reason of its own, so that its alerts are told.
func hideSilent(hidden map[string][]string, serversOf func(instance string) []string, together []string, firing []Alert) {
	silent := map[string]string{} // the alert of a silent server
	many := ""
	for _, a := range firing {
		switch {
		case matchesAll(silentServer.Source, a.Labels):
			silent[a.Labels[signal.LabelServer]] = a.ID
		case a.Name == ManyServersSilent && a.Subject.Kind == signal.Hub:
			many = a.ID
		}
	}
	if many != "" {
		for _, server := range together {
			if silent[server] == "" {
				silent[server] = many
			}
		}
	}
	if len(silent) == 0 {
		return
	}
	for _, a := range firing {
		if !matchesAll(silentServer.Target, a.Labels) {
			continue
		}
		servers := serversAbout(a, serversOf)
		if a.Labels[signal.LabelServer] != "" && silent[servers[0]] != many {
			continue // its rule hides it
		}
		hidden[a.ID] = append(hidden[a.ID], silencers(silent, servers)...)
	}
}

// serversAbout returns the servers whose silence says that an alert is about
// them: the one it names, or all that its instance runs on.
func serversAbout(a Alert, serversOf func(instance string) []string) []string {
	if s := a.Labels[signal.LabelServer]; s != "" {
		return []string{s}
	}
	if i := a.Instance(); i != "" {
		return serversOf(i)
	}
	return nil
}

// undecided reports whether an alert waits to be told: its servers are silent,
// and for one of them the alert that says so is still to come.
func (b *Board) undecided(r *record) bool {
	if r.known() || r.Muted() || r.Name == ServerUnresponsive {
		return false
	}
	waits := false
	for _, s := range serversAbout(r.Alert, b.o.ServersOf) {
		silent, decided := b.o.Silent(s)
		if !silent {
			return false
		}
		waits = waits || !decided
	}
	return waits
}

// allUndecided reports whether all open alerts of a group wait.
func (b *Board) allUndecided(group string) bool {
	for _, r := range b.byGroup[group] {
		if !b.undecided(r) {
			return false
		}
	}
	return len(b.byGroup[group]) > 0
}

// silencers returns the alerts of the servers if all of these are silent.
func silencers(silent map[string]string, servers []string) []string {
	by := make([]string, 0, len(servers))
	for _, s := range servers {
		id, ok := silent[s]
		if !ok {
			return nil
		}
		if !slices.Contains(by, id) {
			by = append(by, id)
		}
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
