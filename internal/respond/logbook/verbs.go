package logbook

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/lib/id"
	"github.com/vigie-ops/vigie/internal/signal"
)

// Declaration is an issue that a person opens by hand.
type Declaration struct {
	Title     string
	Severity  signal.Severity // warning if empty
	Text      string          // what is going on, Markdown; the first answer
	Servers   []string
	Instances []string
	Clients   []string
}

// Declare opens an issue by hand; who opens it has it.
func (d *Desk) Declare(ctx context.Context, actor string, c Declaration) (Issue, error) {
	name := title(c.Title)
	if name == "" {
		return Issue{}, invalidf("Give the issue a title: one sentence that says what is wrong.")
	}
	if c.Severity == "" {
		c.Severity = signal.Warning
	}
	if c.Severity.Rank() == 0 {
		return Issue{}, invalidf("%q is no severity; choose critical, warning or info.", c.Severity)
	}
	var i Issue
	err := d.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		number, err := nextNumber(ctx, tx)
		if err != nil {
			return err
		}
		now := d.now()
		i = Issue{ID: id.New(), Number: number, Title: name, Severity: c.Severity, State: Open, OpenedAt: now, OpenedBy: actor, TakenBy: actor, TakenAt: now, UpdatedAt: now}
		if err := saveIssue(ctx, tx, i); err != nil {
			return err
		}
		about := map[subject]bool{}
		for kind, slugs := range map[string][]string{signal.Server: c.Servers, signal.Instance: c.Instances, signal.Client: c.Clients} {
			for _, s := range slugs {
				about[subject{kind, s}] = true
			}
		}
		for _, instance := range c.Instances {
			if d.o.Fleet == nil {
				break
			}
			if client := d.o.Fleet.ClientOf(instance); client != "" {
				about[subject{signal.Client, client}] = true
			}
			if len(c.Servers) > 0 { // the person knows which of them it is about
				continue
			}
			for _, s := range d.o.Fleet.ServersOf(instance) {
				about[subject{signal.Server, s}] = true
			}
		}
		if err := saveAbout(ctx, tx, i.ID, about); err != nil {
			return err
		}
		if err := d.note(ctx, tx, Entry{Issue: i.ID, At: now, Kind: KindState, Actor: actor, Text: "opened"}); err != nil {
			return err
		}
		if text := strings.TrimSpace(c.Text); text != "" {
			if err := d.answer(ctx, tx, i, actor, GoingOn, text, now); err != nil {
				return err
			}
		}
		if err := d.audit(ctx, tx, "issue.declare", i, "", map[string]any{"title": i.Title}); err != nil {
			return err
		}
		d.changed(tx)
		i, err = issueByID(ctx, tx, i.ID)
		return err
	})
	return i, err
}

// act changes one issue in a transaction, with audit.
func (d *Desk) act(ctx context.Context, issue, verb, reason string, f func(ctx context.Context, tx *db.Tx, i *Issue, now time.Time) error) (Issue, error) {
	var i Issue
	err := d.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var err error
		if i, err = issueByID(ctx, tx, issue); err != nil {
			return err
		}
		now := d.now()
		if err := f(ctx, tx, &i, now); err != nil {
			return err
		}
		i.UpdatedAt = now
		if err := saveIssue(ctx, tx, i); err != nil {
			return err
		}
		d.changed(tx)
		if err := d.audit(ctx, tx, verb, i, reason, nil); err != nil {
			return err
		}
		i, err = issueByID(ctx, tx, i.ID)
		return err
	})
	return i, err
}

func (d *Desk) audit(ctx context.Context, tx *db.Tx, verb string, i Issue, reason string, details map[string]any) error {
	if d.o.Audit == nil {
		return nil
	}
	return d.o.Audit.Record(ctx, tx, verb, "issue:"+i.ID, reason, details)
}

// maxText bounds a comment or an answer.
const maxText = 64 << 10

func checkText(text, what string) (string, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return "", invalidf("%s is empty; write something first.", what)
	case len(text) > maxText:
		return "", invalidf("%s is longer than %d KB; attach it elsewhere and link to it.", what, maxText>>10)
	}
	return text, nil
}

