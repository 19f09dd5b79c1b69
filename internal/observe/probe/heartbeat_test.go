package probe

import (
	"errors"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
)

func TestHeartbeats(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, w *world) {
		s := open(t, d, w, nil, heartbeatPlan(), pagePlan())
		ctx := t.Context()
		now := time.Now()
		look(t, s, now.Add(24*time.Hour))
		want(t, "one that never came", w.heard(), nil)
		if err := s.Beat(ctx, "nightly", ""); !errors.Is(err, ErrNoHeartbeat) {
			t.Errorf("a beat without a token: %v", err)
		}
		token, err := s.HeartbeatToken(ctx, "nightly")
		if err != nil {
			t.Fatal(err)
		}
		for _, wrong := range [][2]string{{"nightly", "x"}, {"borealis-page", token}, {"gone", token}} {
			if err := s.Beat(ctx, wrong[0], wrong[1]); !errors.Is(err, ErrNoHeartbeat) {
				t.Errorf("beat %q: %v", wrong, err)
			}
		}
		if err := s.Beat(ctx, "nightly", token); err != nil {
			t.Fatal(err)
		}
		look(t, s, now.Add(5*time.Minute))
		want(t, "in time", w.heard(), nil)
		look(t, s, now.Add(7*time.Minute))
		want(t, "late", w.heard(), []string{"firing HeartbeatMissing warning"})
		if st := s.Status(heartbeatPlan().Subject)[0]; st.State != Down || st.Beat.IsZero() {
			t.Errorf("status %+v", st)
		}
		if _, err := s.HeartbeatToken(ctx, "nightly"); err != nil {
			t.Fatal(err)
		}
		if err := s.Beat(ctx, "nightly", token); !errors.Is(err, ErrNoHeartbeat) {
			t.Errorf("the replaced token still works: %v", err)
		}
		if has, err := s.HasHeartbeatToken(ctx, "nightly"); err != nil || !has {
			t.Errorf("has a token: %v, %v", has, err)
		}
	})
}
