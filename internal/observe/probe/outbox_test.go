package probe

import (
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
)

func TestASignalWaitsForItsSink(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, w *world) {
		s := open(t, d, w, nil, portOf("app-1"))
		now := time.Now()
		w.refuse = errSink
		w.set("app-1:22", "connection refused on 192.0.2.1:22")
		look(t, s, now)
		look(t, s, now.Add(10*time.Second))
		want(t, "sink away", w.heard(), nil)
		w.set("app-1:22", "")
		look(t, s, now.Add(20*time.Second))
		look(t, s, now.Add(30*time.Second))
		// The hub dies before anybody took the resolution.
		w.refuse = nil
		s = open(t, d, w, nil, portOf("app-1"))
		settle(t, s)
		want(t, "the last word is told", w.heard(), []string{"resolved PortNotListening warning"})
		settle(t, s)
		want(t, "once", w.heard(), nil)
	})
}
