package logbook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/lib/id"
	"github.com/vigie-ops/vigie/internal/respond/alert"
	"github.com/vigie-ops/vigie/internal/signal"
)

// Take writes an event of the board into the logbook and has people paged, all
// in the board's transaction.
func (d *Desk) Take(ctx context.Context, tx *db.Tx, e alert.Event) error {
	switch e.Reason {
	case alert.ReasonAcknowledged, alert.ReasonReviewed, alert.ReasonSilenced:
		return d.takeAct(ctx, tx, e)
	case alert.ReasonReleased:
		return d.takeRelease(ctx, tx, e)
	}
	all := withQuiet(e)
	i, opened, err := d.issueFor(ctx, tx, all)
	if err != nil {
		return err
	}
	if i != nil {
		if err := d.write(ctx, tx, i, all); err != nil {
			return err
		}
		d.changed(tx)
	}
	if !e.Tell || d.o.Next == nil {
		return nil
	}
	return d.o.Next.Page(ctx, tx, Page{Event: e, Issue: i, Opened: opened})
}

// withQuiet is the event as the logbook takes it, where what flaps ends and
// comes back like anything else.
func withQuiet(e alert.Event) alert.Event {
	for _, a := range e.Quiet {
		if a.State == alert.Resolved {
			e.Resolved = append(slices.Clip(e.Resolved), a)
		} else {
			e.New = append(slices.Clip(e.New), a)
		}
	}
	return e
}

// issueFor returns the issue that the event belongs to: the open one of the
// group, one that ended a moment ago, a new one if it is severe enough, or none.
// What has been over for a while and is told only now belongs to the last one.
func (d *Desk) issueFor(ctx context.Context, tx *db.Tx, e alert.Event) (i *Issue, opened bool, err error) {
	latest, err := latestOf(ctx, tx, e.Group.Key)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, false, err
	}
	known := err == nil
	starts := worst(e.New, e.Changed)
	switch {
	case known && latest.State == Open:
		return &latest, false, nil
	case known && starts != nil && latest.reopens(e.At):
		latest.State, latest.ResolvedAt, latest.ClosedAt, latest.ClosedBy = Open, time.Time{}, time.Time{}, ""
		return &latest, true, d.note(ctx, tx, Entry{Issue: latest.ID, At: e.At, Kind: KindState, Text: "opened again: it is wrong again"})
	case starts != nil && worst(e.Firing, e.New, e.Changed).Severity.Rank() >= e.Policy.OpenIssueFrom.Rank():
		i, err := d.open(ctx, tx, e)
		return i, true, err
	case known && starts == nil && (latest.State == Resolved || latest.ResolvedAt.IsZero() || len(e.Calm) > 0):
		return &latest, false, nil
	}
	return nil, false, nil
}

// open opens an issue for a group.
func (d *Desk) open(ctx context.Context, tx *db.Tx, e alert.Event) (*Issue, error) {
	lead := worst(e.Firing, e.New, e.Changed)
	number, err := nextNumber(ctx, tx)
	if err != nil {
		return nil, err
	}
	i := &Issue{
		ID: id.New(), Number: number, Title: title(lead.Summary()), Severity: lead.Severity, State: Open, OpenedAt: e.At, UpdatedAt: e.At, Group: e.Group.Key,
		suggestion: strings.TrimSpace(lead.Summary() + "\n\n" + lead.Annotations[signal.Description]),
	}
	if err := saveIssue(ctx, tx, *i); err != nil {
		return nil, err
	}
	return i, d.note(ctx, tx, Entry{Issue: i.ID, At: e.At, Kind: KindState, Text: "opened"})
}

// maxTitle keeps a title one line of a list and of a subject.
const maxTitle = 200

func title(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > maxTitle {
		return string(r[:maxTitle-1]) + "…"
	}
	return s
}

// listed is how many alerts of one event the timeline names one by one.
const listed = 20

