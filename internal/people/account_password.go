package people

import (
	"context"
	"fmt"

	"github.com/vigie-ops/vigie/internal/audit"
	"github.com/vigie-ops/vigie/internal/db"
)

// SetPassword gives somebody a password and ends all their sessions.
func (a *Accounts) SetPassword(ctx context.Context, actor Actor, person, password string) error {
	return a.setPassword(ctx, actor, person, password, "")
}

// ChangePassword lets somebody who is signed in choose another password. All
// their other sessions end.
func (a *Accounts) ChangePassword(ctx context.Context, actor Actor, s Session, old, password string) error {
	if err := a.limits.account(s.Person); err != nil {
		return err
	}
	ok, _, err := a.checkPassword(ctx, s.Person, old)
	if err != nil {
		return fmt.Errorf("change password of %q: %w", s.Person, err)
	}
	if !ok {
		return ErrCredentials
	}
	a.limits.forgive(s.Person)
	return a.setPassword(ctx, actor, s.Person, password, s.ID)
}

func (a *Accounts) setPassword(ctx context.Context, actor Actor, slug, password, keep string) error {
	p, err := a.person(ctx, a.db.Read(), slug)
	if err == nil {
		err = CheckPassword(p, password)
	}
	if err != nil {
		return fmt.Errorf("set password of %q: %w", slug, err)
	}
	phc, err := a.hash(ctx, password)
	if err != nil {
		return fmt.Errorf("set password of %q: %w", slug, err)
	}
	err = a.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		return a.storePassword(ctx, tx, actor, slug, phc, keep)
	})
	if err != nil {
		return fmt.Errorf("set password of %q: %w", slug, err)
	}
	return nil
}

func (a *Accounts) storePassword(ctx context.Context, tx *db.Tx, actor Actor, person, phc, keep string) error {
	if err := writePassword(ctx, tx, person, phc, a.now().UTC()); err != nil {
		return err
	}
	if _, err := deleteSessionsOf(ctx, tx, person, keep); err != nil {
		return err
	}
	return a.audit.Record(ctx, tx, audit.Entry{
		Actor: actor.Slug, Via: actor.Via, Verb: "account.password", Object: KindPerson + ":" + person,
	})
}

// hash hashes a password when there is room for it: each takes 32 MiB.
func (a *Accounts) hash(ctx context.Context, password string) (string, error) {
	leave, err := a.limits.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	return a.cost.hash(password), nil
}

// checkPassword compares a password with that of a person, who need not exist
// or have one: the answer takes as long. It returns what is stored if that
// should be hashed again.
func (a *Accounts) checkPassword(ctx context.Context, person, password string) (ok bool, outdated string, err error) {
	want := nobody(a.cost)
	phc, err := readPassword(ctx, a.db.Read(), person)
	switch {
	case isNoRow(err):
	case err != nil:
		return false, "", fmt.Errorf("read password: %w", err)
	default:
		if want, err = parsePHC(phc); err != nil {
			return false, "", err
		}
	}
	leave, err := a.limits.enter(ctx)
	if err != nil {
		return false, "", err
	}
	defer leave()
	if len(password) > maxPassword || !want.matches(password) {
		return false, "", nil
	}
	if want.cost != a.cost {
		outdated = phc
	}
	return true, outdated, nil
}
