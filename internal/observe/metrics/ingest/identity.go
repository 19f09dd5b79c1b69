package ingest

import (
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/vigie-ops/vigie/internal/signal"
)

// identity is what the hub says about the series of one agent.
type identity struct {
	server string
	set    []labels.Label
	// owned are the labels only the hub gives. A claim on one of them is
	// dropped even where the hub has nothing to say itself.
	owned map[string]string
	count func(label string, n int)
}

func (i *Intake) identity(s Sender) *identity {
	owned := map[string]string{signal.LabelRing: "", signal.LabelClient: "", signal.LabelProject: "", signal.LabelAppInstance: ""}
	maps.Copy(owned, s.Labels)
	owned[signal.LabelServer] = s.Server
	owned["instance"] = s.Server
	id := &identity{server: s.Server, owned: owned}
	for _, name := range slices.Sorted(maps.Keys(owned)) {
		if owned[name] != "" {
			id.set = append(id.set, labels.Label{Name: name, Value: owned[name]})
		}
	}
	id.count = func(label string, n int) {
		i.overwritten.WithLabelValues(s.Server, label).Add(float64(n))
	}
	return id
}

// sender names the server, or nobody for a program.
func (id *identity) sender() string {
	if id == nil {
		return ""
	}
	return id.server
}

// claims counts, by label, what the sender said that was not so.
type claims map[string]int

// takes says whether a label of the sender is kept.
func (id *identity) takes(name, value string, wrong claims) bool {
	own, ok := id.owned[name]
	if !ok {
		return true
	}
	if value != own {
		wrong[name]++
	}
	return false
}

// ours are how the names begin that the hub gives to what it found out itself:
// by probing, by its rules, by condensing. An agent that used them could make
// another client's certificate expire.
var ours = []string{"probe_", "vigie:", "vigie_probe_", "vigie_band_", "vigie_time_to_full_", "vigie_rollup_", "ALERTS"}

// hubOnly says whether only the hub writes series of that name.
func hubOnly(name string) bool {
	if name == "" || name[0] != 'v' && name[0] != 'p' && name[0] != 'A' {
		return false
	}
	for _, begin := range ours {
		if strings.HasPrefix(name, begin) {
			return true
		}
	}
	return false
}
