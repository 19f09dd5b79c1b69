package probeweb

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/probe"
	"github.com/vigie-ops/vigie/internal/signal"
	"github.com/vigie-ops/vigie/internal/ui"
)

// stripDays is how far back uptime is shown.
const stripDays = 90

// Availability is how long something was up over the last 90 days.
type Availability struct {
	Percent float64 // NaN where nobody looked
	Days    []ui.Day
}

// Availability returns that of instances.
func (f *Face) Availability(ctx context.Context, instances []string) (map[string]Availability, error) {
	out := make(map[string]Availability, len(instances))
	for _, slug := range instances {
		a, err := f.uptime.of(ctx, signal.Subject{Kind: signal.Instance, Slug: slug})
		if err != nil {
			return nil, err
		}
		out[slug] = a
	}
	return out, nil
}

// uptimes keeps what was worked out for a moment: a list asks for many
// instances at once, and 90 days change slowly.
type uptimes struct {
	probes Probes
	now    func() time.Time
	mu     sync.Mutex
	kept   map[signal.Subject]keptUptime
}

type keptUptime struct {
	at time.Time
	a  Availability
}

// keptFor is how old an uptime may be.
const keptFor = 30 * time.Second

func newUptimes(p Probes, now func() time.Time) *uptimes {
	return &uptimes{probes: p, now: now, kept: map[signal.Subject]keptUptime{}}
}

func (u *uptimes) of(ctx context.Context, subject signal.Subject) (Availability, error) {
	u.mu.Lock()
	k, ok := u.kept[subject]
	u.mu.Unlock()
	if ok && u.now().Sub(k.at) < keptFor {
		return k.a, nil
	}
	days, err := u.probes.Uptime(ctx, subject, stripDays)
	if err != nil {
		return Availability{}, fmt.Errorf("read the uptime of %s: %w", subject, err)
	}
	a := availability(days)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.kept[subject] = keptUptime{u.now(), a}
	return a, nil
}

func availability(days []probe.Day) Availability {
	a := Availability{Percent: math.NaN(), Days: make([]ui.Day, len(days))}
	if share, ok := probe.Share(days); ok {
		a.Percent = 100 * share
	}
	for i, d := range days {
		a.Days[i] = dayOf(d)
	}
	return a
}

// hurts is from how much of a day on an outage makes the day bad.
const hurts = 0.01

// dayOf puts a day into a colour and words.
func dayOf(d probe.Day) ui.Day {
	date := d.Date.Format("2 Jan")
	share, known := d.Uptime()
	switch {
	case !known:
		return ui.Day{Kind: ui.Quiet, Words: date + ": nobody looked"}
	case d.Down == 0:
		return ui.Day{Kind: ui.OK, Words: date + ": up all day"}
	}
	kind := ui.Warn
	if 1-share > hurts {
		kind = ui.Bad
	}
	return ui.Day{Kind: kind, Words: fmt.Sprintf("%s: down for %s in %s, %s up", date,
		ui.Duration(d.Down.Truncate(time.Second)), ui.Count(d.Outages, "outage", "outages"), ui.Percent(100*share))}
}
