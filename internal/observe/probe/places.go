package probe

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
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
	online := s.o.Agents()
	s.mu.Lock()
	defer s.mu.Unlock()
	out := wire.Targets{Targets: []wire.Target{}}
	for _, r := range s.sorted() {
		if r.plan.Kind == KindHeartbeat || !r.seenFrom(server, online) {
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

func (s *Service) sorted() []*run {
	out := make([]*run, 0, len(s.runs))
	for _, r := range s.runs {
		out = append(out, r)
	}
	slices.SortFunc(out, bySlug)
	return out
}

// seenFrom reports whether the server is a place of the probe.
func (r *run) seenFrom(server string, online []string) bool {
	if len(r.plan.From) > 0 {
		return slices.Contains(r.plan.From, server)
	}
	r.chooseSecond(online)
	return r.second != "" && r.second == server
}

// chooseSecond picks one agent that is online and no part of the subject. The
// choice stays as long as that agent is online; hashing spreads the probes
// over the agents, and few of them move when one comes or goes.
func (r *run) chooseSecond(online []string) {
	if r.second != "" && slices.Contains(online, r.second) {
		return
	}
	r.second = ""
	var best [sha256.Size]byte
	for _, server := range online {
		if slices.Contains(r.plan.Own, server) {
			continue
		}
		score := sha256.Sum256([]byte(r.plan.Slug + "\x00" + server))
		if r.second == "" || slices.Compare(score[:], best[:]) > 0 {
			r.second, best = server, score
		}
	}
}

// TakeResults takes what the agent of a server saw. Results of probes it was
// not asked to run are dropped: an agent speaks for itself only.
func (s *Service) TakeResults(_ context.Context, server string, results wire.ProbeResults) error {
	online := s.o.Agents()
	if !slices.Contains(online, server) { // it is speaking to us right now
		online = append(slices.Clone(online), server)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	foreign := 0
	for _, w := range results.Results {
		r := s.runs[w.Target]
		if r == nil || r.plan.Kind == KindHeartbeat {
			continue // removed while the result was on its way
		}
		if !r.seenFrom(server, online) {
			foreign++
			continue
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
