package fleetagent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"github.com/vigie-ops/vigie/internal/wire"
)

// Options says where to look.
type Options struct {
	Root         fs.FS    // "/" of the machine
	Certificates []string // patterns of certificate files
	Disable      []string // kinds of facts that are not collected
	Log          *slog.Logger
	Now          func() time.Time
}

// errNothing says that a machine has nothing of a kind.
var errNothing = errors.New("this machine has nothing of the kind, or does not show it")

// errUnchanged says that the cheap look found no change.
var errUnchanged = errors.New("unchanged")

// observer looks at one kind of fact.
type observer struct {
	kind  string
	every time.Duration
	// look returns a body, or errUnchanged where a cheap look was enough.
	look func(ctx context.Context) (any, error)

	next   time.Time // of the look
	again  time.Time // when an unchanged fact is sent again
	hash   string
	body   []byte // kept for sending again
	reason string
}

// Source sends facts. It is a service of the agent.
type Source struct {
	o         Options
	observers []*observer

	mu          sync.Mutex
	unavailable []wire.Unavailable
}

// New returns a source that looks at nothing until it runs.
func New(o Options) *Source {
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Source{o: o}
	add := func(kind string, every time.Duration, look func(context.Context) (any, error)) {
		for _, d := range o.Disable {
			if d == kind {
				return
			}
		}
		s.observers = append(s.observers, &observer{kind: kind, every: every, look: look})
	}
	add(wire.FactOS, 10*time.Minute, func(context.Context) (any, error) { return readOS(o.Root) })
	add(wire.FactPackages, time.Minute, newPackages(o.Root).look)
	add(wire.FactPorts, time.Minute, newPorts(o.Root).look)
	add(wire.FactUsers, 5*time.Minute, func(context.Context) (any, error) { return readUsers(o.Root) })
	add(wire.FactMounts, time.Minute, func(context.Context) (any, error) { return readMounts(o.Root) })
	add(wire.FactCertificates, 10*time.Minute, func(context.Context) (any, error) {
		return readCertificates(o.Root, o.Certificates), nil
	})
	add(wire.FactStale, 10*time.Minute, func(ctx context.Context) (any, error) { return readStale(ctx, o.Root) })
	add(wire.FactSSHHostKeys, 10*time.Minute, func(context.Context) (any, error) { return readHostKeys(o.Root) })
	return s
}

// Kinds returns what Options.Disable may list.
func Kinds() []string {
	return []string{wire.FactCertificates, wire.FactMounts, wire.FactOS, wire.FactPackages, wire.FactPorts, wire.FactSSHHostKeys, wire.FactStale, wire.FactUsers}
}

// Name implements the agent's source.
func (s *Source) Name() string { return "facts" }

// apart is how long the source waits between two looks, so that they never
// come as one burst of work.
const apart = 2 * time.Second

// Run looks until ctx is done.
func (s *Source) Run(ctx context.Context, out func(kind string, payload []byte) error) error {
	tick := time.NewTicker(apart)
	defer tick.Stop()
	for {
		s.Step(ctx, out)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Step takes the look that is due longest, if any is, and sends what changed.
func (s *Source) Step(ctx context.Context, out func(kind string, payload []byte) error) {
	now := s.o.Now()
	var due *observer
	for _, o := range s.observers {
		if !o.next.After(now) && (due == nil || o.next.Before(due.next)) {
			due = o
		}
	}
	if due == nil {
		return
	}
	due.next = now.Add(due.every)
	body, err := due.safely(ctx)
	switch {
	case errors.Is(err, errUnchanged):
		s.send(due, due.body, now, out)
	case err != nil:
		s.note(due, err.Error())
	default:
		s.note(due, "")
		s.send(due, body, now, out)
	}
}

// safely looks; a panic is an error of this kind and of no other.
func (o *observer) safely(ctx context.Context) (body []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("it panicked: %v", p)
		}
	}()
	v, err := o.look(ctx)
	if err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

// send sends a body that changed or was not sent for a day. One that could not
// be kept is sent at the next look.
func (s *Source) send(o *observer, body []byte, now time.Time, out func(string, []byte) error) {
	if o.kind == wire.FactPackages {
		o.body = body // the one kind whose cheap look says "unchanged"
	}
	hash := wire.HashBody(body)
	if body == nil || hash == o.hash && now.Before(o.again) {
		return
	}
	payload, err := json.Marshal(wire.Facts{Kind: o.kind, At: now.UTC(), Hash: hash, Body: body})
	if err == nil {
		err = out(wire.KindFacts, payload)
	}
	if err != nil {
		o.hash = ""
		return
	}
	o.hash, o.again = hash, now.Add(wire.FactsAgain)
}

// note keeps the list of what is unavailable, and logs a change once.
func (s *Source) note(o *observer, reason string) {
	if len(reason) > 300 {
		reason = reason[:300]
	}
	if (o.reason == "") != (reason == "") {
		if reason != "" {
			s.o.Log.Info("facts are unavailable", "facts", o.kind, "reason", reason)
		} else {
			s.o.Log.Info("facts are available again", "facts", o.kind)
		}
	}
	o.reason = reason
	var all []wire.Unavailable
	for _, o := range s.observers {
		if o.reason != "" {
			all = append(all, wire.Unavailable{Name: "facts " + o.kind, Reason: o.reason})
		}
	}
	s.mu.Lock()
	s.unavailable = all
	s.mu.Unlock()
}

// Unavailable returns the kinds of facts this machine does not give.
func (s *Source) Unavailable() []wire.Unavailable {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unavailable
}
