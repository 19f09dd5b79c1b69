package probe

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
)

func TestWhatEndedLongAgoIsForgotten(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, w *world) {
		s := open(t, d, w, nil, pagePlan(), portOf("app-1"))
		now := time.Now().UTC()
		const day = 24 * time.Hour
		err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			for _, q := range []struct {
				id, probe  string
				begin, end time.Duration
			}{
				{"old", "borealis-page", 402 * day, 401 * day},
				{"kept", "borealis-page", 402 * day, 399 * day},
				{"open", "app-1:22", 500 * day, 0},
				{"removed", "gone", 402 * day, 401 * day},
			} {
				o := Outage{ID: q.id, Probe: q.probe, StartedAt: now.Add(-q.begin), ConfirmedAt: now.Add(-q.begin)}
				if err := insertOutage(ctx, tx, o); err != nil {
					return err
				}
				if err := insertGap(ctx, tx, q.id, q.probe, now.Add(-q.begin), time.Time{}); err != nil {
					return err
				}
				if q.end == 0 {
					continue
				}
				if err := endOutages(ctx, tx, q.probe, now.Add(-q.end)); err != nil {
					return err
				}
				if err := endGaps(ctx, tx, q.probe, now.Add(-q.end)); err != nil {
					return err
				}
			}
			if err := watch(ctx, tx, Plan{Slug: "gone"}, now.Add(-500*day)); err != nil {
				return err
			}
			return unwatch(ctx, tx, "gone", now.Add(-401*day))
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Prune(t.Context()); err != nil {
			t.Fatal(err)
		}
		for table, kept := range map[string][]string{
			`SELECT id FROM probe_outage ORDER BY id`:      {"kept", "open"},
			`SELECT id FROM probe_gap ORDER BY id`:         {"kept", "open"},
			`SELECT probe FROM probe_watch ORDER BY probe`: {"app-1:22", "borealis-page"},
		} {
			var got []string
			if err := d.Read().NewRaw(table).Scan(t.Context(), &got); err != nil || !slices.Equal(got, kept) {
				t.Errorf("%s: %q, %v; want %q", table, got, err, kept)
			}
		}
	})
}
