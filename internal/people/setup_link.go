package people

import (
	"context"
	"fmt"
	"time"

	"github.com/vigie-ops/vigie/internal/audit"
	"github.com/vigie-ops/vigie/internal/db"
)

// LinkKind says what a link is good for.
type LinkKind string

// The kinds of link.
const (
	LinkSetup  LinkKind = "setup"      // the first administrator chooses a password
	LinkInvite LinkKind = "invitation" // a person chooses a password
	LinkSignIn LinkKind = "signin"     // a person is signed in
)

// lifetime is how long a link can be used.
func (k LinkKind) lifetime() time.Duration {
	switch k {
	case LinkInvite:
		return 72 * time.Hour
	case LinkSignIn:
		return 15 * time.Minute
	}
	return 24 * time.Hour
}

// Link is what the page behind a link may know before it is used.
type Link struct {
	Kind    LinkKind
	Person  string // empty for LinkSetup
	Name    string // what the person is called, from LinkOf
	Expires time.Time
}

// LinkOf looks at a link without using it, for the page that a GET shows. The
// error is ErrLink when there is none, or it is over.
func (a *Accounts) LinkOf(ctx context.Context, token string) (Link, error) {
	l, err := readLink(ctx, a.db.Read(), hashToken(token))
	if isNoRow(err) || err == nil && !a.now().Before(l.Expires) {
		return Link{}, ErrLink
	}
	if err != nil {
		return Link{}, fmt.Errorf("read link: %w", err)
	}
	l.Name = l.Person
	if p, ok := a.staff.Current().Person(l.Person); ok && p.Name != "" {
		l.Name = p.Name
	}
	return l, nil
}

// linkOf is LinkOf where only one kind will do.
func (a *Accounts) linkOf(ctx context.Context, kind LinkKind, token string) (Link, error) {
	l, err := a.LinkOf(ctx, token)
	if err == nil && l.Kind != kind {
		err = ErrLink
	}
	return l, err
}

// SignInLink returns the secret of a link that signs a person in once, within
// 15 minutes.
func (a *Accounts) SignInLink(ctx context.Context, person string) (string, error) {
	return a.link(ctx, Actor{Slug: audit.System}, LinkSignIn, person)
}

// InviteLink returns the secret of a link by which a person chooses a
// password once, within three days: how everybody but the first administrator
// gets one.
func (a *Accounts) InviteLink(ctx context.Context, actor Actor, person string) (string, error) {
	return a.link(ctx, actor, LinkInvite, person)
}

func (a *Accounts) link(ctx context.Context, actor Actor, kind LinkKind, person string) (string, error) {
	if _, err := a.person(ctx, a.db.Read(), person); err != nil {
		return "", fmt.Errorf("make %s link for %q: %w", kind, person, err)
	}
	token := newToken()
	now := a.now().UTC()
	err := a.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := insertLink(ctx, tx, hashToken(token), Link{Kind: kind, Person: person, Expires: now.Add(kind.lifetime())}, now); err != nil {
			return err
		}
		return a.audit.Record(ctx, tx, audit.Entry{
			Actor: actor.Slug, Via: actor.Via, Verb: "account.link", Object: KindPerson + ":" + person,
			Details: map[string]any{"kind": kind, "expires_at": now.Add(kind.lifetime())},
		})
	})
	if err != nil {
		return "", fmt.Errorf("make %s link for %q: %w", kind, person, err)
	}
	return token, nil
}

// SignInByLink signs in whom a sign-in link is for, and uses it up.
func (a *Accounts) SignInByLink(ctx context.Context, token, remote, browser string) (SignedIn, error) {
	if err := a.limits.remote(remote); err != nil {
		return SignedIn{}, err
	}
	var in SignedIn
	err := a.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		p, err := a.use(ctx, tx, LinkSignIn, token)
		if err != nil {
			return err
		}
		in, err = a.start(ctx, tx, p, "link", remote, browser)
		return err
	})
	if err != nil {
		return SignedIn{}, fmt.Errorf("sign in by link: %w", err)
	}
	return in, nil
}

// AcceptInvite gives a person the password they chose and signs them in. The
// link stays good while the password is refused.
func (a *Accounts) AcceptInvite(ctx context.Context, token, password, remote, browser string) (SignedIn, error) {
	if err := a.limits.remote(remote); err != nil {
		return SignedIn{}, err
	}
	l, err := a.linkOf(ctx, LinkInvite, token)
	if err != nil {
		return SignedIn{}, err
	}
	p, err := a.person(ctx, a.db.Read(), l.Person)
	if err != nil {
		return SignedIn{}, fmt.Errorf("accept invitation: %w", err)
	}
	if err := CheckPassword(p, password); err != nil {
		return SignedIn{}, err
	}
	phc, err := a.hash(ctx, password)
	if err != nil {
		return SignedIn{}, fmt.Errorf("accept invitation: %w", err)
	}
	var in SignedIn
	err = a.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		p, err := a.use(ctx, tx, LinkInvite, token)
		if err != nil {
			return err
		}
		if err := a.storePassword(ctx, tx, Actor{Slug: p.Slug, Via: ViaLink}, p.Slug, phc, ""); err != nil {
			return err
		}
		in, err = a.start(ctx, tx, p, "invitation", remote, browser)
		return err
	})
	if err != nil {
		return SignedIn{}, fmt.Errorf("accept invitation: %w", err)
	}
	return in, nil
}

// use uses a link up and returns whom it is for.
func (a *Accounts) use(ctx context.Context, tx *db.Tx, kind LinkKind, token string) (Person, error) {
	slug, err := takeLink(ctx, tx, kind, hashToken(token), a.now().UTC())
	if isNoRow(err) {
		return Person{}, ErrLink
	}
	if err != nil {
		return Person{}, err
	}
	if kind == LinkSetup {
		return Person{}, nil
	}
	return a.person(ctx, tx, slug)
}
