package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/lib/secret"
	"github.com/vigie-ops/vigie/internal/operate/playbook"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/signal"
)

// Commits reads single commits of the operations repository;
// *opsrepo.Commits is one.
type Commits interface {
	Find(ctx context.Context, short string) (opsrepo.Commit, error)
	Mails(ctx context.Context, from, to string) ([]string, error)
	Load(ctx context.Context, commit string, sections []opsrepo.Section) (*opsrepo.Generation, error)
	Content(ctx context.Context, commit string) (string, error)
	Diff(ctx context.Context, from, to string) (opsrepo.Diff, error)
	SignedBy(ctx context.Context, commit string, signers []opsrepo.Signer) (string, error)
	Export(ctx context.Context, commit, folder, to string) error
}

// People tells who somebody is.
type People interface {
	// Name is what people call somebody; the slug of who is no person.
	Name(person string) string
	// Mail is the address of a person, empty for a program.
	Mail(person string) string
	// In reports whether a person is one of the people and teams named.
	In(person string, whom []string) bool
	// Expand returns the people among people and teams, sorted.
	Expand(whom []string) []string
	// Leads are who must know of a break-glass, sorted.
	Leads() []string
}

// Notice is what people must be told about a run.
type Notice struct {
	To      []string // slugs of people
	Channel string   // slug; the first that sends mail if empty
	Urgent  bool
	Subject string
	Text    string
	Link    string // path in the console
	Button  string // what the link says
	About   string // id of the run
}

// Messenger tells people; the notices go out if, and only if, the transaction
// commits.
type Messenger interface {
	Notice(ctx context.Context, tx *db.Tx, n Notice) error
}

// Auditor records acts in the audit trail.
type Auditor interface {
	Record(ctx context.Context, tx *db.Tx, verb, object, reason string, details map[string]any) error
}

// KeySource gives the seed of the hub's ssh key.
type KeySource interface {
	Key(ctx context.Context, name string) ([]byte, error)
}

// Options are what runs need of the rest of the hub.
type Options struct {
	DB       *db.DB
	Log      *slog.Logger
	Now      func() time.Time
	Sandbox  Sandbox
	Commits  Commits                    // nil where there is no git
	Current  func() *opsrepo.Generation // that the hub follows, or nil
	Sections []opsrepo.Section
	// HostVars are variables of servers that other rooms add to the inventory;
	// nil adds none.
	HostVars func(*opsrepo.Generation) map[string]map[string]any
	Reported func(ctx context.Context, server string) ([]string, error) // host keys that the server's agent reported
	Keys     KeySource
	MayRead  func(secret.Ref) error // why a vault's password must not be read, or nil
	Vaults   map[string]secret.Ref  // passwords of vaults that the hub's own file names, by slug
	People   People
	Messages Messenger
	Audit    Auditor
	Sink     signal.Sink
	Changed  func(topic string)
	Worker   string // names this process, the same after a restart
	// Lint has ansible-lint look at each commit once it was accepted.
	Lint bool
	// Concurrency is how many runs there may be at a time; 4 if zero.
	Concurrency int
}

// Topic is what open pages listen to for runs.
const Topic = "runs"

// Office takes requests for runs and does them. It is a service of the hub.
type Office struct {
	o    Options
	kick chan struct{}

	mu      sync.Mutex
	live    map[string]*live // runs under way in this process, by id
	working sync.WaitGroup

	loaded   sync.Mutex
	byCommit map[string]*opsrepo.Generation // a few that were loaded lately

	accepting sync.Mutex
	accepted  accepted
}

// live is a run under way in this process.
type live struct{ cancel chan struct{} }

// New returns an office that does nothing until Run.
func New(o Options) *Office {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Concurrency <= 0 {
		o.Concurrency = 4
	}
	if o.Changed == nil {
		o.Changed = func(string) {}
	}
	return &Office{o: o, kick: make(chan struct{}, 1), live: map[string]*live{}, byCommit: map[string]*opsrepo.Generation{}}
}

