package fleetweb

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/fleet/enrol"
	"github.com/vigie-ops/vigie/internal/signal"
	"github.com/vigie-ops/vigie/internal/ui"
)

// The states of a server and of an instance, as the API and the filters name
// them. Worst first.
const (
	stateWrong     = "wrong"     // an alert is open
	stateSilent    = "silent"    // it was heard once, and is not any more
	stateWell      = "well"      // heard or answering, and nothing is wrong
	stateWaiting   = "waiting"   // no agent has enrolled yet
	stateAppliance = "appliance" // no agent can run; probes find nothing wrong
)

// patience is how long after the last heartbeat a server still counts as
// heard: agents send one every ten seconds.
const patience = 45 * time.Second

// state is how one thing is, ready to show.
type state struct {
	key   string
	kind  ui.Kind
	words string
}

// urgency orders states for "worst first".
func (s state) urgency() int {
	switch {
	case s.kind == ui.Bad:
		return 0
	case s.kind == ui.Warn:
		return 1
	case s.kind == ui.Info:
		return 2
	case s.key == stateWaiting:
		return 3
	}
	return 4
}

// well says whether nobody needs to look.
func (s state) well() bool { return s.key == stateWell || s.key == stateAppliance }

// moment is the fleet with its state at one time, read once for each page.
type moment struct {
	now      time.Time
	fleet    *fleet.Snapshot
	heard    map[string]fleet.Heard
	enrolled map[string]enrol.Enrolment
	wrong    conditions
}

// look reads the moment.
func (f *face) look(ctx context.Context) (moment, error) {
	wrong, err := f.o.Health.Wrong(ctx)
	if err != nil {
		return moment{}, fmt.Errorf("read what is wrong: %w", err)
	}
	enrolled, err := f.o.Authority.Enrolled(ctx)
	if err != nil {
		return moment{}, fmt.Errorf("read which agents are enrolled: %w", err)
	}
	return moment{
		now:      f.o.Now(),
		fleet:    f.o.Fleet.Current(),
		heard:    f.o.Hearing.All(),
		enrolled: enrolled,
		wrong:    fold(wrong),
	}, nil
}

// server says how a server is. What an alert says goes first; then whether it
// is heard at all.
func (m moment) server(s fleet.Server) state {
	c, wrong := m.wrong.servers[s.Slug]
	if wrong && c.severity != signal.Info {
		return state{stateWrong, c.kind(), c.String()}
	}
	if s.Appliance {
		return state{stateAppliance, ui.OK, "well, seen from outside"}
	}
	e, enrolled := m.enrolled[s.Slug]
	last, heard := m.heard[s.Slug]
	switch {
	case enrolled && e.Revoked:
		return state{stateSilent, ui.Warn, "certificate revoked"}
	case !heard && enrolled:
		return state{stateWaiting, ui.Quiet, "enrolled, not heard yet"}
	case !heard:
		return state{stateWaiting, ui.Quiet, "waiting for its agent"}
	case m.now.Sub(last.At) > patience:
		return state{stateSilent, ui.Warn, "not heard for " + ui.Duration(m.now.Sub(last.At).Truncate(time.Second))}
	case wrong:
		return state{stateWell, ui.Info, c.String()}
	}
	return state{stateWell, ui.OK, "well"}
}

// instance says how an instance is: what an alert says, else a server of its
// own that is down, because nobody else would say so while the server's alert
// hides those of the instance.
func (m moment) instance(i fleet.Instance) state {
	if c, wrong := m.wrong.instances[i.Slug]; wrong {
		key := stateWrong
		if c.severity == signal.Info {
			key = stateWell
		}
		return state{key, c.kind(), c.String()}
	}
	for _, slug := range i.Servers {
		if c := m.wrong.servers[slug]; c.severity == signal.Critical {
			return state{stateWrong, ui.Warn, slug + ": " + c.words}
		}
	}
	return state{stateWell, ui.OK, "well"}
}

// heardWords says when a server was last heard.
func (m moment) heardWords(s fleet.Server) string {
	last, ok := m.heard[s.Slug]
	switch {
	case s.Appliance:
		return "no agent"
	case !ok:
		return "never"
	}
	return ui.Ago(m.now.Sub(last.At))
}

// worstFirst compares by urgency, then by name.
func worstFirst(a, b state, nameA, nameB string) int {
	return cmp.Or(cmp.Compare(a.urgency(), b.urgency()), cmp.Compare(nameA, nameB))
}
