package agent

import (
	"slices"
	"strings"
	"sync"

	"github.com/vigie-ops/vigie/internal/wire"
)

// targets brings together what several hubs want probed, leaves out what this
// server does not allow, and hands the rest to the probers.
type targets struct {
	networks networks
	probers  []Prober

	mu      sync.Mutex
	byHub   map[string][]wire.Target
	refused []string
}

func newTargets(n networks, sources []Source) *targets {
	t := &targets{networks: n, byHub: map[string][]wire.Target{}}
	for _, s := range sources {
		if p, ok := s.(Prober); ok {
			t.probers = append(t.probers, p)
		}
	}
	return t
}

// set replaces what one hub wants. Hubs that stand in for each other hand over
// the same list; a target is probed once and every hub gets the result.
func (t *targets) set(hub string, list []wire.Target) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.byHub[hub] = list
	byID := map[string]wire.Target{}
	for _, hub := range sortedKeys(t.byHub) {
		for _, target := range t.byHub[hub] {
			if _, taken := byID[target.ID]; !taken {
				byID[target.ID] = target
			}
		}
	}
	var all []wire.Target
	for _, target := range byID {
		all = append(all, target)
	}
	slices.SortFunc(all, func(a, b wire.Target) int { return strings.Compare(a.ID, b.ID) })
	allowed, refused := t.networks.split(all)
	t.refused = refused
	for _, p := range t.probers {
		p.SetTargets(allowed, t.networks.allow)
	}
}

// refusals returns the ids of targets outside the allowed networks.
func (t *targets) refusals() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.refused
}

func sortedKeys(m map[string][]wire.Target) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
