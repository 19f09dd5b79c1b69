package fleet

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/wire"
)

//go:embed schema/*.sql
var files embed.FS

// Tables are the tables of this package.
var Tables = db.Schema{Room: "fleet", FS: files}

// ErrNoFact says that no agent sent that fact yet.
var ErrNoFact = errors.New("no such fact was reported yet")

// Fact is one thing that an agent knows about its server, such as its packages.
type Fact struct {
	Server string
	Kind   string
	Hash   string // of the body, as the agent made it: equal means unchanged
	At     time.Time
	Body   json.RawMessage
}

// ErrTooManyKinds says that a server reports more kinds of facts than there
// will ever be.
var ErrTooManyKinds = errors.New("this server reports too many kinds of facts; a hub keeps 20")

// What one server can make the hub keep: so many kinds, so many versions of
// each, and fewer of what is large.
const (
	factKinds        = 20
	factVersions     = 20
	factVersionBytes = 16 << 20
)

// Facts keeps what agents report about their servers.
type Facts struct{ db *db.DB }

// NewFacts returns the facts kept in d.
func NewFacts(d *db.DB) *Facts { return &Facts{db: d} }

// Put takes a fact and reports whether it says something new. A fact that
// did not change, or is older than the one that is known, changes nothing, so
// that an agent may send it again.
func (f *Facts) Put(ctx context.Context, fact Fact) (changed bool, err error) {
	if fact.Server == "" || fact.Kind == "" || fact.Hash == "" || fact.At.IsZero() || !json.Valid(fact.Body) {
		return false, fmt.Errorf("put fact %q of server %q: it needs a server, a kind, a hash, a time and a JSON body", fact.Kind, fact.Server)
	}
	fact.At = fact.At.UTC().Truncate(time.Microsecond)
	// Most facts that arrive are unchanged; those cost a read.
	switch known, err := f.One(ctx, fact.Server, fact.Kind); {
	case err == nil && (known.Hash == fact.Hash || !fact.At.After(known.At)):
		return false, nil
	case err != nil && !errors.Is(err, ErrNoFact):
		return false, err
	}
	err = f.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := roomFor(ctx, tx, fact); err != nil {
			return err
		}
		if changed, err = putFact(ctx, tx, fact); err != nil || !changed {
			return err
		}
		return keepVersion(ctx, tx, fact)
	})
	if err != nil {
		return false, fmt.Errorf("put fact %q of server %q: %w", fact.Kind, fact.Server, err)
	}
	return changed, nil
}

// Of returns what is known about a server now, sorted by kind.
func (f *Facts) Of(ctx context.Context, server string) ([]Fact, error) {
	const q = `
		SELECT server, kind, hash, at, body
		FROM fleet_fact
		WHERE server = ?
		ORDER BY kind`
	facts, err := f.read(ctx, q, server)
	if err != nil {
		return nil, fmt.Errorf("facts of server %q: %w", server, err)
	}
	return facts, nil
}

// One returns one fact as it is now, or ErrNoFact.
func (f *Facts) One(ctx context.Context, server, kind string) (Fact, error) {
	const q = `
		SELECT server, kind, hash, at, body
		FROM fleet_fact
		WHERE server = ? AND kind = ?`
	facts, err := f.read(ctx, q, server, kind)
	if err == nil && len(facts) == 0 {
		err = ErrNoFact
	}
	if err != nil {
		return Fact{}, fmt.Errorf("fact %q of server %q: %w", kind, server, err)
	}
	return facts[0], nil
}

// maxHostKeys is how many host keys of a server count: sshd has one of a kind.
const maxHostKeys = 20

// HostKeys returns the public host keys that a server's agent reported, such as
// "ssh-ed25519 AAAA…", sorted; none where it reported none. What a broken or
// hostile agent sends in place of a key is left out.
func (f *Facts) HostKeys(ctx context.Context, server string) ([]string, error) {
	fact, err := f.One(ctx, server, wire.FactSSHHostKeys)
	if errors.Is(err, ErrNoFact) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var body wire.SSHHostKeys
	if err := json.Unmarshal(fact.Body, &body); err != nil {
		return nil, fmt.Errorf("host keys of server %q: %w", server, err)
	}
	var keys []string
	for _, line := range body.Keys[:min(len(body.Keys), maxHostKeys)] {
		if key, ok := ParseHostKey(line); ok {
			keys = append(keys, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))))
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys), nil
}

