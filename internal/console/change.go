package console

import (
	"context"
	"slices"
	"time"

	"github.com/a-h/templ"

	"github.com/vigie-ops/vigie/internal/lib/logattr"
	"github.com/vigie-ops/vigie/internal/ui"
)

// Changes tells what a room saw change between two moments, in any order.
type Changes func(ctx context.Context, from, to time.Time) ([]ui.Moment, error)

// Tell adds a room's changes to what Now and the issues tell.
func (c *Console) Tell(f Changes) { c.changes = append(c.changes, f) }

// Changed asks all rooms what changed between two moments: the newest of it,
// newest first, and whether there was more. A room that fails is left out and
// logged; the others still help.
func (c *Console) Changed(ctx context.Context, from, to time.Time, most int) (told []ui.Moment, more bool) {
	for _, f := range c.changes {
		some, err := f(ctx, from, to)
		if err != nil && ctx.Err() == nil {
			c.o.Log.Error("changes are not to be had", logattr.Err(err))
		}
		told = append(told, some...)
	}
	told = slices.DeleteFunc(told, func(m ui.Moment) bool { return m.At.Before(from) || m.At.After(to) })
	slices.SortStableFunc(told, func(a, b ui.Moment) int { return b.At.Compare(a.At) })
	if len(told) > most {
		return told[:most], true
	}
	return told, false
}

// latelyFor is how far back Now tells what changed, and latelyMost how much.
const (
	latelyFor  = 24 * time.Hour
	latelyMost = 8
)

func lastDay(more bool) string {
	if more {
		return "newest of the last day"
	}
	return "last 24 hours"
}

// lately is Now's panel of what changed.
func (c *Console) lately(ctx context.Context, _ About) (templ.Component, error) {
	now := c.o.Now()
	told, more := c.Changed(ctx, now.Add(-latelyFor), now.Add(time.Second), latelyMost)
	return latelyPanel(told, more), nil
}
