package alert

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/lib/id"
)

// Acknowledge notes that a person has the alerts in hand: they are not told
// again until they resolve, become worse, or until, if that is not zero. Of
// alerts that resolved meanwhile the reason is the person's word; without one
// they stay to be reviewed, and where nothing else is left to acknowledge, that
// is an error. Doing it twice changes nothing. It returns the alerts as they are
// afterwards.
func (b *Board) Acknowledge(ctx context.Context, actor, reason string, until time.Time, ids ...string) ([]Alert, error) {
	if !until.IsZero() && !until.After(b.now()) {
		return nil, invalidf("The acknowledgement would end in the past; choose an end that is still to come, or none.")
	}
	reason = strings.TrimSpace(reason)
	var after []Alert
	err := b.act(ctx, func(ctx context.Context, tx *db.Tx, w *work) error {
		after = nil
		rs, err := w.find(ctx, tx, ids)
		if err != nil {
			return err
		}
		if reason == "" && len(rs) > 0 && !slices.ContainsFunc(rs, func(r *record) bool { return r.State == Firing || !r.ToReview }) {
			return invalidf("%s has resolved meanwhile: write what it was, since every alert ends with a person's word.", rs[0].Summary())
		}
		var held []*record
		var from []string
		for _, r := range rs {
			if r.State == Firing && r.Ack != nil && r.Ack.By != actor {
				from = append(from, r.Ack.By)
			}
			switch {
			case r.State == Resolved && r.ToReview && reason != "":
				r.ToReview = false
				r.Ack = &Ack{By: actor, At: w.now, Reason: reason}
			case r.State == Firing && (r.Ack == nil || r.Ack.By != actor || r.Ack.Reason != reason || !r.Ack.Until.Equal(until)):
				r.Ack = &Ack{By: actor, At: w.now, Reason: reason, Until: until.UTC().Truncate(time.Microsecond)}
				if until.IsZero() {
					r.Ack.Until = time.Time{}
				}
				if r.told == toldAgain {
					r.told = toldFiring
				}
			default:
				after = append(after, r.Alert)
				continue
			}
			w.note(r, KindAcknowledged, actor, reason)
			w.look(r)
			held = append(held, r)
			after = append(after, r.Alert)
		}
		return w.acted(ctx, tx, "alert.acknowledge", ReasonAcknowledged, actor, reason, held, from...)
	})
	return after, err
}

// Unacknowledge gives alerts back: whoever is to be told is told again.
func (b *Board) Unacknowledge(ctx context.Context, actor, reason string, ids ...string) error {
	return b.act(ctx, func(ctx context.Context, tx *db.Tx, w *work) error {
		rs, err := w.find(ctx, tx, ids)
		if err != nil {
			return err
		}
		var given []*record
		var from []string
		for _, r := range rs {
			if r.State == Firing && r.Ack != nil {
				from = append(from, r.Ack.By)
				w.unhold(r, KindUnacknowledged, actor, reason)
				given = append(given, r)
			}
		}
		return w.acted(ctx, tx, "alert.unacknowledge", ReasonReleased, actor, reason, given, from...)
	})
}

// unhold ends an acknowledgement and has the alert told again.
func (w *work) unhold(r *record, kind, actor, text string) {
	r.Ack = nil
	if r.told == toldFiring {
		r.told = toldAgain
	}
	r.shown = r.seen(w.now)
	r.since = w.now
	w.note(r, kind, actor, text)
	w.look(r)
}

// Review writes a person's last word on alerts that resolved.
func (b *Board) Review(ctx context.Context, actor, word string, ids ...string) error {
	word = strings.TrimSpace(word)
	if word == "" {
		return invalidf("Write a word on what it was: a review without one tells nobody anything.")
	}
	return b.act(ctx, func(ctx context.Context, tx *db.Tx, w *work) error {
		rs, err := w.find(ctx, tx, ids)
		if err != nil {
			return err
		}
		for _, r := range rs {
			if r.State != Resolved {
				return invalidf("%s still fires; the last word is written once it has resolved. Acknowledge it instead.", r.Summary())
			}
		}
		for _, r := range rs {
			r.Review, r.ToReview = &Review{By: actor, At: w.now, Word: word}, false
			w.note(r, KindReviewed, actor, word)
		}
		return w.acted(ctx, tx, "alert.review", ReasonReviewed, actor, word, rs)
	})
}

// find returns copies of the alerts with these ids to change, each once.
func (w *work) find(ctx context.Context, tx *db.Tx, ids []string) ([]*record, error) {
	open := map[string]*record{}
	for _, r := range w.b.open {
		open[r.ID] = r
	}
	var rs []*record
	for _, id := range ids {
		if w.recs[id] != nil {
			continue
		}
		r := open[id]
		if r == nil {
			found, err := records(ctx, tx, "id = ?", id)
			if err != nil {
				return nil, err
			}
			if len(found) == 0 {
				return nil, ErrNotFound
			}
			r = found[0]
		}
		rs = append(rs, w.edit(r))
	}
	return rs, nil
}

// acted audits an act of a person on alerts and hands it to the next stage.
func (w *work) acted(ctx context.Context, tx *db.Tx, verb string, reason Reason, actor, text string, rs []*record, from ...string) error {
	if err := w.audit(ctx, tx, verb, text, rs); err != nil {
		return err
	}
	return w.handOn(ctx, tx, Event{Reason: reason, Actor: actor, Text: text, From: from}, rs)
}

// handOn hands what is not a flush to the next stage, once for each group that
// knows of the alerts.
func (w *work) handOn(ctx context.Context, tx *db.Tx, e Event, rs []*record) error {
	if w.b.o.Next == nil {
		return nil
	}
	var keys []string
	groups := map[string][]*record{}
	for _, r := range rs {
		if groups[r.Group] == nil {
			keys = append(keys, r.Group)
		}
		groups[r.Group] = append(groups[r.Group], r)
	}
	for _, key := range keys {
		_, common := groupOf(w.policy.GroupBy, groups[key][0].Labels)
		e.ID, e.At, e.Group, e.Policy, e.Again = id.New(), w.now, Group{Key: key, Labels: common}, w.policy, alertsOf(groups[key])
		if err := w.b.o.Next.Take(ctx, tx, e); err != nil {
			return err
		}
	}
	return nil
}

func (w *work) audit(ctx context.Context, tx *db.Tx, verb, reason string, rs []*record) error {
	if w.b.o.Audit == nil {
		return nil
	}
	for _, r := range rs {
		if err := w.b.o.Audit.Record(ctx, tx, verb, "alert:"+r.ID, reason, map[string]any{"name": r.Name, "subject": r.Subject.String()}); err != nil {
			return err
		}
	}
	return nil
}