// ParseHostKey reads a public host key as an agent reports it.
func ParseHostKey(line string) (ssh.PublicKey, bool) {
	key, _, options, rest, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil || len(options) > 0 || len(rest) > 0 {
		return nil, false
	}
	if _, isCertificate := key.(*ssh.Certificate); isCertificate {
		return nil, false
	}
	return key, true
}

// History returns the last versions of a fact, newest first; the first is
// what holds now.
func (f *Facts) History(ctx context.Context, server, kind string) ([]Fact, error) {
	const q = `
		SELECT server, kind, hash, at, body
		FROM fleet_fact_version
		WHERE server = ? AND kind = ?
		ORDER BY at DESC`
	facts, err := f.read(ctx, q, server, kind)
	if err != nil {
		return nil, fmt.Errorf("history of fact %q of server %q: %w", kind, server, err)
	}
	return facts, nil
}

func (f *Facts) read(ctx context.Context, q string, args ...any) ([]Fact, error) {
	var rows []struct {
		Server string    `bun:"server"`
		Kind   string    `bun:"kind"`
		Hash   string    `bun:"hash"`
		At     time.Time `bun:"at"`
		Body   string    `bun:"body"`
	}
	if err := f.db.Read().NewRaw(q, args...).Scan(ctx, &rows); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	facts := make([]Fact, 0, len(rows))
	for _, r := range rows {
		facts = append(facts, Fact{Server: r.Server, Kind: r.Kind, Hash: r.Hash, At: r.At.UTC(), Body: json.RawMessage(r.Body)})
	}
	return facts, nil
}

// roomFor refuses a kind that is one too many.
func roomFor(ctx context.Context, tx *db.Tx, f Fact) error {
	var others int
	const q = `
		SELECT COUNT(*)
		FROM fleet_fact
		WHERE server = ? AND kind <> ?`
	if err := tx.NewRaw(q, f.Server, f.Kind).Scan(ctx, &others); err != nil {
		return fmt.Errorf("count kinds: %w", err)
	}
	if others >= factKinds {
		return ErrTooManyKinds
	}
	return nil
}

// putFact makes a fact the current one unless another got there first.
func putFact(ctx context.Context, tx *db.Tx, f Fact) (bool, error) {
	const q = `
		INSERT INTO fleet_fact (server, kind, hash, at, body)
		VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (server, kind) DO UPDATE
		SET hash = excluded.hash, at = excluded.at, body = excluded.body
		WHERE fleet_fact.hash <> excluded.hash AND fleet_fact.at < excluded.at`
	res, err := tx.NewRaw(q, f.Server, f.Kind, f.Hash, f.At, string(f.Body)).Exec(ctx)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

func keepVersion(ctx context.Context, tx *db.Tx, f Fact) error {
	const add = `
		INSERT INTO fleet_fact_version (server, kind, hash, at, body)
		VALUES (?, ?, ?, ?, ?)`
	if _, err := tx.NewRaw(add, f.Server, f.Kind, f.Hash, f.At, string(f.Body)).Exec(ctx); err != nil {
		return fmt.Errorf("keep version: %w", err)
	}
	const drop = `
		DELETE FROM fleet_fact_version
		WHERE server = ? AND kind = ? AND at NOT IN (
			SELECT at FROM fleet_fact_version
			WHERE server = ? AND kind = ?
			ORDER BY at DESC
			LIMIT ?)`
	if _, err := tx.NewRaw(drop, f.Server, f.Kind, f.Server, f.Kind, min(factVersions, max(1, factVersionBytes/max(1, len(f.Body))))).Exec(ctx); err != nil {
		return fmt.Errorf("drop old versions: %w", err)
	}
	return nil
}
