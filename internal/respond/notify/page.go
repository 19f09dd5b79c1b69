package notify

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/riverqueue/river"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/lib/id"
	"github.com/vigie-ops/vigie/internal/respond/alert"
	"github.com/vigie-ops/vigie/internal/respond/logbook"
	"github.com/vigie-ops/vigie/internal/signal"
)

// Page makes an event the deliveries of the people that the policy names, in
// the transaction of the event.
func (c *Courier) Page(ctx context.Context, tx *db.Tx, p logbook.Page) error {
	news := slices.Concat(p.Event.New, p.Event.Changed, p.Event.Again, p.Event.Resolved, p.Event.Calm)
	if p.Event.Reason == alert.ReasonRepeat { // a reminder is about all that is wrong, not hidden, and in nobody's hands
		news = slices.DeleteFunc(slices.Clone(p.Event.Firing), func(a alert.Alert) bool { return a.Muted() || a.Acknowledged() })
	}
	to := addressees(p.Event.Policy, *c.channels.Load(), c.o.People, news)
	if len(to) == 0 {
		c.o.Log.Warn("nobody is told: no route of the notification policy matches", "group", p.Event.Group.Key)
		if p.Issue == nil || c.o.Book == nil {
			return nil
		}
		return c.o.Book.Note(ctx, tx, p.Issue.ID, logbook.Entry{At: p.Event.At, Kind: logbook.KindFailed, Text: "nobody is told: no route of the notification policy matches"})
	}
	for _, a := range to {
		if err := c.deliver(ctx, tx, messageOf(p, a), a); err != nil {
			return err
		}
	}
	return nil
}

// kindOf says what kind of message an event makes.
func kindOf(e alert.Event) Kind {
	switch e.Reason {
	case alert.ReasonResolved:
		return KindResolved
	case alert.ReasonRepeat, alert.ReasonAckEnded:
		return KindReminder
	}
	return KindFiring
}

func messageOf(p logbook.Page, a addressee) Message {
	m := Message{
		ID: id.New(), Event: p.Event.ID, Kind: kindOf(p.Event), Reason: p.Event.Reason, At: p.Event.At,
		GroupKey: p.Event.Group.Key, Group: p.Event.Group.Labels, To: a.to, Total: len(a.alerts),
	}
	if p.Issue != nil {
		m.Issue = &IssueRef{ID: p.Issue.ID, Number: p.Issue.Number, Title: p.Issue.Title, State: string(p.Issue.State)}
	}
	as := slices.Clone(a.alerts)
	slices.SortStableFunc(as, func(x, y alert.Alert) int {
		// What fires goes before what resolved, the worst first.
		if x.State != y.State {
			return cmp.Compare(x.State, y.State)
		}
		return cmp.Compare(y.Severity.Rank(), x.Severity.Rank())
	})
	if len(as) > 0 {
		m.Severity = as[0].Severity
		if as[0].State == alert.Resolved {
			m.Kind = KindResolved
		}
	}
	for i, one := range as {
		if i == maxItems {
			break
		}
		item := itemOf(one)
		if one.Flapping() && one.State == alert.Firing {
			item.Flapping = fmt.Sprintf("It has come back %d times; you are told that it is over once it has been so for %s.", one.Flaps, lasted(p.Event.At, p.Event.At.Add(p.Event.Policy.Calm())))
		}
		m.Alerts = append(m.Alerts, item)
	}
	return m
}

// deliver writes the intent to send a message, and the job that does.
func (c *Courier) deliver(ctx context.Context, tx *db.Tx, m Message, a addressee) error {
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("write a message: %w", err)
	}
	d := Delivery{
		ID: m.ID, Event: m.Event, Group: m.GroupKey, Channel: a.channel.Slug, Person: a.to.Slug, Address: a.address, Kind: m.Kind,
		Subject: subject(m), MessageID: c.messageID(m.ID), State: Queued, CreatedAt: c.now(), LastError: a.problem, Urgency: urgency(m),
	}
	if m.Issue != nil {
		d.Issue = m.Issue.ID
	}
	if a.problem != "" {
		d.State = Failed
	}
	ids := make([]string, len(a.alerts))
	for i, one := range a.alerts {
		ids[i] = one.ID
	}
	if err := insertDelivery(ctx, tx, d, string(body), ids); err != nil {
		return err
	}
	tx.After(func() { c.o.Changed(TopicNotifications) })
	if a.problem != "" {
		c.o.Log.Warn("a notification cannot be sent", "channel", d.Channel, "person", d.Person, "err", a.problem)
		return c.noteFailure(ctx, tx, d, a.problem)
	}
	return c.enqueue(ctx, tx, d)
}

// urgency orders messages: the worst severity first. Whoever asked for a test
// looks at the screen now.
func urgency(m Message) int {
	if m.Kind == KindTest {
		return signal.Critical.Rank()
	}
	return m.Severity.Rank()
}

// enqueue makes the job that sends a delivery; the queue works the most urgent
// first, then the oldest.
func (c *Courier) enqueue(ctx context.Context, tx *db.Tx, d Delivery) error {
	return tx.Enqueue(ctx, deliverArgs{Delivery: d.ID}, &river.InsertOpts{MaxAttempts: maxAttempts, Priority: 1 + signal.Critical.Rank() - d.Urgency})
}
