package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/operate/playbook"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/people"
)

// Method says how a commit was accepted.
type Method string

// The methods.
const (
	BySignature Method = "signature" // of a key that the policy names
	ByPerson    Method = "person"    // somebody else than its authors
	ByStart     Method = "start"     // whoever set the hub up, for what it begins with
)

// Review is the acceptance of a commit.
type Review struct {
	Commit, Content string
	Method          Method
	Who             string // slug of a person
	Note            string
	At              time.Time
}

// Words say how the commit was accepted.
func (r Review) Words() string {
	switch r.Method {
	case BySignature:
		return "signed by " + r.Who
	case ByStart:
		return "what the hub began with"
	case ByPerson:
	}
	return "accepted by " + r.Who
}

// Verdict is what the review policy says of a commit.
type Verdict struct {
	Commit   opsrepo.Commit
	Accepted bool
	Review   Review // where accepted
	// Base is the last accepted commit, whose policy judges; empty before the
	// first.
	Base opsrepo.Commit
	// First says that none was accepted before: an admin begins, whoever wrote
	// the files.
	First bool
}

// Judge says whether a commit may run. A commit that a named key signed is
// accepted by that; nothing of it is executed to find out.
func (o *Office) Judge(ctx context.Context, commit opsrepo.Commit) (Verdict, error) {
	v := Verdict{Commit: commit}
	content, err := o.o.Commits.Content(ctx, commit.Hash)
	if err != nil {
		return v, err
	}
	// The same files under another commit, as after a rebase, were looked at.
	found, err := reviews(ctx, o.o.DB.Read(), `commit_hash = ? OR content = ? ORDER BY at DESC LIMIT 1`, commit.Hash, content)
	if err != nil {
		return v, err
	}
	if len(found) > 0 {
		v.Accepted, v.Review = true, found[0]
		return v, nil
	}
	policy, err := o.policy(ctx, &v)
	if err != nil || len(policy.SignedBy) == 0 {
		return v, err
	}
	signers := make([]opsrepo.Signer, len(policy.SignedBy))
	for i, s := range policy.SignedBy {
		signers[i] = opsrepo.Signer{Person: s.Person, Key: s.Key}
	}
	who, err := o.o.Commits.SignedBy(ctx, commit.Hash, signers)
	if err != nil || who == "" {
		return v, err
	}
	r := Review{Commit: commit.Hash, Content: content, Method: BySignature, Who: who, At: o.now()}
	// The signature accepts it, not whoever happens to look first.
	err = o.o.DB.Write(people.With(ctx, people.Actor{}), func(ctx context.Context, tx *db.Tx) error {
		return o.accept(ctx, tx, r)
	})
	v.Accepted, v.Review = err == nil, r
	return v, err
}

// policy returns the review policy that judges now: that of the last accepted
// commit, never of the one that is judged.
func (o *Office) policy(ctx context.Context, v *Verdict) (playbook.ReviewPolicy, error) {
	last, err := reviews(ctx, o.o.DB.Read(), `1 = 1 ORDER BY at DESC LIMIT 100`)
	if err != nil {
		return playbook.ReviewPolicy{}, err
	}
	v.First = len(last) == 0
	for _, r := range last {
		base, err := o.o.Commits.Find(ctx, r.Commit)
		if errors.Is(err, opsrepo.ErrNoCommit) {
			continue // its history was rewritten
		}
		if err != nil {
			return playbook.ReviewPolicy{}, err
		}
		v.Base = base
		g, err := o.generation(ctx, base.Hash)
		if err != nil {
			return playbook.ReviewPolicy{}, err
		}
		p, _ := playbook.Review.Of(g)
		return p, nil
	}
	// Nothing says who may accept, so that what always holds does: a second person.
	return playbook.ReviewPolicy{}, nil
}

