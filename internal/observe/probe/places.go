package probe

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/vigie-ops/vigie/internal/observe/probe/prober"
	"github.com/vigie-ops/vigie/internal/wire"
)

// Targets returns what the agent of a server is to look at: the probes that
// name it, and those for which it is the second place. The commit has a
// suffix that changes with the list, so that it can serve as an ETag while
// agents come and go.
func (s *Service) Targets(server string) wire.Targets {
	online := setOf(s.o.Agents())
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	out := wire.Targets{Targets: []wire.Target{}}
	for _, r := range s.sorted {
		if r.plan.Kind == KindHeartbeat || !r.seenFrom(server, online, now) {
			continue
		}
		t, err := prober.ToWire(r.plan.Target)
		if err != nil {
			s.o.Log.Error("target not handed over", "probe", r.plan.Slug, "err", err)
			continue
		}
		t.Name = r.plan.Name
		out.Targets = append(out.Targets, t)
	}
	body, err := json.Marshal(out.Targets)
	if err != nil {
		s.o.Log.Error("targets have no tag", "err", err)
	}
	sum := sha256.Sum256(body)
	out.Commit = s.commit + "+" + hex.EncodeToString(sum[:4])
	return out
}

func setOf(servers []string) map[string]bool {
	set := make(map[string]bool, len(servers))
	for _, s := range servers {
		set[s] = true
	}
	return set
}

// passedOverFor is how long an agent is not asked again that refused a probe
// or did not answer: its own file may have changed by then.
const passedOverFor = time.Hour

// second is the agent that looks at a probe beside the hub.
type second struct {
	server  string               // empty if there is none
	heard   time.Time            // its last answer, or when it must know that it is asked
	refused map[string]time.Time // agents that do not look there, and when they said so
	silent  map[string]time.Time // agents that were asked and did not answer, and since when
}

// seenFrom reports whether the server is a place of the probe.
func (r *run) seenFrom(server string, online map[string]bool, now time.Time) bool {
	if len(r.plan.From) > 0 {
		return slices.Contains(r.plan.From, server)
	}
	r.chooseSecond(online, now)
	return r.second.server != "" && r.second.server == server
}

// chooseSecond picks one agent that is online, no part of the subject, and
// did not refuse. The choice stays as long as that agent is online and
// answers; hashing spreads the probes over the agents, and few of them move
// when one comes or goes. Agents that did not answer come last, so that one
// that is alone is asked for ever.
func (r *run) chooseSecond(online map[string]bool, now time.Time) {
	c := &r.second
	old := func(_ string, at time.Time) bool { return now.Sub(at) >= passedOverFor }
	maps.DeleteFunc(c.refused, old)
	maps.DeleteFunc(c.silent, old)
	_, refused := c.refused[c.server]
	if c.server != "" && online[c.server] && !refused {
		if now.Sub(c.heard) <= r.plan.Rules.Fresh {
			return
		}
		note(&c.silent, c.server, now)
	}
	c.server = ""
	var best [sha256.Size]byte
	for server := range online {
		if _, refused := c.refused[server]; refused || slices.Contains(r.plan.Own, server) {
			continue
		}
		score := sha256.Sum256([]byte(r.plan.Slug + "\x00" + server))
		order := cmp.Or(c.silent[c.server].Compare(c.silent[server]), slices.Compare(score[:], best[:]))
		if c.server == "" || order > 0 {
			c.server, best = server, score
		}
	}
	c.heard = now.Add(wire.TargetsEvery)
}

func note(m *map[string]time.Time, server string, at time.Time) {
	if *m == nil {
		*m = map[string]time.Time{}
	}
	(*m)[server] = at
}

// TakeRefusals takes which probes the agent of a server does not run, because
// they lie outside the networks that the server's own file allows. Another
// agent is then asked.
func (s *Service) TakeRefusals(server string, probes []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for _, slug := range probes {
		if r := s.runs[slug]; r != nil && r.second.server == server {
			note(&r.second.refused, server, now)
		}
	}
}

// TakeResults takes what the agent of a server saw. Results of probes it was
// not asked to run are dropped: an agent speaks for itself only.
func (s *Service) TakeResults(_ context.Context, server string, results wire.ProbeResults) error {
	online := setOf(s.o.Agents())
	online[server] = true // it is speaking to us right now
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	foreign := 0
	for _, w := range results.Results {
		r := s.runs[w.Target]
		if r == nil || r.plan.Kind == KindHeartbeat {
			continue // removed while the result was on its way
		}
		if r.second.server != server && !r.seenFrom(server, online, now) {
			foreign++
			continue
		}
		if r.second.server == server && now.After(r.second.heard) {
			r.second.heard = now
		}
		res := prober.ResultFromWire(w)
		if res.At.After(now) {
			res.At = now
		}
		s.take(r, server, res, now)
	}
	if foreign > 0 {
		s.o.Log.Warn("results dropped: the agent was not asked for them", "server", server, "results", foreign)
	}
	return nil
}
