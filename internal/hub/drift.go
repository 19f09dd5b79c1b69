package hub

import "github.com/vigie-ops/vigie/internal/operate/drift"

// openDrift opens the look for drift, on the office of runs.
func (h *Hub) openDrift() {
	h.drift = drift.New(drift.Options{
		DB: h.state, Log: h.log, Now: h.o.Now, Office: h.runs, Current: h.ops.Current, Sink: h.board, Audit: auditor{h.audit}, Changed: h.changed,
	})
	h.services = append(h.services, h.drift)
}