// accept writes an acceptance down. Accepting twice changes nothing.
func (o *Office) accept(ctx context.Context, tx *db.Tx, r Review) error {
	const q = `INSERT INTO run_review (commit_hash, content, method, who, note, at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (commit_hash) DO NOTHING`
	if _, err := tx.NewRaw(q, r.Commit, r.Content, string(r.Method), r.Who, r.Note, r.At).Exec(ctx); err != nil {
		return fmt.Errorf("write the review: %w", err)
	}
	if err := o.lint(ctx, tx, r); err != nil {
		return err
	}
	o.changed(tx)
	return o.o.Audit.Record(ctx, tx, "commit.accept", "commit:"+r.Commit, r.Note, map[string]any{"method": string(r.Method), "by": r.Who})
}

// Accept accepts a commit as its second person.
func (o *Office) Accept(ctx context.Context, short, note string) (Verdict, error) {
	actor, _ := people.From(ctx)
	commit, err := o.Commit(ctx, short)
	if err != nil {
		return Verdict{}, err
	}
	v, err := o.Judge(ctx, commit)
	if err != nil || v.Accepted {
		return v, err
	}
	policy, err := o.policy(ctx, &v)
	if err != nil {
		return v, err
	}
	if why, err := o.mayAccept(ctx, actor, policy, v); why != "" || err != nil {
		if err == nil {
			err = refused("", "%s", why)
		}
		return v, err
	}
	// The files are checked again as a whole, so that nobody accepts what could
	// never run.
	if _, err := o.generation(ctx, commit.Hash); err != nil {
		return v, refused("commit", "%v", err)
	}
	content, err := o.o.Commits.Content(ctx, commit.Hash)
	if err != nil {
		return v, err
	}
	v.Review = Review{Commit: commit.Hash, Content: content, Method: ByPerson, Who: actor.Slug, Note: strings.TrimSpace(note), At: o.now()}
	err = o.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return o.accept(ctx, tx, v.Review) })
	v.Accepted = err == nil
	return v, err
}

// mayAccept says why somebody may not accept a commit, or nothing.
func (o *Office) mayAccept(ctx context.Context, actor people.Actor, policy playbook.ReviewPolicy, v Verdict) (string, error) {
	if actor.Via != people.ViaSession {
		return "a commit is accepted by a person who is signed in and has looked at it, not by a token", nil
	}
	if !actor.Role.Allows(people.Operator) {
		return "accepting a commit needs the role operator", nil
	}
	if len(policy.Approvers) > 0 && !o.o.People.In(actor.Slug, policy.Approvers) {
		return "the review policy has these people accept commits: " + strings.Join(o.names(o.o.People.Expand(policy.Approvers)), ", "), nil
	}
	if v.First && actor.Role.Allows(people.Admin) {
		return "", nil
	}
	mails, err := o.o.Commits.Mails(ctx, v.Base.Hash, v.Commit.Hash)
	if err != nil {
		return "", err
	}
	if own := o.o.People.Mail(actor.Slug); own != "" && slices.ContainsFunc(mails, func(m string) bool { return strings.EqualFold(m, own) }) {
		return "you wrote some of what would be accepted; a second person must look at it", nil
	}
	return "", nil
}

// MayAccept says why the one who acts may not accept a commit that was judged,
// or nothing.
func (o *Office) MayAccept(ctx context.Context, v Verdict) (string, error) {
	actor, _ := people.From(ctx)
	policy, err := o.policy(ctx, &v)
	if err != nil {
		return "", err
	}
	return o.mayAccept(ctx, actor, policy, v)
}

// Before sets the base of a commit that was accepted to the one that was
// accepted before it, so that what it changed can be looked at later.
func (o *Office) Before(ctx context.Context, v Verdict) (Verdict, error) {
	if !v.Accepted {
		return v, nil
	}
	last, err := reviews(ctx, o.o.DB.Read(), `at < ? AND commit_hash <> ? ORDER BY at DESC LIMIT 100`, v.Review.At, v.Commit.Hash)
	if err != nil {
		return v, err
	}
	for _, r := range last {
		base, err := o.o.Commits.Find(ctx, r.Commit)
		if errors.Is(err, opsrepo.ErrNoCommit) {
			continue // its history was rewritten
		}
		v.Base = base
		return v, err
	}
	return v, nil
}

