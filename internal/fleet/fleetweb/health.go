package fleetweb

import (
	"context"
	"strconv"

	"github.com/vigie-ops/vigie/internal/signal"
	"github.com/vigie-ops/vigie/internal/ui"
)

// Health knows what is wrong now. It is asked once for each page, so it
// answers for the whole fleet.
type Health interface {
	Wrong(ctx context.Context) ([]Wrong, error)
}

// Wrong is one thing that is wrong now, as an open alert says. Silenced and
// hidden alerts are no matter of a page's first glance and are left out.
type Wrong struct {
	Servers   []string // slugs of the servers it is about
	Instances []string // slugs of the instances it is about
	Severity  signal.Severity
	Words     string // few, and without the subject's name: "disk full in 9 h"
}

// condition is what is wrong with one thing: the worst, and how much more.
type condition struct {
	severity signal.Severity
	words    string
	more     int
}

// conditions are those of the fleet, by slug.
type conditions struct{ servers, instances map[string]condition }

// fold sorts what is wrong by whom it touches. Of several things the worst
// speaks; of equals the first.
func fold(wrong []Wrong) conditions {
	c := conditions{servers: map[string]condition{}, instances: map[string]condition{}}
	for _, w := range wrong {
		for _, s := range w.Servers {
			c.servers[s] = c.servers[s].with(w)
		}
		for _, i := range w.Instances {
			c.instances[i] = c.instances[i].with(w)
		}
	}
	return c
}

func (c condition) with(w Wrong) condition {
	if c.words == "" {
		return condition{w.Severity, w.Words, 0}
	}
	more := c.more + 1
	if w.Severity.Rank() > c.severity.Rank() {
		return condition{w.Severity, w.Words, more}
	}
	c.more = more
	return c
}

func (c condition) kind() ui.Kind {
	switch c.severity {
	case signal.Critical:
		return ui.Bad
	case signal.Info:
		return ui.Info
	default:
		return ui.Warn
	}
}

func (c condition) String() string {
	if c.more == 0 {
		return c.words
	}
	return c.words + ", and " + strconv.Itoa(c.more) + " more"
}
