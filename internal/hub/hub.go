// Package hub is the hub process: it wires the rooms from the ground up, runs
// their background work, and listens. Start reading here.
package hub

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vigie-ops/vigie/internal/audit"
	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/fleet/enrol"
	"github.com/vigie-ops/vigie/internal/keyring"
	"github.com/vigie-ops/vigie/internal/observe/logs"
	"github.com/vigie-ops/vigie/internal/observe/logs/access"
	"github.com/vigie-ops/vigie/internal/observe/metrics"
	"github.com/vigie-ops/vigie/internal/observe/probe"
	"github.com/vigie-ops/vigie/internal/operate/drift"
	"github.com/vigie-ops/vigie/internal/operate/plan"
	"github.com/vigie-ops/vigie/internal/operate/run"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/respond/alert"
	"github.com/vigie-ops/vigie/internal/respond/logbook"
	"github.com/vigie-ops/vigie/internal/respond/notify"
)

// Options are what a hub is started with beside its file.
type Options struct {
	Config  Config
	Version string // build, shown to people
	Log     *slog.Logger
	Now     func() time.Time // time.Now if nil
	// ProbeGrace is how long after the start no probe confirms an outage, since
	// what runs beside the hub may be starting too: 30 s if zero, none if
	// negative.
	ProbeGrace time.Duration
	// Extend adds pages of whoever starts the hub: the demo's.
	Extend func(h *Hub, c *console.Console)
}

// Hub is a whole hub as a value: New opens everything, Run works until told to
// stop, Close gives it back.
type Hub struct {
	o   Options
	log *slog.Logger

	registry *prometheus.Registry
	state    *db.DB
	jobs     *db.Jobs
	keys     *keyring.Ring
	audit    *audit.Log

	staff    *people.Staff
	accounts *people.Accounts
	fleet    *fleet.Fleet
	hearing  *fleet.Hearing
	facts    *fleet.Facts
	agents   *enrol.Authority

	metrics *metrics.Room
	logs    *logs.Room
	silence *metrics.Unresponsive
	probes  *probe.Service
	board   *alert.Board
	desk    *logbook.Desk
	courier *notify.Courier
	ops     *opsrepo.Follower
	runs    *run.Office
	planner *plan.Planner
	drift   *drift.Watch

	logTokens *access.Tokens
	logAddrs  map[string]net.Addr
	console   *console.Console
	listeners listeners
	services  []Service      // the rooms' background work
	webs      []Service      // what listens
	closers   []func() error // newest last
	ready     readiness
	restoring bool // the last good generation is being applied again, at the start
}

// New opens a hub: state, keys, stores, the last good generation of the
// operations repository, and the listeners. It starts no background work.
func New(ctx context.Context, o Options) (*Hub, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	h := &Hub{o: o, log: o.Log, registry: prometheus.NewRegistry()}
	for _, step := range []struct {
		what string
		do   func(ctx context.Context) error
	}{
		{"open the data folder", h.openData},
		{"open the state", h.openState},
		{"open the keys", h.openKeys},
		{"listen", h.openListeners},
		{"open the fleet", h.openFleet},
		{"open the respond rooms", h.openRespond},
		{"open the observe rooms", h.openObserve},
		{"open the logs", h.openLogs},
		{"listen for logs", h.openLogListeners},
		{"open the operations repository", h.openOperations},
		{"open the console", h.openConsole},
	} {
		if err := step.do(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", step.what, err), h.Close())
		}
	}
	return h, nil
}

// onClose has f called by Close, in the reverse order of the calls.
func (h *Hub) onClose(f func() error) { h.closers = append(h.closers, f) }

// Close gives everything back that New took. Run must have returned.
func (h *Hub) Close() error {
	var err error
	for len(h.closers) > 0 {
		last := len(h.closers) - 1
		err = errors.Join(err, h.closers[last]())
		h.closers = h.closers[:last]
	}
	return err
}

// openData makes the data folder and keeps other hubs out of it.
func (h *Hub) openData(context.Context) error {
	if err := os.MkdirAll(h.o.Config.Data, 0o700); err != nil {
		return err
	}
	// One that was made before, as a home folder say, may be open to everybody.
	if info, err := os.Stat(h.o.Config.Data); err != nil {
		return err
	} else if mode := info.Mode().Perm(); mode&0o007 != 0 {
		if err := os.Chmod(h.o.Config.Data, mode&^0o007); err != nil {
			return err
		}
	}
	unlock, err := LockFolder(h.o.Config.Data)
	if err != nil {
		return err
	}
	h.onClose(unlock)
	return nil
}

