package drift

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/lib/logattr"
	"github.com/vigie-ops/vigie/internal/operate/playbook"
	"github.com/vigie-ops/vigie/internal/operate/run"
	"github.com/vigie-ops/vigie/internal/people"
)

// ErrNothing says that no playbook is part of the look.
var ErrNothing = errors.New("no playbook of the catalogue has drift: true, so there is nothing to look with")

// Asked is a check that was asked for, or why it could not be.
type Asked struct {
	Playbook string
	Run      run.Run
	Refused  string // in a sentence; empty if it was taken
}

// LookNow asks at once for a check of the whole fleet by every playbook of the
// look, as whoever acts. Who asks twice within a minute gets the same checks.
func (w *Watch) LookNow(ctx context.Context) ([]Asked, error) {
	now := w.now()
	books, commit, err := w.books(ctx)
	if err != nil {
		return nil, err
	}
	if len(books) == 0 {
		return nil, ErrNothing
	}
	out := make([]Asked, len(books))
	for i, p := range books {
		if out[i], err = w.ask(ctx, p.Slug, commit, now.Format("2006-01-02T15:04Z")); err != nil {
			return out[:i], err
		}
		if out[i].Refused != "" {
			continue
		}
		if err := w.noteAsked(ctx, p.Slug, "", out[i].Run.ID, now); err != nil {
			return out[:i], err
		}
	}
	return out, nil
}

// books are the playbooks of the look, and the commit that they are taken of.
func (w *Watch) books(ctx context.Context) ([]playbook.Playbook, string, error) {
	commit, err := w.o.Office.Accepted(ctx)
	if err != nil {
		return nil, "", err
	}
	all, _, err := w.o.Office.Catalogue(ctx, commit.Hash)
	return checked(all), commit.Hash, err
}

// ask asks for one check. An error says that nobody knows whether it was
// taken; asking again with the same time gives the same run.
func (w *Watch) ask(ctx context.Context, slug, commit, when string) (Asked, error) {
	r, err := w.o.Office.Ask(ctx, run.Request{Playbook: slug, Commit: commit, Limit: "all", Check: true, Origin: Origin, Key: "drift/" + slug + "/" + when})
	a := Asked{Playbook: slug, Run: r}
	if err == nil {
		return a, nil
	}
	if a.Refused = refusal(err); a.Refused == "" {
		return a, fmt.Errorf("ask for a check of %s: %w", slug, err)
	}
	return a, nil
}

// refusal is why a request was not taken, in the words of who refused it, or
// nothing where that was no refusal but a failure.
func refusal(err error) string {
	if refused := (*run.RefusedError)(nil); errors.As(err, &refused) {
		return refused.Reason
	}
	if errors.Is(err, run.ErrNoGit) {
		return run.ErrNoGit.Error()
	}
	return ""
}

// nightly asks for the checks of a night that is due, each once.
func (w *Watch) nightly(ctx context.Context, begun time.Time) error {
	g, now := w.o.Current(), w.now()
	policy := PolicyOf(g)
	if g == nil || policy.Off || now.Before(w.retryAt) {
		return nil
	}
	night, due := dueNight(now, begun, policy.At, zone(g))
	if !due {
		return nil
	}
	if w.asked == night.Date {
		return nil
	}
	looks, err := w.Looks(ctx)
	if err != nil {
		return err
	}
	asked := map[string]bool{}
	for _, l := range looks {
		asked[l.Playbook] = l.Night >= night.Date
	}
	w.retryAt = now.Add(retryEvery)
	// What runs by itself acts as nobody but itself.
	ctx = people.With(ctx, people.Actor{Slug: Origin, Name: "Drift", Role: people.Operator, Via: "schedule"})
	books, commit, err := w.books(ctx)
	if err != nil {
		why := refusal(err)
		if why == "" {
			w.o.Log.Error("the playbooks of the look for drift are not to be had", logattr.Err(err))
			why = "the accepted commit of the operations repository cannot be read; the log of the hub says why"
		}
		for _, p := range checked(playbook.Catalogue.Of(g)) {
			if err := w.noteRefused(ctx, p.Slug, why, now); err != nil {
				return err
			}
		}
		return nil
	}
	refusals := 0
	for _, p := range books {
		if asked[p.Slug] {
			continue
		}
		a, err := w.ask(ctx, p.Slug, commit, night.Date)
		if err != nil {
			if ctx.Err() != nil {
				return err
			}
			w.o.Log.Error("a check for drift could not be asked for", "playbook", p.Slug, logattr.Err(err))
			a.Refused = "the hub could not ask for it; its log says why"
		}
		if a.Refused != "" {
			refusals++
			err = w.noteRefused(ctx, p.Slug, a.Refused, now)
		} else {
			err = w.noteAsked(ctx, p.Slug, night.Date, a.Run.ID, now)
		}
		if err != nil {
			return err
		}
	}
	if refusals == 0 {
		w.asked, w.commit = night.Date, ""
	}
	return nil
}

// Look is the last look at the whole fleet by one playbook.
type Look struct {
	Playbook string
	Night    string // the last night it was asked for
	AskedAt  time.Time
	Run      string // id of the check that was asked for last
	Error    string // why it could not be asked for, if the last attempt failed
	ErrorAt  time.Time
	// The last check that ended.
	Ended   string // its id; empty before the first
	Number  int64
	State   run.State
	Cause   string
	EndedAt time.Time
	Servers int // it was to look at
	Seen    int // it looked at to the end
}

func (w *Watch) noteAsked(ctx context.Context, playbook, night, run string, at time.Time) error {
	const q = `
		INSERT INTO drift_look (playbook, night, asked_at, run) VALUES (?, ?, ?, ?)
		ON CONFLICT (playbook) DO UPDATE SET night = CASE WHEN excluded.night = '' THEN drift_look.night ELSE excluded.night END,
			asked_at = excluded.asked_at, run = excluded.run, error = '', error_at = NULL`
	return w.write(ctx, "note what was asked for", q, playbook, night, at, run)
}

func (w *Watch) noteRefused(ctx context.Context, playbook, why string, at time.Time) error {
	const q = `
		INSERT INTO drift_look (playbook, error, error_at) VALUES (?, ?, ?)
		ON CONFLICT (playbook) DO UPDATE SET error = excluded.error,
			error_at = CASE WHEN drift_look.error = '' THEN excluded.error_at ELSE drift_look.error_at END`
	return w.write(ctx, "note what was refused", q, playbook, why, at)
}

// write does one statement, and tells pages.
func (w *Watch) write(ctx context.Context, what, q string, args ...any) error {
	return w.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.NewRaw(q, args...).Exec(ctx); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		w.changed(tx)
		return nil
	})
}
