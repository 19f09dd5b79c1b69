package probe

import (
	"slices"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/signal"
)

func TestAGenerationKeepsWhatDidNotChange(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, w *world) {
		s := open(t, d, w, nil, pagePlan(), portOf("app-1"))
		now := time.Now()
		w.set("borealis-page", "answered 502, expected 200")
		w.set("app-1:22", "connection refused on 192.0.2.1:22")
		look(t, s, now)
		look(t, s, now.Add(10*time.Second))
		w.heard()

		relabelled := pagePlan()
		relabelled.Severity = signal.Warning
		reload(t, s, relabelled, portOf("app-1"))
		settle(t, s)
		want(t, "another severity", w.heard(), []string{"firing StatusPageNotOK warning"})

		moved := pagePlan()
		moved.Labels = map[string]string{signal.LabelAppInstance: "borealis", signal.LabelClient: "aurora"}
		reload(t, s, moved, portOf("app-1"))
		settle(t, s)
		got := w.heard()
		slices.Sort(got)
		want(t, "another client", got, []string{"firing StatusPageNotOK critical", "resolved StatusPageNotOK warning"})
		if st := s.Status(signal.Subject{}); len(st) != 2 || st[0].State != Down || st[1].State != Down {
			t.Errorf("status %+v, want both down", st)
		}

		reload(t, s, moved)
		settle(t, s)
		want(t, "the port is not watched any more", w.heard(), []string{"resolved PortNotListening warning"})
		open, err := s.Outages(t.Context(), Filter{Open: true})
		if err != nil || len(open) != 1 || open[0].Probe != "borealis-page" {
			t.Errorf("open outages %+v, %v", open, err)
		}
	})
}
