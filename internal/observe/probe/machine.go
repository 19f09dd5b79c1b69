package probe

import (
	"maps"
	"slices"
	"time"
)

// State is what a probe says of its subject now.
type State string

// The states of a probe.
const (
	Unknown  State = "unknown"  // nobody has looked lately
	Up       State = "up"       // the last answers were good
	Failing  State = "failing"  // the last answer was bad, not yet often enough or not yet seen by a second place
	OnePlace State = "oneplace" // seen from one place only: bad from there, good from another; nobody is woken
	Down     State = "down"     // a confirmed outage
)

// Hub is the name of the place that the hub itself is.
const Hub = "hub"

// A probe flaps when this many outages begin within the window. It then has
// to be good for longer before its outage counts as over, so that one long
// outage is reported instead of many short ones. Who breaks and mends
// something by hand stays below it.
const (
	flapOutages    = 5
	flapWindow     = time.Hour
	flapRecoveries = 4 // times the ordinary recoveries
)

// Rules say when to believe what places saw.
type Rules struct {
	Confirmations int           // bad answers in a row before a place says "down"
	Recoveries    int           // good answers in a row before a place says "up" again
	Fresh         time.Duration // how long an answer counts
}

// Observation is one answer as one place saw it.
type Observation struct {
	Place string
	At    time.Time
	OK    bool
	Error string // a sentence when not OK
}

// view is what one place saw lately.
type view struct {
	last  Observation
	count int       // answers in a row like the last one
	since time.Time // the first of them
	said  time.Time // the one that made it enough of them; zero before
}

// Change is a step from one state to another.
type Change struct {
	From, To State
	Since    time.Time // when the new state began: the first bad answer of an outage, the first good one after it
	Cause    string    // what a bad answer said
	Places   []string  // who saw it, sorted
}

// Machine turns what several places see into one state. It is pure: time
// comes in, nothing goes out but the Change.
//
// An outage is confirmed when one place saw enough bad answers in a row and a
// second place, if one looked lately, sees it too. While the second place has
// not looked since, the probe is Failing; when it looked and sees good
// answers, OnePlace. A second place that falls silent stops counting once its
// last answer is no longer fresh, so that it cannot hold an outage back.
type Machine struct {
	rules Rules
	// NotBefore holds confirmations back, for the first moments after a start.
	NotBefore time.Time
	// Trust, if set, says whether what one place alone has seen since then may
	// be believed.
	Trust func(place string, since time.Time) bool
	// Waiting, if set, says that the subject is not there yet: what is seen of
	// it shows, and is no outage. Bad answers count from when it is there.
	Waiting func() bool

	waited bool // at the last look
	views  map[string]*view
	state  State
	since  time.Time
	cause  string
	places []string
	downs  []time.Time // starts of the latest outages
}

// NewMachine returns a machine that knows nothing yet.
func NewMachine(r Rules) *Machine {
	return &Machine{rules: r, views: map[string]*view{}, state: Unknown}
}

// Restore puts an outage back that was open when the hub stopped.
func (m *Machine) Restore(since time.Time, cause string, places []string) {
	m.state, m.since, m.cause, m.places = Down, since, cause, places
}

// SetRules changes the rules; what was seen stays.
func (m *Machine) SetRules(r Rules) { m.rules = r }

// Forget drops what was seen, for a probe that now asks something else. An
// outage stays open until the new question is answered well.
func (m *Machine) Forget() { clear(m.views) }

// State returns the state, since when, and the cause of a bad one.
func (m *Machine) State() (s State, since time.Time, cause string) { return m.state, m.since, m.cause }

// Flapping reports whether outages follow each other so fast that recovery
// asks for more.
func (m *Machine) Flapping(now time.Time) bool {
	n := 0
	for _, at := range m.downs {
		if now.Sub(at) < flapWindow {
			n++
		}
	}
	return n >= flapOutages
}

// Observe takes an answer in and returns the change it makes. Answers that
// come late, behind a newer one of the same place, change nothing.
func (m *Machine) Observe(now time.Time, o Observation) (Change, bool) {
	m.arrive(now)
	if o.At.After(now) { // a place whose clock is ahead must not stay fresh for ever
		o.At = now
	}
	v := m.views[o.Place]
	switch {
	case v == nil:
		v = &view{}
		m.views[o.Place] = v
	case !o.At.After(v.last.At):
		return Change{}, false
	}
	if v.count == 0 || v.last.OK != o.OK || o.At.Sub(v.last.At) > m.rules.Fresh {
		v.count, v.since, v.said = 0, o.At, time.Time{}
	}
	v.last = o
	v.count++
	if v.said.IsZero() && v.count >= m.needed(now, o.OK) {
		v.said = o.At
	}
	return m.Tick(now)
}