// write works the event into the issue: its alerts, what it affects, its
// timeline, and its end when nothing of it fires any more.
func (d *Desk) write(ctx context.Context, tx *db.Tx, i *Issue, e alert.Event) error {
	var entries []Entry
	add := func(kind, verb string, as []alert.Alert) {
		for n, a := range as {
			if n == listed && len(as) > listed+1 {
				entries = append(entries, Entry{Kind: kind, Text: fmt.Sprintf("and %d more", len(as)-listed), Ref: "group:" + e.Group.Key})
				return
			}
			entries = append(entries, Entry{Kind: kind, Text: verb + a.Summary(), Ref: "alert:" + a.ID, Link: "/alerts/" + a.ID})
		}
	}
	for _, s := range []signal.Severity{signal.Critical, signal.Warning, signal.Info} {
		is := func(a alert.Alert) bool { return a.Severity != s }
		add(KindFiring, "["+string(s)+"] ", slices.DeleteFunc(slices.Clone(e.New), is))
		add(KindFiring, "now "+string(s)+": ", slices.DeleteFunc(slices.Clone(e.Changed), is))
	}
	add(KindFiring, "no longer acknowledged: ", e.Again)
	add(KindResolved, "", e.Resolved)
	for n := range entries {
		entries[n].Issue, entries[n].At = i.ID, e.At
	}
	if err := saveEntries(ctx, tx, entries); err != nil {
		return err
	}
	if err := d.link(ctx, tx, i, e); err != nil {
		return err
	}
	i.UpdatedAt = e.At
	// Whoever was faster than the group wait has the issue too.
	for _, a := range e.New {
		if i.TakenBy == "" && a.Ack != nil {
			i.TakenBy, i.TakenAt = a.Ack.By, a.Ack.At
		}
	}
	if lead := worst(e.Firing, e.New, e.Changed); lead != nil && lead.Severity.Rank() > i.Severity.Rank() {
		i.Severity = lead.Severity
	}
	firing, err := firingOf(ctx, tx, i.ID)
	if err != nil {
		return err
	}
	if firing == 0 && len(e.Resolved) > 0 && i.ResolvedAt.IsZero() {
		if err := d.resolve(ctx, tx, i, e); err != nil {
			return err
		}
	}
	if err := saveIssue(ctx, tx, *i); err != nil {
		return err
	}
	*i, err = issueByID(ctx, tx, i.ID)
	return err
}

// resolve ends the issue with its last alert, as far as the policy lets it.
func (d *Desk) resolve(ctx context.Context, tx *db.Tx, i *Issue, e alert.Event) error {
	i.ResolvedAt = e.At
	text := "resolved: nothing of it fires any more"
	switch {
	case i.State == Closed:
	case e.Policy.CloseWhenResolved:
		i.State, i.ClosedAt, text = Closed, e.At, "resolved and closed: nothing of it fires any more"
	default:
		i.State = Resolved
	}
	return d.note(ctx, tx, Entry{Issue: i.ID, At: e.At, Kind: KindState, Text: text})
}

// link keeps which alerts belong to the issue and what they affect.
func (d *Desk) link(ctx context.Context, tx *db.Tx, i *Issue, e alert.Event) error {
	var firing, resolved []string
	about := map[subject]bool{}
	for _, part := range [][]alert.Alert{e.Firing, e.New, e.Changed, e.Again} {
		for _, a := range part {
			firing = append(firing, a.ID)
			d.affected(a, about)
		}
	}
	for _, a := range e.Resolved {
		resolved = append(resolved, a.ID)
		d.affected(a, about)
	}
	slices.Sort(firing)
	firing = slices.Compact(firing)
	if err := saveAlerts(ctx, tx, i.ID, firing, true); err != nil {
		return err
	}
	if err := saveAlerts(ctx, tx, i.ID, resolved, false); err != nil {
		return err
	}
	if err := saveAbout(ctx, tx, i.ID, about); err != nil {
		return err
	}
	return alert.Link(ctx, tx, i.ID, append(firing, resolved...))
}

type subject struct{ kind, slug string }

