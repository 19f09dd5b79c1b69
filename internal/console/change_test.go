package console

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/ui"
)

func TestChangedTellsTheNewestOfAllRooms(t *testing.T) {
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	at := func(minutes int, text string) ui.Moment {
		return ui.Moment{At: noon.Add(time.Duration(minutes) * time.Minute), Text: text}
	}
	c := New(Options{Log: slog.New(slog.DiscardHandler)})
	c.Tell(func(context.Context, time.Time, time.Time) ([]ui.Moment, error) {
		return []ui.Moment{at(-30, "commit"), at(-90, "too old"), at(1, "too new")}, nil
	})
	c.Tell(func(context.Context, time.Time, time.Time) ([]ui.Moment, error) {
		return nil, errors.New("the disk is gone")
	})
	c.Tell(func(context.Context, time.Time, time.Time) ([]ui.Moment, error) {
		return []ui.Moment{at(-40, "outage"), at(-10, "silence")}, nil
	})
	words := func(most int) (out []string, more bool) {
		told, more := c.Changed(t.Context(), noon.Add(-time.Hour), noon, most)
		for _, m := range told {
			out = append(out, m.Text)
		}
		return out, more
	}
	if got, more := words(5); more || !cmp.Equal(got, []string{"silence", "commit", "outage"}) {
		t.Errorf("told %v, more %t", got, more)
	}
	if got, more := words(2); !more || !cmp.Equal(got, []string{"silence", "commit"}) {
		t.Errorf("told %v, more %t", got, more)
	}
}