// arrive forgets how often bad answers came while the subject was awaited.
func (m *Machine) arrive(now time.Time) {
	waits := m.Waiting != nil && m.Waiting()
	if m.waited && !waits {
		for _, v := range m.views {
			if !v.last.OK {
				v.count, v.since, v.said = 0, now, time.Time{}
			}
		}
	}
	m.waited = waits
}

// needed is how many answers in a row make a place say so.
func (m *Machine) needed(now time.Time, ok bool) int {
	switch {
	case !ok:
		return max(1, m.rules.Confirmations)
	case m.Flapping(now):
		return max(1, m.rules.Recoveries) * flapRecoveries
	}
	return max(1, m.rules.Recoveries)
}

// Tick returns the change that the passing of time makes.
func (m *Machine) Tick(now time.Time) (Change, bool) {
	m.arrive(now)
	good, bad := m.fresh(now)
	var (
		next  State
		since time.Time
	)
	if m.state == Down && !m.waited {
		next, since = m.afterDown(now, good, bad)
	} else {
		next, since = m.next(now, good, bad)
	}
	if next != Up && next != Unknown && len(bad) > 0 && m.state != Down {
		m.cause, m.places = bad[0].last.Error, names(bad)
	}
	if next == m.state {
		return Change{}, false
	}
	c := Change{From: m.state, To: next, Since: since, Cause: m.cause, Places: m.places}
	m.state, m.since = next, since
	switch next {
	case Down:
		m.downs = append(m.downs, since)
		if len(m.downs) > flapOutages {
			m.downs = m.downs[1:]
		}
	case Up, Unknown:
		m.cause, m.places = "", nil
	}
	return c, true
}

// fresh splits what was seen lately into good and bad, longest first.
func (m *Machine) fresh(now time.Time) (good, bad []*view) {
	for _, place := range slices.Sorted(maps.Keys(m.views)) {
		v := m.views[place]
		switch {
		case now.Sub(v.last.At) > m.rules.Fresh:
			delete(m.views, place)
		case v.last.OK:
			good = append(good, v)
		default:
			bad = append(bad, v)
		}
	}
	longest := func(a, b *view) int { return a.since.Compare(b.since) }
	slices.SortStableFunc(good, longest)
	slices.SortStableFunc(bad, longest)
	return good, bad
}

func (m *Machine) next(now time.Time, good, bad []*view) (State, time.Time) {
	switch {
	case len(good)+len(bad) == 0:
		if m.state == Unknown {
			return Unknown, m.since
		}
		return Unknown, now
	case len(bad) == 0:
		if m.state == Up {
			return Up, m.since
		}
		return Up, good[len(good)-1].since
	}
	i := slices.IndexFunc(bad, func(v *view) bool { return !v.said.IsZero() })
	if i < 0 || m.waited {
		return Failing, bad[0].since
	}
	switch {
	case len(bad) > 1 || len(good) == 0: // seen by a second place, or there is none to ask
		alone := len(bad) == 1 && m.Trust != nil
		if now.Before(m.NotBefore) || alone && !m.Trust(bad[0].last.Place, bad[0].since) {
			return Failing, bad[0].since
		}
		return Down, bad[0].since
	case slices.ContainsFunc(good, func(g *view) bool { return g.last.At.After(bad[0].said) }):
		return OnePlace, bad[0].since
	case m.state == OnePlace:
		return OnePlace, m.since
	}
	return Failing, bad[0].since
}

// afterDown says when an outage is over: by the same measure that began it,
// nobody sees it any more, or one place alone does. Silence ends nothing.
func (m *Machine) afterDown(now time.Time, good, bad []*view) (State, time.Time) {
	i := slices.IndexFunc(good, func(v *view) bool { return v.count >= m.needed(now, true) })
	switch {
	case i < 0:
		return Down, m.since
	case len(bad) == 0:
		return Up, good[len(good)-1].since
	case len(bad) == 1 && bad[0].last.At.After(good[i].said) && !good[i].said.IsZero():
		return OnePlace, good[i].since
	}
	return Down, m.since
}

func names(views []*view) []string {
	out := make([]string, len(views))
	for i, v := range views {
		out[i] = v.last.Place
	}
	slices.Sort(out)
	return out
}
