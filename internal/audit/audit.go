// Package audit records who did what, when and why, in a chain that shows any
// later change.
//
// Every entry holds the hash of the one before it, so that a changed, removed
// or inserted row breaks the chain at that place; Verify names it. What may
// have to be erased one day, the reason and the details, lies in a row of its
// own, of which the chain holds only a salted hash: erasing it leaves the
// chain whole.
package audit

import (
	"context"
	"crypto/rand"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/lib/id"
)

//go:embed schema/*.sql
var files embed.FS

// Tables are the tables of this package.
var Tables = db.Schema{Room: "audit", FS: files}

// System is the actor of what the hub does on its own.
const System = "vigie"

// Entry is one act.
type Entry struct {
	Actor   string         // slug of the person or name of the token; System for the hub itself
	Via     string         // how the actor was known: session, token, link, certificate
	Verb    string         // what was done: "issue.close", "session.start"
	Object  string         // what it was done to, kind and slug: "issue:01J…", "server:app-07"
	Reason  string         // why, in the actor's words
	Details map[string]any // what else matters; values of keys that name a secret are not kept
}

// Log is the audit trail. It is safe for use by many goroutines.
type Log struct {
	db  *db.DB
	now func() time.Time
}

// New returns the audit trail kept in d.
func New(d *db.DB) *Log { return &Log{db: d, now: time.Now} }

// Record adds an entry in the transaction of the act, so that neither is kept
// without the other. Writers of entries wait for each other until that
// transaction ends: record last, and keep the transaction short.
func (l *Log) Record(ctx context.Context, tx *db.Tx, e Entry) error {
	_, err := l.record(ctx, tx, e)
	return err
}

func (l *Log) record(ctx context.Context, tx *db.Tx, e Entry) (string, error) {
	if e.Actor == "" || e.Verb == "" {
		return "", errors.New("audit: an entry needs an actor and a verb")
	}
	details, err := encodeDetails(e.Details)
	if err != nil {
		return "", fmt.Errorf("audit %s: %w", e.Verb, err)
	}
	salt := make([]byte, 16)
	rand.Read(salt) // never fails since Go 1.24
	p := payload{Salt: base64.StdEncoding.EncodeToString(salt), Reason: clean(e.Reason), Details: details}

	head, err := nextHead(ctx, tx)
	if err != nil {
		return "", fmt.Errorf("audit %s: %w", e.Verb, err)
	}
	r := row{
		Seq: head.Seq, ID: id.New(),
		At:    l.now().UTC().Truncate(time.Microsecond), // what PostgreSQL keeps
		Actor: clean(e.Actor), Via: clean(e.Via), Verb: clean(e.Verb), Object: clean(e.Object),
		PayloadHash: p.hash(), PrevHash: head.Hash,
	}
	r.Hash = r.hash()
	p.Entry = r.ID
	if err := insert(ctx, tx, r, p); err != nil {
		return "", fmt.Errorf("audit %s: %w", e.Verb, err)
	}
	return r.ID, nil
}
