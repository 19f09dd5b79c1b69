// Package heard decides which servers count as unresponsive.
//
// Three things make a silent server different from a silent hub: the time of
// hearing is the hub's own receive time, never a sample's; an outside probe has
// its say; and when many servers fall silent together, that is one finding about
// the hub's surroundings and not one for every server.
package heard

import (
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// Probe is what a look from outside said.
type Probe string

// What a probe may say.
const (
	Unknown Probe = ""     // there is no probe, or what it says is not sure
	Up      Probe = "up"   // something on the server answers
	Down    Probe = "down" // nothing answers, and that is confirmed
)

// Server is what is known about one server.
type Server struct {
	Slug      string
	Appliance bool      // has no agent: only the probe counts
	Enrolled  bool      // its agent enrolled at some time
	Last      time.Time // when the hub last received anything from its agent; zero if never since it can tell
	Probe     Probe
	Labels    map[string]string // ring, client and so on, for the alert
}

// Limits are the numbers of the decision. Zero fields take the defaults.
//
// A server that reboots looks like one that died until it is back: nothing that
// it said before tells that it means to, and the new boot is known with the
// first word after it. So the defaults wait two minutes, which most reboots
// take less than, before anybody is woken: 90 s for the server to be suspect,
// 30 s more for others to fall silent with it.
type Limits struct {
	Silence    time.Duration // without a word before a server is suspect: 90 s
	Settle     time.Duration // suspect before it is told, so that a mass outage is told as one: 30 s
	Grace      time.Duration // after the hub's start before anything is judged: 90 s
	MassWindow time.Duration // falling silent within it counts as together: 5 min
	MassCount  int           // more than this many together are a mass outage, and …
	MassShare  float64       // … more than this share of all: 3 and 0.2
}

func (l Limits) withDefaults() Limits {
	set := func(d *time.Duration, def time.Duration) {
		if *d == 0 {
			*d = def
		}
	}
	set(&l.Silence, 90*time.Second)
	set(&l.Settle, 30*time.Second)
	set(&l.Grace, 90*time.Second)
	set(&l.MassWindow, 5*time.Minute)
	if l.MassCount == 0 {
		l.MassCount = 3
	}
	if l.MassShare == 0 {
		l.MassShare = 0.2
	}
	return l
}

// Kind is what is wrong.
type Kind string

// The kinds of finding.
const (
	Unresponsive Kind = "unresponsive" // silent, and nothing from outside contradicts
	AgentSilent  Kind = "agent"        // the agent is silent, the machine answers
	Mass         Kind = "mass"         // many at once
)

// Finding is one thing that is wrong.
type Finding struct {
	Kind   Kind
	Server Server    // not for Mass
	Since  time.Time // last word, or for Mass the first server's
	Silent []string  // for Mass: who
	Of     int       // for Mass: of how many watched servers
}

// State is what the decision remembers from one look to the next.
type State struct {
	Mass bool // a mass outage is being told
	// Down is since when an appliance's probe has said down; a probe tells no
	// time of its own.
	Down map[string]time.Time
}

// Verdict is the outcome of one look.
type Verdict struct {
	// Judged is false in the grace after the start: nothing is found then, and
	// nothing that was found before counts as over.
	Judged   bool
	Findings []Finding
	Waiting  []string // servers that wait for their agent
	// Quiet are the servers whose agents are silent now, found or not: nothing
	// that was seen inside them is known to be over.
	Quiet []string
	// Together are the quiet servers and the appliances that are down while a
	// mass outage is told: its alert stands for whatever is wrong with them.
	Together []string
}

// quietAfter is sooner than a server is suspect: rules look back over a minute,
// so that what they had open would seem to be over until then.
const quietAfter = time.Minute

type silent struct {
	server Server
	since  time.Time // of the last word
	fell   time.Time // when it became suspect
}

// Decide looks at all servers. Started is when the hub began to listen.
func Decide(prev State, now, started time.Time, servers []Server, l Limits) (State, Verdict) {
	l = l.withDefaults()
	next := State{Mass: prev.Mass, Down: map[string]time.Time{}}
	v := Verdict{Judged: now.Sub(started) >= l.Grace}

	watched := 0
	var quiet []silent
	for _, s := range servers {
		switch {
		case s.Appliance:
			watched++
			if s.Probe != Down {
				continue
			}
			since, known := prev.Down[s.Slug]
			if !known {
				since = now
			}
			next.Down[s.Slug] = since
			// The probe has its own confirmations: no second wait for silence.
			quiet = append(quiet, silent{server: s, since: since, fell: since})
		case !s.Enrolled && s.Last.IsZero():
			v.Waiting = append(v.Waiting, s.Slug)
		default:
			watched++
			last := s.Last
			if last.IsZero() {
				last = started // never heard since the start, and nobody remembers
			}
			if now.Sub(last) > l.Silence {
				quiet = append(quiet, silent{server: s, since: last, fell: last.Add(l.Silence)})
			}
			if now.Sub(last) > min(quietAfter, l.Silence) {
				v.Quiet = append(v.Quiet, s.Slug)
			}
		}
	}
	slices.Sort(v.Waiting)
	if !v.Judged {
		v.Together = together(next, v)
		return next, v
	}
	slices.SortFunc(quiet, func(a, b silent) int { return strings.Compare(a.server.Slug, b.server.Slug) })

	threshold := max(float64(l.MassCount), l.MassShare*float64(watched))
	next.Mass = isMass(prev.Mass, now, started.Add(l.Grace), quiet, threshold, l)
	v.Together = together(next, v)
	if next.Mass {
		v.Findings = []Finding{mass(quiet, watched)}
		return next, v
	}
	for _, q := range quiet {
		if now.Sub(q.fell) < l.Settle {
			continue
		}
		kind := Unresponsive
		if !q.server.Appliance && q.server.Probe == Up {
			kind = AgentSilent
		}
		v.Findings = append(v.Findings, Finding{Kind: kind, Server: q.server, Since: q.since})
	}
	return next, v
}

// isMass says whether too many are silent together. It begins when more than
// the threshold fell silent within the window, and lasts until no more than the
// threshold are silent at all. Whoever was silent before the first judgement
// fell, for all the hub can know, together with the others.
func isMass(before bool, now, judgedFrom time.Time, quiet []silent, threshold float64, l Limits) bool {
	if before {
		return float64(len(quiet)) > threshold
	}
	together := 0
	for _, q := range quiet {
		fell := q.fell
		if fell.Before(judgedFrom) {
			fell = judgedFrom
		}
		if now.Sub(fell) < l.MassWindow {
			together++
		}
	}
	return float64(together) > threshold
}

func together(s State, v Verdict) []string {
	if !s.Mass {
		return nil
	}
	return slices.Sorted(slices.Values(slices.AppendSeq(slices.Clone(v.Quiet), maps.Keys(s.Down))))
}

// DecidedBy returns when Decide has had its say at the latest on a server
// whose agent was last heard then.
func DecidedBy(last, started time.Time, l Limits) time.Time {
	l = l.withDefaults()
	at, judged := last.Add(l.Silence+l.Settle), started.Add(l.Grace)
	if judged.After(at) {
		return judged
	}
	return at
}

func mass(quiet []silent, watched int) Finding {
	f := Finding{Kind: Mass, Of: watched, Since: time.Unix(math.MaxInt32, 0)}
	for _, q := range quiet {
		f.Silent = append(f.Silent, q.server.Slug)
		if q.since.Before(f.Since) {
			f.Since = q.since
		}
	}
	return f
}