// Difference returns what changed since the last accepted commit.
func (o *Office) Difference(ctx context.Context, v Verdict) (opsrepo.Diff, error) {
	return o.o.Commits.Diff(ctx, v.Base.Hash, v.Commit.Hash)
}

// Begin accepts the commit that a hub was set up with, if none was accepted
// before: whoever starts it wrote its files.
func (o *Office) Begin(ctx context.Context, note string) error {
	commit, err := o.Commit(ctx, "")
	if err != nil {
		return err
	}
	content, err := o.o.Commits.Content(ctx, commit.Hash)
	if err != nil {
		return err
	}
	return o.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		some, err := reviews(ctx, tx, `1 = 1 LIMIT 1`)
		if err != nil || len(some) > 0 {
			return err
		}
		return o.accept(ctx, tx, Review{Commit: commit.Hash, Content: content, Method: ByStart, Note: note, At: o.now()})
	})
}

// Accepted returns the commit that what runs by itself takes: the one that the
// hub follows, or the last accepted one while nobody accepted that.
func (o *Office) Accepted(ctx context.Context) (opsrepo.Commit, error) {
	c, err := o.Commit(ctx, "")
	if err != nil {
		return c, err
	}
	v, err := o.Judge(ctx, c)
	if err != nil || v.Accepted {
		return c, err
	}
	if v.Base.Hash == "" {
		return c, refused("commit", "nobody accepted a commit yet; an admin accepts the first at /runs/commits/%s", c.Hash)
	}
	return v.Base, nil
}

// AcceptedGeneration returns the repository at the commit of Accepted: whatever
// starts runs by itself is read from there, since a schedule decides what is
// executed as much as a playbook does.
func (o *Office) AcceptedGeneration(ctx context.Context) (*opsrepo.Generation, error) {
	var seen struct {
		N int `bun:"n"`
	}
	if err := o.o.DB.Read().NewRaw(`SELECT COUNT(*) AS n FROM run_review`).Scan(ctx, &seen); err != nil {
		return nil, fmt.Errorf("count reviews: %w", err)
	}
	followed := o.o.Current()
	o.accepting.Lock()
	defer o.accepting.Unlock()
	if a := o.accepted; a.generation != nil && a.followed == followed && a.reviews == seen.N {
		return a.generation, nil
	}
	c, err := o.Accepted(ctx)
	if err != nil {
		return nil, err
	}
	g, err := o.generation(ctx, c.Hash)
	if err != nil {
		return nil, err
	}
	o.accepted = accepted{followed: followed, reviews: seen.N, generation: g}
	return g, nil
}

// accepted remembers a generation and what it was found for.
type accepted struct {
	followed, generation *opsrepo.Generation
	reviews              int
}

// Reviews returns the newest acceptances, newest first.
func (o *Office) Reviews(ctx context.Context, n int) ([]Review, error) {
	return reviews(ctx, o.o.DB.Read(), `1 = 1 ORDER BY at DESC LIMIT ?`, n)
}

func reviews(ctx context.Context, q db.Queryer, where string, args ...any) ([]Review, error) {
	var rows []struct {
		Commit  string    `bun:"commit_hash"`
		Content string    `bun:"content"`
		Method  string    `bun:"method"`
		Who     string    `bun:"who"`
		Note    string    `bun:"note"`
		At      time.Time `bun:"at"`
	}
	if err := q.NewRaw(`SELECT commit_hash, content, method, who, note, at FROM run_review WHERE `+where, args...).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("read reviews: %w", err)
	}
	out := make([]Review, len(rows))
	for i, r := range rows {
		out[i] = Review{Commit: r.Commit, Content: r.Content, Method: Method(r.Method), Who: r.Who, Note: r.Note, At: r.At.UTC()}
	}
	return out, nil
}