// affected adds what an alert is about, what runs there or where it runs, and
// whose it is.
func (d *Desk) affected(a alert.Alert, about map[subject]bool) {
	instances := []string{a.Instance()}
	if s := a.Server(); s != "" {
		about[subject{signal.Server, s}] = true
		if d.o.Fleet != nil && a.Instance() == "" {
			instances = d.o.Fleet.InstancesOn(s)
		}
	} else if d.o.Fleet != nil {
		for _, s := range d.o.Fleet.ServersOf(a.Instance()) {
			about[subject{signal.Server, s}] = true
		}
	}
	for _, i := range instances {
		if i == "" {
			continue
		}
		about[subject{signal.Instance, i}] = true
		if d.o.Fleet != nil {
			if c := d.o.Fleet.ClientOf(i); c != "" {
				about[subject{signal.Client, c}] = true
			}
		}
	}
	if c := a.Client(); c != "" {
		about[subject{signal.Client, c}] = true
	}
}

// worst returns the most severe of the alerts, the oldest of these; nil if
// there are none.
func worst(parts ...[]alert.Alert) *alert.Alert {
	var lead *alert.Alert
	for _, part := range parts {
		for i := range part {
			if lead == nil || part[i].Severity.Rank() > lead.Severity.Rank() {
				lead = &part[i]
			}
		}
	}
	return lead
}

// takeAct writes what a person did on the board into the issues it concerns.
// Who acknowledges takes an issue that nobody has, or whose alerts they take from
// the person who has it.
func (d *Desk) takeAct(ctx context.Context, tx *db.Tx, e alert.Event) error {
	issues, err := issuesOfAlerts(ctx, tx, e.Again)
	if err != nil {
		return err
	}
	kind, word := KindAcknowledged, "acknowledged"
	if e.Reason == alert.ReasonReviewed {
		kind, word = KindReviewed, "reviewed"
	}
	for _, i := range issues {
		text := word
		if e.Text != "" {
			text += ": " + e.Text
		}
		if err := d.note(ctx, tx, Entry{Issue: i.ID, At: e.At, Kind: kind, Actor: e.Actor, Text: text, Ref: "group:" + e.Group.Key}); err != nil {
			return err
		}
		i.UpdatedAt = e.At
		if kind == KindAcknowledged && i.State == Open {
			left, err := d.letGo(ctx, tx, i, e)
			if err != nil {
				return err
			}
			if i.TakenBy == "" || left {
				i.TakenBy, i.TakenAt = e.Actor, e.At
			}
		}
		if err := saveIssue(ctx, tx, i); err != nil {
			return err
		}
		d.changed(tx)
	}
	return nil
}

// letGo reports whether the person who has the issue lost by the event the last
// of its alerts that they had in hand.
func (d *Desk) letGo(ctx context.Context, tx *db.Tx, i Issue, e alert.Event) (bool, error) {
	if !slices.Contains(e.From, i.TakenBy) {
		return false, nil
	}
	holders, err := alert.Holders(ctx, tx, i.ID, e.Again)
	return err == nil && !slices.Contains(holders, i.TakenBy), err
}

// takeRelease gives the issues of alerts that a person let go, or whose
// acknowledgement came to its end, to whoever has another of their alerts, or
// to nobody.
func (d *Desk) takeRelease(ctx context.Context, tx *db.Tx, e alert.Event) error {
	issues, err := issuesOfAlerts(ctx, tx, e.Again)
	if err != nil {
		return err
	}
	for _, i := range issues {
		left, err := d.letGo(ctx, tx, i, e)
		if err != nil {
			return err
		}
		if !left || i.State != Open {
			continue
		}
		holders, err := alert.Holders(ctx, tx, i.ID, e.Again)
		if err != nil {
			return err
		}
		text := "the acknowledgement of " + i.TakenBy + " has ended"
		switch e.Actor {
		case "":
		case i.TakenBy:
			text = "gave it back"
		default:
			text = "took it from " + i.TakenBy
		}
		text = withReason(text, e.Text)
		i.TakenBy, i.TakenAt, i.UpdatedAt = "", time.Time{}, e.At
		if len(holders) > 0 {
			i.TakenBy, i.TakenAt = holders[0], e.At
			text += "; " + holders[0] + " has it now"
		}
		if err := d.note(ctx, tx, Entry{Issue: i.ID, At: e.At, Kind: KindState, Actor: e.Actor, Text: text, Ref: "group:" + e.Group.Key}); err != nil {
			return err
		}
		if err := saveIssue(ctx, tx, i); err != nil {
			return err
		}
		d.changed(tx)
	}
	return nil
}
