package fleetweb

import (
	"strings"

	"github.com/vigie-ops/vigie/internal/wire"
)

// unavailable tells what an agent cannot observe: one sentence for a reason,
// with all that it keeps from working.
func unavailable(all []wire.Unavailable) []string {
	var reasons []string
	names := map[string][]string{}
	for _, u := range all {
		if names[u.Reason] == nil {
			reasons = append(reasons, u.Reason)
		}
		names[u.Reason] = append(names[u.Reason], u.Name)
	}
	out := make([]string, len(reasons))
	for i, r := range reasons {
		out[i] = strings.Join(names[r], ", ") + ": " + r
	}
	return out
}
