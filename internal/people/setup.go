package people

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/vigie-ops/vigie/internal/audit"
	"github.com/vigie-ops/vigie/internal/db"
)

// LocalAdmin is an administrator whom the operations repository does not name.
// There can be one while it names no administrator.
type LocalAdmin struct {
	Slug  string
	Name  string
	Email string
}

// SetupChoices is who can be given a password by the set-up link.
type SetupChoices struct {
	Admins []Person // administrators of the operations repository
	Local  bool     // whether it names none, so that a local one is made
}

// SetupRequest uses the set-up link.
type SetupRequest struct {
	Token    string
	Person   string      // slug of one of the choices
	Local    *LocalAdmin // instead, where the choices say so
	Password string
	Remote   string
	Browser  string
}

// The reasons for which a set-up is refused.
var (
	ErrSetupPerson = errors.New("choose one of the administrators of the operations repository")
	ErrSetupTaken  = errors.New("the operations repository gives this short name or address to somebody who is no administrator; choose another, or make them one there")
	ErrSetupLocal  = errors.New("a local administrator needs a short name of lower-case letters, digits and dashes, a name, and an e-mail address")
)

// SetupLink returns the secret of a new set-up link while no administrator has
// a password, and false afterwards. Links of earlier calls end, so that the
// one printed last is the one that works, for 24 hours.
func (a *Accounts) SetupLink(ctx context.Context) (token string, ok bool, err error) {
	err = a.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := dropLinks(ctx, tx, LinkSetup); err != nil {
			return err
		}
		done, err := a.isSetUp(ctx, tx)
		if err != nil || done {
			return err
		}
		token, ok = newToken(), true
		now := a.now().UTC()
		if err := insertLink(ctx, tx, hashToken(token), Link{Kind: LinkSetup, Expires: now.Add(LinkSetup.lifetime())}, now); err != nil {
			return err
		}
		return a.audit.Record(ctx, tx, audit.Entry{Actor: audit.System, Verb: "setup.link", Object: "hub"})
	})
	if err != nil {
		return "", false, fmt.Errorf("make set-up link: %w", err)
	}
	return token, ok, nil
}

// isSetUp reports whether an administrator can sign in.
func (a *Accounts) isSetUp(ctx context.Context, q db.Queryer) (bool, error) {
	if done, err := a.staffAdminHasPassword(ctx, q); err != nil || done {
		return done, err
	}
	locals, err := localPeople(ctx, q)
	if err != nil {
		return false, err
	}
	var slugs []string
	for _, p := range locals {
		// A person of the repository with that slug has the role it says there.
		if _, named := a.staff.Current().Person(p.Slug); !named {
			slugs = append(slugs, p.Slug)
		}
	}
	return anyPassword(ctx, q, slugs)
}

// SetupChoices returns who can be chosen, for the page behind the link.
func (a *Accounts) SetupChoices(ctx context.Context, token string) (SetupChoices, error) {
	if _, err := a.linkOf(ctx, LinkSetup, token); err != nil {
		return SetupChoices{}, err
	}
	admins := a.admins()
	return SetupChoices{Admins: admins, Local: len(admins) == 0}, nil
}

// Setup gives the first administrator a password, signs them in and uses the
// link up. The link stays good while the request is refused.
func (a *Accounts) Setup(ctx context.Context, r SetupRequest) (SignedIn, error) {
	if err := a.limits.remote(r.Remote); err != nil {
		return SignedIn{}, err
	}
	choices, err := a.SetupChoices(ctx, r.Token)
	if err != nil {
		return SignedIn{}, err
	}
	p, err := a.pick(choices, r)
	if err == nil {
		err = CheckPassword(p, r.Password)
	}
	if err != nil {
		return SignedIn{}, err
	}
	phc, err := a.hash(ctx, r.Password)
	if err != nil {
		return SignedIn{}, fmt.Errorf("set up: %w", err)
	}
	var in SignedIn
	err = a.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := a.use(ctx, tx, LinkSetup, r.Token); err != nil {
			return err
		}
		done, err := a.isSetUp(ctx, tx)
		if err != nil {
			return err
		}
		if done {
			return ErrLink
		}
		if choices.Local {
			if err := insertLocal(ctx, tx, *r.Local, a.now().UTC()); err != nil {
				return err
			}
		}
		if err := a.storePassword(ctx, tx, Actor{Slug: p.Slug, Via: ViaLink}, p.Slug, phc, ""); err != nil {
			return err
		}
		in, err = a.start(ctx, tx, p, "setup", r.Remote, r.Browser)
		return err
	})
	if err != nil {
		return SignedIn{}, fmt.Errorf("set up: %w", err)
	}
	return in, nil
}

var localSlug = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)

// pick returns the person whom a request is about.
func (a *Accounts) pick(c SetupChoices, r SetupRequest) (Person, error) {
	if !c.Local {
		for _, p := range c.Admins {
			if p.Slug == r.Person {
				return p, nil
			}
		}
		return Person{}, ErrSetupPerson
	}
	if r.Local == nil || !r.Local.complete() {
		return Person{}, ErrSetupLocal
	}
	l := *r.Local
	_, slugTaken := a.staff.Current().Person(l.Slug)
	_, emailTaken := a.staff.Current().ByEmail(l.Email)
	if slugTaken || emailTaken {
		return Person{}, ErrSetupTaken
	}
	return Person{Slug: l.Slug, Name: l.Name, Email: l.Email, Role: Admin}, nil
}

func (l LocalAdmin) complete() bool {
	return localSlug.MatchString(l.Slug) && l.Slug != audit.System &&
		strings.TrimSpace(l.Name) != "" && l.Name == short(l.Name) &&
		strings.Contains(l.Email, "@") && l.Email == short(l.Email)
}
