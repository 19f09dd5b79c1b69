package run

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/lib/id"
	"github.com/vigie-ops/vigie/internal/operate/playbook"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/people"
)

// Request asks for a run.
type Request struct {
	Playbook   string // slug
	Commit     string // whole or shortened hash; the one that the hub follows if empty
	Limit      string // pattern of servers and groups, such as all; required
	Tags       []string
	Variables  map[string]any
	Check      bool   // only look what would change
	Reason     string // required unless Check
	BreakGlass string // why a commit that nobody accepted must run now
	Origin     string // what asks, if no person does by hand: schedule:nightly, chain:ID, drift
	// Key makes asking twice the same as asking once: the second time returns
	// the run of the first. Empty is always new.
	Key string
	// of which run this one tries the failed hosts again.
	retryOf string
}

// tag is what Ansible takes as one.
var tag = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,99}$`)

// maxReason bounds what people write.
const maxReason = 2000

// maxLimit has room for the names of more servers than a run works on.
const maxLimit = 256 << 10

// Ask takes a request of the one who acts. Its run is queued at once, or waits
// for approval where a policy asks for it.
func (o *Office) Ask(ctx context.Context, q Request) (Run, error) {
	actor, ok := people.From(ctx)
	if !ok {
		return Run{}, errors.New("run: nobody asks")
	}
	if q.Key != "" {
		if r, err := asked(ctx, o.o.DB.Read(), q.Key); !errors.Is(err, ErrNotFound) {
			return r, err
		}
	}
	if err := o.o.Sandbox.Ready(); err != nil {
		return Run{}, refused("", "%v", err)
	}
	commit, err := o.Commit(ctx, q.Commit)
	if err != nil {
		return Run{}, err
	}
	v, err := o.Judge(ctx, commit)
	if err != nil {
		return Run{}, err
	}
	q.BreakGlass = strings.TrimSpace(q.BreakGlass)
	if !v.Accepted && q.BreakGlass == "" {
		last := ""
		if v.Base.Hash != "" {
			last = fmt.Sprintf(". The last accepted one is %.10s", v.Base.Hash)
		}
		return Run{}, refused("commit", "commit %.10s was not accepted, so nothing of it is executed. Somebody other than its author accepts it at /runs/commits/%s; "+
			"a commit signed by a key of the review policy needs nobody%s", commit.Hash, commit.Hash, last)
	}
	r, rule, err := o.shape(ctx, q, v, actor)
	if err != nil {
		return Run{}, err
	}
	var leads []string
	if r.BreakGlass != "" {
		if leads, err = o.leads(ctx, v); err != nil {
			return Run{}, err
		}
	}
	err = o.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		one := r
		write := func() error { return insertRun(ctx, tx, &one) }
		if rule != nil {
			write = func() error { return o.askFor(ctx, tx, &one, *rule) }
		}
		if err := write(); err != nil {
			return err
		}
		if q.Key != "" {
			if _, err := tx.NewRaw(`INSERT INTO run_key (request_key, run) VALUES (?, ?)`, q.Key, one.ID).Exec(ctx); err != nil {
				return fmt.Errorf("keep the key of a request: %w", err)
			}
		}
		if one.BreakGlass != "" {
			if _, err := tx.NewRaw(`UPDATE run_run SET glass_untold = ? WHERE id = ?`, true, one.ID).Exec(ctx); err != nil {
				return fmt.Errorf("write run #%d: %w", one.Number, err)
			}
			if err := o.pageLeads(ctx, tx, one, actor, leads); err != nil {
				return err
			}
		}
		o.changed(tx)
		details := map[string]any{
			"playbook": r.Playbook, "commit": r.Commit, "kind": string(r.Kind), "limit": r.Limit, "servers": len(r.Servers), "tags": r.Tags, "variables": r.Variables,
		}
		if r.BreakGlass != "" {
			details["break_glass"] = r.BreakGlass
		}
		if err := o.o.Audit.Record(ctx, tx, "run.request", "run:"+one.ID, r.Reason, details); err != nil {
			return err
		}
		tx.After(func() { r = one })
		return nil
	})
	if q.Key != "" && db.Conflict(err) {
		return asked(ctx, o.o.DB.Read(), q.Key) // another hub was faster
	}
	return r, err
}

// shape makes the run of a request, with the rule by which it must be approved
// if there is one.
func (o *Office) shape(ctx context.Context, q Request, v Verdict, actor people.Actor) (Run, *playbook.ApprovalRule, error) {
	g, err := o.generation(ctx, v.Commit.Hash)
	if err != nil {
		return Run{}, nil, refused("commit", "%v", err)
	}
	p, ok := playbook.Find(g, q.Playbook)
	if !ok {
		var known []string
		for _, one := range playbook.Catalogue.Of(g) {
			known = append(known, one.Slug)
		}
		return Run{}, nil, refused("playbook", "commit %.10s has no playbook %q%s; it has: %s", v.Commit.Hash, q.Playbook,
			opsrepo.DidYouMean(q.Playbook, known), strings.Join(known, ", "))
	}
	if need := people.Role(p.Role); !actor.Role.Allows(need) {
		return Run{}, nil, refused("playbook", "the playbook %s needs the role %s; you are %s", p.Slug, need, actor.Role)
	}
	r := Run{
		ID: id.New(), Kind: Real, Playbook: p.Slug, Title: p.Title(), Path: p.Path(), Commit: v.Commit.Hash, Limit: strings.TrimSpace(q.Limit),
		Reason: strings.TrimSpace(q.Reason), By: actor.Slug, Via: actor.Via, RequestedAt: o.now(), Parent: q.retryOf, Origin: q.Origin,
		BreakGlass: q.BreakGlass, Timeout: p.Timeout.Std(), Forks: p.Forks, Tags: nonNil(q.Tags),
	}
	if q.Check {
		r.Kind = Check
	}
	if r.Reason == "" && !q.Check {
		return Run{}, nil, refused("reason", "say why: those who read the record later were not there")
	}
	if len(r.Limit) > maxLimit {
		return Run{}, nil, refused("limit", "%d characters are enough; a group says more", maxLimit)
	}
	for field, text := range map[string]string{"reason": r.Reason, "break_glass": r.BreakGlass} {
		if len(text) > maxReason {
			return Run{}, nil, refused(field, "%d characters are enough; a link says more", maxReason)
		}
	}
	for _, t := range r.Tags {
		if !tag.MatchString(t) {
			return Run{}, nil, refused("tags", "%q is no tag", t)
		}
	}
	if r.Variables, err = p.Values(q.Variables); err != nil {
		out := &RefusedError{Field: "variables", Reason: err.Error()}
		if each := (playbook.Mistakes{}); errors.As(err, &each) {
			out.Variables = each
		}
		return Run{}, nil, out
	}
	snapshot := fleet.NewSnapshot(g)
	if r.Limit == "" {
		return Run{}, nil, refused("limit", "say on which servers: names of servers and groups, or all, which is every one of the %d", len(playbook.NewInventory(snapshot).Hosts()))
	}
	if r.Servers, err = playbook.NewInventory(snapshot).Limit(r.Limit); err != nil {
		return Run{}, nil, refused("limit", "%v", err)
	}
	if len(r.Servers) == 0 {
		return Run{}, nil, refused("limit", "the operations repository has no server that a playbook could run on")
	}
	if r.Content, err = o.o.Commits.Content(ctx, r.Commit); err != nil {
		return Run{}, nil, err
	}
	r.State, r.QueuedAt = Queued, r.RequestedAt
	if v.Accepted {
		r.Accepted, r.BreakGlass = v.Review.Words(), ""
	} else {
		r.Accepted = "break-glass"
	}
	// A check changes nothing, and a break-glass waits for nobody.
	if r.Kind == Check || r.BreakGlass != "" {
		return r, nil, nil
	}
	rule, needed := playbook.Needed(playbook.Approvals.Of(g), r.Playbook, r.Servers, snapshot, r.RequestedAt)
	if !needed {
		return r, nil, nil
	}
	approvers := slices.DeleteFunc(o.o.People.Expand(rule.Approvers), func(p string) bool { return p == r.By })
	if len(approvers) == 0 {
		return Run{}, nil, refused("", "this run must be approved by %s, and never by who asked for it; nobody is left. Add people to the approval policy", strings.Join(o.names(rule.Approvers), ", "))
	}
	r.Approval.Approvers = approvers
	return r, &rule, nil
}

func nonNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// leads are who must know of a break-glass: those of the repository as it is
// followed, and those of the last commit that somebody accepted, since the one
// that is run could have taken them away.
func (o *Office) leads(ctx context.Context, v Verdict) ([]string, error) {
	all := o.o.People.Leads()
	if v.Base.Hash != "" {
		g, err := o.generation(ctx, v.Base.Hash)
		if err != nil {
			return nil, err
		}
		for _, p := range people.NewDirectory(g).Leads() {
			all = append(all, p.Slug)
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// pageLeads tells those who lead that somebody runs what nobody accepted.
func (o *Office) pageLeads(ctx context.Context, tx *db.Tx, r Run, actor people.Actor, to []string) error {
	if len(to) == 0 {
		o.o.Log.Warn("break-glass, and no person of the operations repository is a lead who could be told", "run", r.ID)
		return nil
	}
	return o.o.Messages.Notice(ctx, tx, Notice{
		To: to, Urgent: true, About: r.ID, Link: "/runs/" + r.ID, Button: "Look at the run",
		Subject: fmt.Sprintf("Break-glass: %s runs %s at a commit nobody accepted", o.o.People.Name(actor.Slug), r.Title),
		Text:    fmt.Sprintf("%s runs the playbook %s of commit %.10s on %s, though nobody accepted that commit. The reason: %s", o.o.People.Name(actor.Slug), r.Title, r.Commit, servers(r.Servers), r.BreakGlass),
	})
}

// servers says where a run works, in few words.
func servers(slugs []string) string {
	const most = 5
	if len(slugs) <= most {
		return strings.Join(slugs, ", ")
	}
	return fmt.Sprintf("%s and %d more servers", strings.Join(slugs[:most], ", "), len(slugs)-most)
}

// Retry asks for a run again, on the hosts alone that it did not finish on.
func (o *Office) Retry(ctx context.Context, run, reason string) (Run, error) {
	old, err := o.Get(ctx, run)
	if err != nil {
		return Run{}, err
	}
	if !old.State.Over() {
		return Run{}, refused("", "run #%d is not over yet", old.Number)
	}
	hosts, err := o.Hosts(ctx, old.ID)
	if err != nil {
		return Run{}, err
	}
	var again []string
	for _, h := range hosts {
		switch h.State {
		case HostDone, HostUntouched:
			if old.State == Succeeded || old.State == Failed && h.State == HostDone {
				continue
			}
		case HostFailed, HostUnreachable, HostCut, HostPending, HostWorking:
		}
		again = append(again, h.Name)
	}
	if len(again) == 0 && old.StartedAt.IsZero() {
		again = old.Servers // it never began
	}
	if len(again) == 0 {
		return Run{}, refused("", "run #%d finished on every host", old.Number)
	}
	slices.Sort(again)
	if reason = strings.TrimSpace(reason); reason == "" {
		reason = old.Reason
	}
	return o.Ask(ctx, Request{
		Playbook: old.Playbook, Commit: old.Commit, Limit: strings.Join(again, ","), Tags: old.Tags, Variables: old.Variables, Check: old.Kind == Check,
		Reason: reason, BreakGlass: old.BreakGlass, retryOf: old.ID,
	})
}