func (h *Hub) openState(ctx context.Context) error {
	d, err := OpenState(ctx, h.o.Config, h.log)
	if err != nil {
		return err
	}
	h.onClose(d.Close)
	h.state = d
	if err := d.Migrate(ctx, Schemas()...); err != nil {
		return err
	}
	h.jobs = db.NewJobs(d, quieter(h.log))
	h.audit = audit.New(d)
	return nil
}

// statePath is the file of a state in SQLite.
func statePath(c Config) string { return filepath.Join(c.Data, "state.db") }

// OpenState opens the state that a configuration names, for a hub and for the
// commands that work on it beside one.
func OpenState(ctx context.Context, c Config, log *slog.Logger) (*db.DB, error) {
	dc := db.Config{Engine: db.Engine(c.State.Engine), Path: filepath.Join(c.Data, "state.db"), Worker: worker(c.Data)}
	if dc.Engine == db.Postgres {
		url, err := c.State.URL.Resolve(ctx)
		if err != nil {
			return nil, err
		}
		dc.URL = string(url)
	}
	return db.Open(ctx, dc, log)
}

// worker names the hub of a data folder on this machine: the same after every
// start, another for each hub that shares a PostgreSQL.
func worker(data string) string {
	host, err := os.Hostname()
	if err != nil {
		host = "unnamed" // the folder still tells hubs of one machine apart
	}
	sum := sha256.Sum256([]byte(host + "\x00" + data))
	return "hub-" + hex.EncodeToString(sum[:8])
}

func (h *Hub) openKeys(ctx context.Context) error {
	master, err := h.o.Config.MasterKey.Resolve(ctx)
	if err != nil {
		return err
	}
	h.keys, err = keyring.Open(ctx, h.state, master)
	return err
}

func (h *Hub) openFleet(ctx context.Context) error {
	h.staff, h.fleet = people.NewStaff(), fleet.New()
	h.hearing, h.facts = fleet.NewHearing(h.state, h.log), fleet.NewFacts(h.state)
	if err := h.hearing.Restore(ctx); err != nil {
		return err
	}
	h.accounts = people.NewAccounts(people.AccountsOptions{
		DB: h.state, Audit: h.audit, Staff: h.staff, Secure: h.secure(), Log: h.log, Now: h.o.Now,
	})
	if file := h.o.Config.Tokens; file != "" {
		tokens, err := people.LoadTokens(file)
		if err != nil {
			return err
		}
		h.accounts.UseTokens(tokens)
	}
	var err error
	h.agents, err = enrol.Open(ctx, enrol.Options{
		DB: h.state, Keys: h.keys, Audit: h.audit, Log: h.log, Now: h.o.Now,
		Server: serverOf(h.fleet),
	})
	return err
}

// serverOf tells the authority which servers there are.
func serverOf(f *fleet.Fleet) func(slug string) (appliance, known bool) {
	return func(slug string) (appliance, known bool) {
		s, ok := f.Current().Server(slug)
		return s.Appliance, ok
	}
}

// ConsoleURL is the address under which people reach the console.
func (h *Hub) ConsoleURL() string { return h.o.Config.address(h.listeners.console.Addr().String()) }

// ConsoleAddr is where the console listens.
func (h *Hub) ConsoleAddr() net.Addr { return h.listeners.console.Addr() }

// AgentsAddr is where agents are taken.
func (h *Hub) AgentsAddr() net.Addr { return h.listeners.agents.Addr() }

// Accounts are the hub's accounts, for the one who starts it: the sign-in link
// of the demo, the set-up link of a new hub.
func (h *Hub) Accounts() *people.Accounts { return h.accounts }

// Agents issues enrolment tokens.
func (h *Hub) Agents() *enrol.Authority { return h.agents }

// Fleet is what the company runs.
func (h *Hub) Fleet() *fleet.Fleet { return h.fleet }

// Staff are the people of the operations repository.
func (h *Hub) Staff() *people.Staff { return h.staff }

// Runs takes requests for runs of playbooks.
func (h *Hub) Runs() *run.Office { return h.runs }
