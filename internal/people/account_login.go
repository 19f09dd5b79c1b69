package people

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/vigie-ops/vigie/internal/audit"
	"github.com/vigie-ops/vigie/internal/db"
)

// Attempt is a sign-in with a password.
type Attempt struct {
	Name     string // slug or e-mail address
	Password string
	Remote   string // address of the browser, with or without a port
	Browser  string // what the browser says it is
}

// Login signs a person in. Whoever is refused learns neither whether the name
// exists nor whether it has a password, not even by the time it takes.
func (a *Accounts) Login(ctx context.Context, t Attempt) (SignedIn, error) {
	if err := a.limits.remote(t.Remote); err != nil {
		return SignedIn{}, err
	}
	p, err := a.find(ctx, a.db.Read(), t.Name)
	if err != nil && !errors.Is(err, ErrUnknown) {
		return SignedIn{}, fmt.Errorf("sign in: %w", err)
	}
	known := err == nil
	account := p.Slug
	if !known {
		account = "?" + strings.ToLower(short(strings.TrimSpace(t.Name))) // a name nobody has, limited all the same
	}
	if err := a.limits.account(account); err != nil {
		return SignedIn{}, err
	}
	ok, outdated, err := a.checkPassword(ctx, p.Slug, t.Password)
	if err != nil {
		return SignedIn{}, fmt.Errorf("sign in: %w", err)
	}
	if !ok || !known {
		if err := a.refuse(ctx, p, t); err != nil {
			return SignedIn{}, fmt.Errorf("sign in: %w", err)
		}
		return SignedIn{}, ErrCredentials
	}
	var fresh string
	if outdated != "" {
		if fresh, err = a.hash(ctx, t.Password); err != nil {
			return SignedIn{}, fmt.Errorf("sign in: %w", err)
		}
	}
	var in SignedIn
	err = a.db.Write(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if fresh != "" {
			if err := replacePassword(ctx, tx, p.Slug, outdated, fresh); err != nil {
				return err
			}
		}
		in, err = a.start(ctx, tx, p, "password", t.Remote, t.Browser)
		return err
	})
	if err != nil {
		return SignedIn{}, fmt.Errorf("sign in: %w", err)
	}
	a.limits.forgive(account)
	return in, nil
}

// refuse records a failure. The name of somebody unknown is not kept: it is a
// password typed into the wrong field often enough.
func (a *Accounts) refuse(ctx context.Context, p Person, t Attempt) error {
	e := audit.Entry{
		Actor: "unknown", Verb: "session.refuse", Object: KindPerson,
		Details: map[string]any{"remote": t.Remote, "browser": short(t.Browser)},
	}
	if p.Slug != "" {
		e.Object = KindPerson + ":" + p.Slug
	}
	return a.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return a.audit.Record(ctx, tx, e) })
}