// Comment adds a person's comment, Markdown, to the timeline.
func (d *Desk) Comment(ctx context.Context, actor, issue, text string) (Entry, error) {
	text, err := checkText(text, "The comment")
	if err != nil {
		return Entry{}, err
	}
	var e Entry
	_, err = d.act(ctx, issue, "issue.comment", "", func(ctx context.Context, tx *db.Tx, i *Issue, now time.Time) error {
		e = Entry{ID: id.New(), Issue: i.ID, At: now, Kind: KindComment, Actor: actor, Text: text}
		return d.note(ctx, tx, e)
	})
	return e, err
}

// Answer answers one of the five questions, or answers it anew.
func (d *Desk) Answer(ctx context.Context, actor, issue, key, text string) (Issue, error) {
	if !slices.ContainsFunc(Questions(), func(q Question) bool { return q.Key == key }) {
		return Issue{}, invalidf("%q is none of the five questions.", key)
	}
	text, err := checkText(text, "The answer")
	if err != nil {
		return Issue{}, err
	}
	return d.act(ctx, issue, "issue.answer", key, func(ctx context.Context, tx *db.Tx, i *Issue, now time.Time) error {
		return d.answer(ctx, tx, *i, actor, key, text, now)
	})
}

func (d *Desk) answer(ctx context.Context, tx *db.Tx, i Issue, actor, key, text string, now time.Time) error {
	const q = `
		INSERT INTO logbook_answer (issue, question, text, words, author, at) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (issue, question) DO UPDATE SET text = excluded.text, words = excluded.words, author = excluded.author, at = excluded.at`
	if _, err := tx.NewRaw(q, i.ID, key, text, strings.ToLower(text), actor, now).Exec(ctx); err != nil {
		return fmt.Errorf("write an answer of issue %s: %w", i.ID, err)
	}
	return d.note(ctx, tx, Entry{Issue: i.ID, At: now, Kind: KindAnswer, Actor: actor, Text: text, Ref: key})
}

// TakeOver notes that the person has the issue now.
func (d *Desk) TakeOver(ctx context.Context, actor, issue string) (Issue, error) {
	return d.act(ctx, issue, "issue.take", "", func(ctx context.Context, tx *db.Tx, i *Issue, now time.Time) error {
		if i.TakenBy == actor {
			return nil
		}
		text := "has it now"
		if i.TakenBy != "" {
			text = "took it over from " + i.TakenBy
		}
		i.TakenBy, i.TakenAt = actor, now
		return d.note(ctx, tx, Entry{Issue: i.ID, At: now, Kind: KindState, Actor: actor, Text: text})
	})
}

// Close closes the issue. Alerts of it that still fire stay on the board.
func (d *Desk) Close(ctx context.Context, actor, issue, reason string) (Issue, error) {
	return d.act(ctx, issue, "issue.close", reason, func(ctx context.Context, tx *db.Tx, i *Issue, now time.Time) error {
		if i.State == Closed {
			return invalidf("Issue #%d is closed already.", i.Number)
		}
		i.State, i.ClosedAt, i.ClosedBy = Closed, now, actor
		if i.Firing == 0 && i.ResolvedAt.IsZero() {
			i.ResolvedAt = now
		}
		return d.note(ctx, tx, Entry{Issue: i.ID, At: now, Kind: KindState, Actor: actor, Text: withReason("closed", reason)})
	})
}

// Reopen opens a closed or resolved issue again.
func (d *Desk) Reopen(ctx context.Context, actor, issue, reason string) (Issue, error) {
	return d.act(ctx, issue, "issue.reopen", reason, func(ctx context.Context, tx *db.Tx, i *Issue, now time.Time) error {
		if i.State == Open {
			return invalidf("Issue #%d is open already.", i.Number)
		}
		i.State, i.ClosedAt, i.ClosedBy, i.ResolvedAt = Open, time.Time{}, "", time.Time{}
		return d.note(ctx, tx, Entry{Issue: i.ID, At: now, Kind: KindState, Actor: actor, Text: withReason("opened again", reason)})
	})
}

func withReason(text, reason string) string {
	if reason = strings.TrimSpace(reason); reason != "" {
		return text + ": " + reason
	}
	return text
}
