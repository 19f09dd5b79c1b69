package fleet_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/db/dbtest"
	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/wire"
)

func hearing(t *testing.T, d *db.DB) *fleet.Hearing {
	t.Helper()
	h := fleet.NewHearing(d, slog.New(slog.DiscardHandler))
	if err := h.Restore(t.Context()); err != nil {
		t.Fatalf("restore: %v", err)
	}
	return h
}

// stop lets a hearing run and ends it, which makes it write.
func stop(t *testing.T, h *fleet.Hearing) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.Run(ctx); err != nil {
		t.Fatalf("run: %v", err)
	}
}

func TestTheLastSignOfLifeCounts(t *testing.T) {
	dbtest.Each(t, []db.Schema{fleet.Tables}, func(t *testing.T, d *db.DB) {
		h := hearing(t, d)
		if _, ok := h.LastHeard("app-01"); ok {
			t.Error("a server nobody heard of was heard")
		}
		h.Heard("app-01", noon, wire.Heartbeat{Boot: "first"})
		h.Heard("app-01", noon.Add(-time.Minute), wire.Heartbeat{Boot: "late"})
		if got, ok := h.Last("app-01"); !ok || got.Heartbeat.Boot != "first" || !got.At.Equal(noon) {
			t.Errorf("got %+v, want the one of noon", got)
		}
	})
}

func TestWhatWasHeardSurvivesAStop(t *testing.T) {
	dbtest.Each(t, []db.Schema{fleet.Tables}, func(t *testing.T, d *db.DB) {
		h := hearing(t, d)
		h.Heard("app-01", noon, wire.Heartbeat{Version: 1, Boot: "x", Sent: noon.Add(-time.Second), Unavailable: []wire.Unavailable{{Name: "smart", Reason: "no disk"}}})
		h.Heard("app-02", noon.Add(time.Second), wire.Heartbeat{Version: 1})
		stop(t, h)
		h.Heard("app-02", noon.Add(time.Minute), wire.Heartbeat{Version: 2})
		stop(t, h)
		if diff := cmp.Diff(h.All(), hearing(t, d).All()); diff != "" {
			t.Errorf("restored (-was +is):\n%s", diff)
		}
	})
}

func TestAClockThatWasSetBackMakesNobodyDeaf(t *testing.T) {
	dbtest.Each(t, []db.Schema{fleet.Tables}, func(t *testing.T, d *db.DB) {
		h := hearing(t, d)
		h.Heard("app-01", time.Now().Add(time.Hour), wire.Heartbeat{Boot: "ahead"})
		stop(t, h)
		h = hearing(t, d)
		h.Heard("app-01", time.Now(), wire.Heartbeat{Boot: "right"})
		if got, _ := h.Last("app-01"); got.Heartbeat.Boot != "right" || got.At.After(time.Now()) {
			t.Errorf("got %+v, want the heartbeat of now", got)
		}
	})
}

func TestTheLaterOfTwoHubsCounts(t *testing.T) {
	dbtest.Each(t, []db.Schema{fleet.Tables}, func(t *testing.T, d *db.DB) {
		one, two := hearing(t, d), hearing(t, d)
		one.Heard("app-01", noon.Add(time.Minute), wire.Heartbeat{Boot: "later"})
		two.Heard("app-01", noon, wire.Heartbeat{Boot: "earlier"})
		stop(t, one)
		stop(t, two)
		if got, _ := hearing(t, d).Last("app-01"); got.Heartbeat.Boot != "later" {
			t.Errorf("got %+v, want the later one", got)
		}
		if err := two.Restore(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, _ := two.Last("app-01"); got.Heartbeat.Boot != "later" {
			t.Errorf("after restoring: got %+v, want the later one", got)
		}
	})
}