func (o *Office) now() time.Time { return o.o.Now().UTC().Truncate(time.Microsecond) }

// names are what people call those of the slugs.
func (o *Office) names(slugs []string) []string {
	out := make([]string, len(slugs))
	for i, s := range slugs {
		out[i] = o.o.People.Name(s)
	}
	return out
}

// wake makes the worker look at what waits.
func (o *Office) wake() {
	select {
	case o.kick <- struct{}{}:
	default:
	}
}

// changed tells open pages and the worker, once the transaction committed.
func (o *Office) changed(tx *db.Tx) {
	tx.After(func() {
		o.wake()
		o.o.Changed(Topic)
	})
}

// Why a request is not taken.
var (
	ErrNotFound = errors.New("there is no such run")
	ErrNoGit    = errors.New("the operations repository is no git repository, so there is no commit that a run could be pinned to; commit it, or name a git URL in hub.yaml")
	ErrOver     = errors.New("this run is over already")
)

// RefusedError says why a request was not taken, in a sentence for who asked.
type RefusedError struct {
	Field     string // what of the request is wrong; empty for all of it
	Reason    string
	Variables map[string]string // what is wrong with which variable, where Field is "variables"
}

func (e *RefusedError) Error() string { return e.Reason }

func refused(field, format string, args ...any) error {
	return &RefusedError{Field: field, Reason: fmt.Sprintf(format, args...)}
}

// keptGenerations bounds how many commits are held loaded.
const keptGenerations = 4

// generation returns the repository as it was at a commit.
func (o *Office) generation(ctx context.Context, commit string) (*opsrepo.Generation, error) {
	if g := o.o.Current(); g != nil && g.Commit == commit {
		return g, nil
	}
	if o.o.Commits == nil {
		return nil, ErrNoGit
	}
	o.loaded.Lock()
	defer o.loaded.Unlock()
	if g := o.byCommit[commit]; g != nil {
		return g, nil
	}
	g, err := o.o.Commits.Load(ctx, commit, o.o.Sections)
	if err != nil {
		return nil, err
	}
	if len(o.byCommit) >= keptGenerations {
		clear(o.byCommit)
	}
	o.byCommit[commit] = g
	return g, nil
}

// Ready reports why no run can be started, or nil.
func (o *Office) Ready() error { return o.o.Sandbox.Ready() }

// Commit returns the commit of a whole or shortened hash, or the one that the
// hub follows for an empty one.
func (o *Office) Commit(ctx context.Context, short string) (opsrepo.Commit, error) {
	if o.o.Commits == nil {
		return opsrepo.Commit{}, ErrNoGit
	}
	if short == "" {
		g := o.o.Current()
		if g == nil {
			return opsrepo.Commit{}, refused("commit", "no operations repository was read yet")
		}
		short = g.Commit
	}
	c, err := o.o.Commits.Find(ctx, short)
	if errors.Is(err, opsrepo.ErrNoCommit) {
		if len(short) > 4 && short[:4] == "dir:" {
			return c, ErrNoGit
		}
		return c, refused("commit", "%v", err)
	}
	return c, err
}

// Catalogue returns the playbooks of a commit with the fleet that they run on;
// those of what the hub follows for an empty one.
func (o *Office) Catalogue(ctx context.Context, commit string) ([]playbook.Playbook, *fleet.Snapshot, error) {
	g := o.o.Current()
	if commit != "" {
		var err error
		if g, err = o.generation(ctx, commit); err != nil {
			return nil, nil, err
		}
	}
	return playbook.Catalogue.Of(g), fleet.NewSnapshot(g), nil
}

// Public is the public half of the key by which the hub signs in to servers,
// as a line of an authorized_keys file.
func (o *Office) Public(ctx context.Context) (string, error) {
	k, err := o.key(ctx)
	if err != nil {
		return "", err
	}
	return k.Public(), nil
}

func (o *Office) key(ctx context.Context) (*Key, error) {
	seed, err := o.o.Keys.Key(ctx, "ssh")
	if err != nil {
		return nil, err
	}
	return NewKey(seed)
}
