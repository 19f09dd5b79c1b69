package probe

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
)

// await starts a service for which the servers wait until they are deleted.
func await(t *testing.T, d *db.DB, w *world, waiting map[string]bool, plans ...Plan) *Service {
	t.Helper()
	s := New(Options{DB: d, Prober: w, Sink: w, Samples: w, Log: slog.New(slog.DiscardHandler),
		Waiting: func(server string) bool { return waiting[server] }})
	reload(t, s, plans...)
	if err := s.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAServerThatWaitsForItsAgentRaisesNoAlert(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, w *world) {
		waiting, port := map[string]bool{"app-1": true}, portOf("app-1")
		w.set(port.Slug, "connection refused")
		s := await(t, d, w, waiting, port)
		now := time.Now()
		for range 5 {
			look(t, s, now)
			now = now.Add(10 * time.Second)
		}
		want(t, "while it waits", w.heard(), nil)
		if st := s.Status(port.Subject)[0]; st.State != Failing || st.Cause != "connection refused" {
			t.Errorf("shown as %+v, want failing with its cause", st)
		}
		delete(waiting, "app-1")
		heard := now
		look(t, s, now)
		want(t, "at the first look after it was heard", w.heard(), nil)
		look(t, s, now.Add(10*time.Second))
		want(t, "at the second", w.heard(), []string{"firing PortNotListening warning"})
		if o, err := s.Outages(t.Context(), Filter{Open: true}); err != nil || len(o) != 1 || o[0].StartedAt.Before(heard.Truncate(time.Millisecond)) {
			t.Errorf("outages %+v, %v; want one since it was heard", o, err)
		}
		// It was heard once: what follows is no waiting.
		w.set(port.Slug, "")
		look(t, s, now.Add(20*time.Second))
		look(t, s, now.Add(30*time.Second))
		want(t, "good", w.heard(), []string{"resolved PortNotListening warning"})
	})
}

func TestAnEntryOfTheRepositoryAlertsWhoeverWaits(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, w *world) {
		entry := portOf("app-1")
		entry.Implicit = false
		w.set(entry.Slug, "connection refused")
		s := await(t, d, w, map[string]bool{"app-1": true}, entry)
		now := time.Now()
		look(t, s, now)
		look(t, s, now.Add(10*time.Second))
		want(t, "asked for by name", w.heard(), []string{"firing PortNotListening warning"})
	})
}

func TestAnOutageOfAServerThatWaitsIsOver(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, w *world) {
		port := portOf("app-1")
		w.set(port.Slug, "connection refused")
		s := await(t, d, w, nil, port)
		now := time.Now()
		look(t, s, now)
		look(t, s, now.Add(10*time.Second))
		want(t, "as an earlier version told it", w.heard(), []string{"firing PortNotListening warning"})
		s = await(t, d, w, map[string]bool{"app-1": true}, port)
		settle(t, s)
		w.heard()
		look(t, s, now.Add(20*time.Second))
		want(t, "it waits", w.heard(), []string{"resolved PortNotListening warning"})
	})
}

func TestServersThatWaitAreNoWitnesses(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, w *world) {
		waiting := map[string]bool{}
		plans := []Plan{portOf("app-1")}
		for i := range 5 {
			server := fmt.Sprintf("new-%d", i)
			waiting[server] = true
			plans = append(plans, portOf(server))
		}
		for _, p := range plans {
			w.set(p.Slug, "connection refused")
		}
		s := await(t, d, w, waiting, plans...)
		now := time.Now()
		for range 8 {
			look(t, s, now)
			s.tick(now)
			now = now.Add(10 * time.Second)
		}
		settle(t, s)
		want(t, "the one that is there", w.heard(), []string{"firing PortNotListening warning"})
	})
}
