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
	Percent float64       // NaN where nobody looked
	Watched time.Duration // since it is known, if that is less than the 90 days; else zero
	Days    []ui.Day
}

// Availability returns that of instances.
func (f *Face) Availability(ctx context.Context, instances []string) (map[string]Availability, error) {
	subjects := make([]signal.Subject, len(instances))
	for i, slug := range instances {
		subjects[i] = signal.Subject{Kind: signal.Instance, Slug: slug}
	}
	found, err := f.uptime.of(ctx, subjects)
	if err != nil {
		return nil, err
	}
	out := make(map[string]Availability, len(instances))
	for _, s := range subjects {
		out[s.Slug] = found[s]
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

// of returns the availability of subjects; those that are not kept are read
// together.
func (u *uptimes) of(ctx context.Context, subjects []signal.Subject) (map[signal.Subject]Availability, error) {
	now := u.now()
	out := make(map[signal.Subject]Availability, len(subjects))
	var missing []signal.Subject
	u.mu.Lock()
	for _, s := range subjects {
		if k, ok := u.kept[s]; ok && now.Sub(k.at) < keptFor {
			out[s] = k.a
		} else {
			missing = append(missing, s)
		}
	}
	u.mu.Unlock()
	if len(missing) == 0 {
		return out, nil
	}
	read, err := u.probes.Uptimes(ctx, missing, stripDays)
	if err != nil {
		return nil, fmt.Errorf("read uptimes: %w", err)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, s := range missing {
		out[s] = availability(read[s], now)
		u.kept[s] = keptUptime{now, out[s]}
	}
	return out, nil
}

func availability(h probe.History, now time.Time) Availability {
	a := Availability{Percent: math.NaN(), Days: make([]ui.Day, len(h.Days))}
	if share, ok := probe.Share(h.Days); ok {
		a.Percent = 100 * share
	}
	if !h.Since.IsZero() {
		a.Watched = now.Sub(h.Since)
	}
	for i, d := range h.Days {
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
