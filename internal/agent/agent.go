package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vigie-ops/vigie/internal/agent/spool"
	"github.com/vigie-ops/vigie/internal/wire"
)

// Options are what an agent is made of.
type Options struct {
	Config Config
	Log    *slog.Logger
	Build  string // version of the program, for people
	Root   fs.FS  // "/" of the machine; os.DirFS("/") if nil
	// Sources observe beside those every agent has: metrics and facts. Those
	// that are Probers get the targets hubs hand over.
	Sources []Source
	// Only replaces the sources every agent has, for tests and tools.
	Only []Source

	dial dialer
}

// Agent is the process as a value: New, then Run once.
type Agent struct {
	o       Options
	log     *slog.Logger
	started time.Time
	boot    string
	spool   *spool.Spool
	outlet  *outlet
	sources []Source
	links   []*link
	targets *targets
}

// New opens the spool and puts the parts together. It starts nothing; whoever
// does not call Run calls Close.
func New(o Options) (*Agent, error) {
	if o.Root == nil {
		o.Root = os.DirFS("/")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	limits := o.Config.Spool
	s, err := spool.Open(filepath.Join(o.Config.DataDir, "spool"), spool.Options{
		MaxAge: time.Duration(limits.MaxAge), MaxBytes: int64(limits.MaxMegabytes) << 20,
	})
	if err != nil {
		return nil, err
	}
	a := &Agent{o: o, log: o.Log, started: time.Now(), boot: bootID(o.Root), spool: s, outlet: &outlet{spool: s, log: o.Log}}
	if err := a.assemble(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return a, nil
}

// assemble makes links and sources.
func (a *Agent) assemble() error {
	var names []string
	for _, h := range a.o.Config.Hubs {
		names = append(names, h.Name)
		r, err := a.spool.Reader(h.Name)
		if err != nil {
			return err
		}
		a.links = append(a.links, newLink(a, h, r))
	}
	if err := a.spool.Keep(names...); err != nil {
		return err
	}
	a.sources = a.o.Only
	if a.sources == nil {
		own, err := a.ownSources()
		if err != nil {
			return err
		}
		a.sources = own
	}
	a.sources = append(a.sources, a.o.Sources...)
	a.targets = newTargets(a.o.Config.networks(), a.sources)
	return nil
}

// Run observes and sends until ctx is done, then closes the spool.
func (a *Agent) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, s := range a.sources {
		wg.Go(func() { supervise(ctx, s, a.outlet.put, a.log) })
	}
	for _, l := range a.links {
		wg.Go(func() { l.run(ctx) })
	}
	wg.Go(func() { giveBackAll(ctx) })
	a.log.Info("agent is running", "hubs", len(a.links), "sources", len(a.sources))
	wg.Wait()
	if err := a.spool.Close(); err != nil {
		return fmt.Errorf("close the spool: %w", err)
	}
	return nil
}

// Close closes the spool of an agent that was not run.
func (a *Agent) Close() error { return a.spool.Close() }

// unavailable lists what cannot be observed on this machine.
func (a *Agent) unavailable() []wire.Unavailable {
	var all []wire.Unavailable
	for _, s := range a.sources {
		if u, ok := s.(unavailabler); ok {
			all = append(all, u.Unavailable()...)
		}
	}
	return all
}

// refused lists the targets this server does not probe: those outside its
// networks, and those whose names led a prober outside.
func (a *Agent) refused() []string {
	all := slices.Clone(a.targets.refusals())
	for _, s := range a.sources {
		if r, ok := s.(refuser); ok {
			all = append(all, r.Refused()...)
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	return all[:min(len(all), maxRefused)]
}

// maxRefused keeps heartbeats small: a hub that hands over thousands of wrong
// targets learns it from the first ones.
const maxRefused = 200

// bootID tells one start of the machine from the next.
func bootID(root fs.FS) string {
	b, err := fs.ReadFile(root, "proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
