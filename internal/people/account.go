package people

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vigie-ops/vigie/internal/audit"
	"github.com/vigie-ops/vigie/internal/db"
)

//go:embed schema/*.sql
var files embed.FS

// Tables are the tables of this package: what of people must not be in git.
var Tables = db.Schema{Room: "people", FS: files}

var (
	// ErrCredentials says that a sign-in failed, to a stranger, and so no more.
	ErrCredentials = errors.New("this name and password do not belong together; check both and try again")
	// ErrLink says that a link cannot be used.
	ErrLink = errors.New("this link is not valid, was used before, or has expired; ask for a new one")
	// ErrUnknown says that there is no such person.
	ErrUnknown = errors.New("the operations repository has no person of that name")
)

// TooMany says that somebody tried too often.
type TooMany struct{ Retry time.Duration }

// Error implements error.
func (e *TooMany) Error() string {
	return fmt.Sprintf("too many attempts; try again in %s", max(e.Retry, time.Second).Round(time.Second))
}

// AccountsOptions are what Accounts need.
type AccountsOptions struct {
	DB     *db.DB
	Audit  *audit.Log
	Staff  *Staff // who the operations repository names
	Secure bool   // whether the console is reached by HTTPS alone
	Log    *slog.Logger
	Now    func() time.Time // nil is time.Now
}

// Accounts signs people and programs in. It is safe for use by many
// goroutines.
type Accounts struct {
	db     *db.DB
	audit  *audit.Log
	staff  *Staff
	secure bool
	log    *slog.Logger
	now    func() time.Time
	limits *limits
	cost   cost
	tokens atomic.Pointer[map[[32]byte]StaticToken]

	mu   sync.Mutex
	seen map[string]time.Time // sessions used since the last write, by id
}

// NewAccounts returns the accounts of a hub.
func NewAccounts(o AccountsOptions) *Accounts {
	now := o.Now
	if now == nil {
		now = time.Now
	}
	return &Accounts{
		db: o.DB, audit: o.Audit, staff: o.Staff, secure: o.Secure, log: o.Log, now: now,
		limits: newLimits(now), cost: costNow(), seen: map[string]time.Time{},
	}
}

// find returns the person who signs in under a slug or an e-mail address.
func (a *Accounts) find(ctx context.Context, q db.Queryer, name string) (Person, error) {
	name = strings.TrimSpace(name)
	staff := a.staff.Current()
	if p, ok := staff.Person(name); ok {
		return p, nil
	}
	if p, ok := staff.ByEmail(name); ok {
		return p, nil
	}
	locals, err := a.locals(ctx, q)
	if err != nil {
		return Person{}, err
	}
	for _, p := range locals {
		if p.Slug == name || p.Email != "" && strings.EqualFold(p.Email, name) {
			return p, nil
		}
	}
	return Person{}, ErrUnknown
}

// person returns the person of a slug.
func (a *Accounts) person(ctx context.Context, q db.Queryer, slug string) (Person, error) {
	if p, ok := a.staff.Current().Person(slug); ok {
		return p, nil
	}
	locals, err := a.locals(ctx, q)
	if err != nil {
		return Person{}, err
	}
	for _, p := range locals {
		if p.Slug == slug {
			return p, nil
		}
	}
	return Person{}, ErrUnknown
}

// locals returns the administrators that the set-up link made. They are a
// bridge: as soon as an administrator of the operations repository has a
// password, they may not come in any more, and git alone says who may.
func (a *Accounts) locals(ctx context.Context, q db.Queryer) ([]Person, error) {
	all, err := localPeople(ctx, q)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	settled, err := a.staffAdminHasPassword(ctx, q)
	if err != nil || settled {
		return nil, err
	}
	return all, nil
}

func (a *Accounts) staffAdminHasPassword(ctx context.Context, q db.Queryer) (bool, error) {
	var slugs []string
	for _, p := range a.admins() {
		slugs = append(slugs, p.Slug)
	}
	return anyPassword(ctx, q, slugs)
}

// admins returns the administrators of the operations repository.
func (a *Accounts) admins() []Person {
	var admins []Person
	for _, p := range a.staff.Current().People() {
		if p.Role == Admin {
			admins = append(admins, p)
		}
	}
	return admins
}

// actorOf returns how a person who is signed in acts.
func actorOf(p Person) Actor {
	return Actor{Slug: p.Slug, Name: p.Name, Role: p.Role, Via: ViaSession}
}

func isNoRow(err error) bool { return errors.Is(err, sql.ErrNoRows) }
