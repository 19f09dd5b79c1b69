package hub

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	"github.com/vigie-ops/vigie/internal/audit"
	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/fleet/enrol"
	"github.com/vigie-ops/vigie/internal/keyring"
	"github.com/vigie-ops/vigie/internal/operate/run"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/people"
)

// Tools work on a hub's state beside the hub, for commands on its machine.
type Tools struct {
	Agents   *enrol.Authority
	Accounts *people.Accounts
	Runs     *run.Office // to read its records; it does no runs

	state *db.DB
	keys  *keyring.Ring
	audit *audit.Log
}

// OpenTools opens the state and the keys that a configuration names. The hub
// may run or not.
func OpenTools(ctx context.Context, c Config, log *slog.Logger) (_ *Tools, err error) {
	master, err := c.MasterKey.Resolve(ctx)
	if err != nil {
		return nil, err
	}
	// A state that a command of root made would not be the hub's to write.
	if _, err := os.Stat(statePath(c)); c.State.Engine == string(db.SQLite) && errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no state in %s yet; start the hub once, or correct data: in its configuration", c.Data)
	}
	d, err := OpenState(ctx, c, log)
	if err != nil {
		return nil, err
	}
	t := &Tools{state: d, audit: audit.New(d), Runs: run.New(run.Options{DB: d, Log: log})}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.Close())
		}
	}()
	if err := d.Migrate(ctx, Schemas()...); err != nil {
		return nil, err
	}
	if t.keys, err = keyring.Open(ctx, d, master); err != nil {
		return nil, err
	}
	known, staff := fleet.New(), people.NewStaff()
	follower := opsrepo.NewFollower(opsrepo.FollowerOptions{Sections: Sections(), DB: d, Appliers: []opsrepo.Applier{staff, known}, Log: log})
	if err := follower.Restore(ctx); err != nil {
		return nil, fmt.Errorf("load the operations repository that the hub runs: %w", err)
	}
	t.Accounts = people.NewAccounts(people.AccountsOptions{DB: d, Audit: t.audit, Staff: staff, Log: log})
	t.Agents, err = enrol.Open(ctx, enrol.Options{
		DB: d, Keys: t.keys, Audit: t.audit, Log: log,
		Server: serverOf(known),
	})
	return t, err
}

// RotateKeys seals all keys under a new master key and notes who did it.
func (t *Tools) RotateKeys(ctx context.Context, master []byte, by people.Actor) error {
	return t.keys.Rotate(ctx, master, func(ctx context.Context, tx *db.Tx) error {
		return t.audit.Record(ctx, tx, audit.Entry{Actor: by.Slug, Via: by.Via, Verb: "keys.rotate", Object: "hub"})
	})
}

// EraseAudit erases the reasons and details of all entries about an object, and
// notes who did it and why. It returns how many there were.
func (t *Tools) EraseAudit(ctx context.Context, by people.Actor, object, reason string) (n int, err error) {
	err = t.state.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		n, err = t.audit.EraseObject(ctx, tx, audit.Entry{Actor: by.Slug, Via: by.Via, Verb: "audit.erase", Reason: reason}, object)
		return err
	})
	return n, err
}

// Audit is the audit trail.
func (t *Tools) Audit() *audit.Log { return t.audit }

// Close closes the state.
func (t *Tools) Close() error { return t.state.Close() }
