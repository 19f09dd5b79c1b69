package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/lib/id"
	"github.com/vigie-ops/vigie/internal/operate/playbook"
	"github.com/vigie-ops/vigie/internal/people"
)

// askFor writes a run that waits for its approval: first comes a check of the same, so
// that whoever approves sees what would change.
func (o *Office) askFor(ctx context.Context, tx *db.Tx, r *Run, rule playbook.ApprovalRule) error {
	check := *r
	check.ID, check.Kind, check.Parent, check.Approval = id.New(), Check, r.ID, Approval{}
	check.Reason = "shows what would change, for who is to approve"
	r.State, r.QueuedAt, r.Cause = Checking, time.Time{}, "a check shows what would change"
	r.Approval.Check, r.Approval.Channel, r.Approval.Within = check.ID, rule.Channel, rule.Expires.Std()
	return errors.Join(insertRun(ctx, tx, r), insertRun(ctx, tx, &check))
}

// ask moves the runs whose check has ended on to those who may approve them.
func (o *Office) ask(ctx context.Context) error {
	waiting, err := runsWhere(ctx, o.o.DB.Read(), `state = ? ORDER BY id`, string(Checking))
	if err != nil {
		return err
	}
	for _, r := range waiting {
		check, err := o.Get(ctx, r.Approval.Check)
		if err != nil || !check.State.Over() {
			if err != nil && !errors.Is(err, ErrNotFound) {
				return err
			}
			continue
		}
		if err := o.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return o.asked(ctx, tx, r.ID, check) }); err != nil {
			return err
		}
	}
	return nil
}

func (o *Office) asked(ctx context.Context, tx *db.Tx, run string, check Run) error {
	r, err := runByID(ctx, tx, run)
	if err != nil || r.State != Checking {
		return err
	}
	hosts, err := hostsOf(ctx, tx, check.ID)
	if err != nil {
		return err
	}
	r.State, r.ExpiresAt = Waiting, o.now().Add(r.Approval.Within)
	r.Cause = "to be approved by " + strings.Join(o.names(r.Approval.Approvers), " or ")
	if err := saveRun(ctx, tx, r); err != nil {
		return err
	}
	would := summary(check, hosts)
	err = o.o.Messages.Notice(ctx, tx, Notice{
		To: r.Approval.Approvers, Channel: r.Approval.Channel, About: r.ID, Link: "/runs/" + r.ID, Button: "Look and decide",
		Subject: fmt.Sprintf("Approve? %s on %s", r.Title, servers(r.Servers)),
		Text: fmt.Sprintf("%s asks to run %s of commit %.10s on %s.\n\nWhy: %s\n\nWhat its check says: %s.\n\nThe request lapses at %s.",
			o.o.People.Name(r.By), r.Title, r.Commit, servers(r.Servers), r.Reason, would, r.ExpiresAt.In(o.zone()).Format("Mon 2 Jan 15:04 MST")),
	})
	if err != nil {
		return err
	}
	o.changed(tx)
	return nil
}

// summary says what a check found, in a sentence.
func summary(check Run, hosts []Host) string {
	changes, changed, bad := 0, 0, 0
	for _, h := range hosts {
		changes += h.Changed
		if h.Changed > 0 {
			changed++
		}
		if h.State == HostFailed || h.State == HostUnreachable || h.State == HostCut {
			bad++
		}
	}
	words := "nothing would change"
	if changes > 0 {
		words = fmt.Sprintf("%s on %d of %d servers", times(changes, "change"), changed, len(hosts))
	}
	if check.State != Succeeded {
		words += fmt.Sprintf("; the check itself %s", check.State)
		if bad > 0 {
			words += " on " + times(bad, "server")
		}
	}
	return words
}

func times(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Approve lets a run that waits go on, in the name of the one who acts.
func (o *Office) Approve(ctx context.Context, run, note string) (Run, error) {
	return o.decide(ctx, run, "run.approve", note, func(r *Run) {
		r.State, r.QueuedAt, r.Cause = Queued, o.now(), ""
	})
}

// Reject ends a run that waits, in the name of the one who acts.
func (o *Office) Reject(ctx context.Context, run, note string) (Run, error) {
	if strings.TrimSpace(note) == "" {
		return Run{}, refused("note", "say why not, for who asked")
	}
	return o.decide(ctx, run, "run.reject", note, func(r *Run) {
		r.State, r.EndedAt, r.Cause = Rejected, o.now(), "not approved by "+o.o.People.Name(r.Approval.By)+": "+r.Approval.Note
	})
}

// MayDecide says why the one who acts may not approve or reject a run, or
// nothing.
func (o *Office) MayDecide(actor people.Actor, r Run) string {
	switch {
	case r.State != Waiting:
		return "run #" + fmt.Sprint(r.Number) + " does not wait for approval"
	case actor.Via != people.ViaSession:
		return "a run is approved by a person who is signed in, not by a token or a link"
	case actor.Slug == r.By:
		return "you asked for this run; somebody else approves it"
	case !slices.Contains(r.Approval.Approvers, actor.Slug):
		return "this run is approved by " + strings.Join(o.names(r.Approval.Approvers), " or ")
	}
	return ""
}

func (o *Office) decide(ctx context.Context, run, verb, note string, set func(*Run)) (Run, error) {
	actor, _ := people.From(ctx)
	var out Run
	err := o.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := runByID(ctx, tx, run)
		if err != nil {
			return err
		}
		if why := o.MayDecide(actor, r); why != "" {
			return refused("", "%s", why)
		}
		if !o.now().Before(r.ExpiresAt) {
			return refused("", "the request lapsed at %s UTC; ask for the run again", r.ExpiresAt.Format("Mon 2 Jan 15:04"))
		}
		r.Approval.By, r.Approval.At, r.Approval.Note = actor.Slug, o.now(), clean(strings.TrimSpace(note), maxReason)
		set(&r)
		if r.State.Over() {
			if err := o.seal(ctx, tx, &r); err != nil {
				return err
			}
		}
		if err := saveRun(ctx, tx, r); err != nil {
			return err
		}
		o.changed(tx)
		out = r
		return o.o.Audit.Record(ctx, tx, verb, "run:"+r.ID, note, map[string]any{"number": r.Number})
	})
	return out, err
}

// expire ends what nobody approved in time.
func (o *Office) expire(ctx context.Context) error {
	late, err := runsWhere(ctx, o.o.DB.Read(), `state = ? AND expires_at <= ? ORDER BY id`, string(Waiting), o.now())
	if err != nil {
		return err
	}
	for _, r := range late {
		if err := o.end(ctx, r.ID, Waiting, Expired, "nobody approved it in time"); err != nil {
			return err
		}
	}
	return nil
}

// end ends a run that is in a state, and does nothing if it is not any more.
func (o *Office) end(ctx context.Context, run string, from, to State, cause string) error {
	return o.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := runByID(ctx, tx, run)
		if err != nil || r.State != from {
			return err
		}
		r.State, r.Cause, r.EndedAt = to, cause, o.now()
		if err := o.seal(ctx, tx, &r); err != nil {
			return err
		}
		o.changed(tx)
		return saveRun(ctx, tx, r)
	})
}

// zone is that of the company: what several people read has no other.
func (o *Office) zone() *time.Location {
	if g := o.o.Current(); g != nil {
		if zone, err := time.LoadLocation(fleet.NewSnapshot(g).Company().Timezone); err == nil {
			return zone
		}
	}
	return time.UTC
}
