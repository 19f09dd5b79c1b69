package alert

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/lib/id"
)

// CreateSilence hides what matches, from StartsAt (now if zero) until EndsAt.
func (b *Board) CreateSilence(ctx context.Context, actor string, s Silence) (Silence, error) {
	s.ID, s.By, s.ExpiredBy = "", actor, ""
	return b.setSilence(ctx, "silence.create", s)
}

// EditSilence changes a silence that has not ended. Its start cannot move once
// it has begun.
func (b *Board) EditSilence(ctx context.Context, actor string, s Silence) (Silence, error) {
	old, err := b.GetSilence(ctx, s.ID)
	if err != nil {
		return Silence{}, err
	}
	now := b.now()
	if old.State(now) == SilenceExpired {
		return Silence{}, invalidf("This silence has ended and stays as it was; create a new one.")
	}
	if old.State(now) == SilenceActive {
		s.StartsAt = old.StartsAt
	}
	s.By, s.CreatedAt, s.ExpiredBy = old.By, old.CreatedAt, ""
	return b.setSilence(ctx, "silence.edit", s)
}

// ExpireSilence ends a silence now. One that has ended already stays as it is.
func (b *Board) ExpireSilence(ctx context.Context, actor, silence, reason string) error {
	s, err := b.GetSilence(ctx, silence)
	if err != nil {
		return err
	}
	now := b.now()
	if s.State(now) == SilenceExpired {
		return nil
	}
	if s.StartsAt.After(now) {
		s.StartsAt = now
	}
	s.EndsAt, s.ExpiredBy = now, actor
	return b.writeSilence(ctx, "silence.expire", reason, s)
}

func (b *Board) setSilence(ctx context.Context, verb string, s Silence) (Silence, error) {
	now := b.now()
	if s.StartsAt.IsZero() {
		s.StartsAt = now
	}
	s.StartsAt, s.EndsAt = s.StartsAt.UTC().Truncate(time.Microsecond), s.EndsAt.UTC().Truncate(time.Microsecond)
	if err := s.check(now); err != nil {
		return Silence{}, err
	}
	if s.ID == "" {
		s.ID, s.CreatedAt = id.New(), now
	}
	return s, b.writeSilence(ctx, verb, s.Reason, s)
}

// writeSilence writes a silence and works it in at once.
func (b *Board) writeSilence(ctx context.Context, verb, reason string, s Silence) error {
	s.UpdatedAt = b.now()
	return b.act(ctx, func(ctx context.Context, tx *db.Tx, w *work) error {
		const q = `
			INSERT INTO alert_silence (id, matchers, reason, created_by, starts_at, ends_at, created_at, updated_at, expired_by)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET matchers = excluded.matchers, reason = excluded.reason, starts_at = excluded.starts_at,
				ends_at = excluded.ends_at, updated_at = excluded.updated_at, expired_by = excluded.expired_by`
		if _, err := tx.NewRaw(q, s.ID, encode(matcherTexts(s.Matchers)), s.Reason, s.By, s.StartsAt, s.EndsAt, s.CreatedAt, s.UpdatedAt, s.ExpiredBy).Exec(ctx); err != nil {
			return fmt.Errorf("write silence %s: %w", s.ID, err)
		}
		if b.o.Audit != nil {
			details := map[string]any{"matchers": matcherTexts(s.Matchers), "starts": s.StartsAt, "ends": s.EndsAt}
			if err := b.o.Audit.Record(ctx, tx, verb, "silence:"+s.ID, reason, details); err != nil {
				return err
			}
		}
		w.silences = slices.DeleteFunc(slices.Clone(w.silences), func(old Silence) bool { return old.ID == s.ID })
		if s.State(w.now) != SilenceExpired {
			w.silences = append(w.silences, s)
		}
		slices.SortFunc(w.silences, func(x, y Silence) int { return strings.Compare(x.ID, y.ID) })
		w.mute()
		silences := w.silences
		tx.After(func() {
			b.cache.Lock()
			b.silences = silences
			b.cache.Unlock()
			b.wake()
			b.o.Changed(TopicSilences)
		})
		return nil
	})
}

func matcherTexts(ms labels.Matchers) []string {
	texts := make([]string, len(ms))
	for i, m := range ms {
		texts[i] = m.String()
	}
	return texts
}

type silenceRow struct {
	ID        string    `bun:"id"`
	Matchers  string    `bun:"matchers"`
	Reason    string    `bun:"reason"`
	CreatedBy string    `bun:"created_by"`
	StartsAt  time.Time `bun:"starts_at"`
	EndsAt    time.Time `bun:"ends_at"`
	CreatedAt time.Time `bun:"created_at"`
	UpdatedAt time.Time `bun:"updated_at"`
	ExpiredBy string    `bun:"expired_by"`
}

func silencesWhere(ctx context.Context, q db.Queryer, where string, args ...any) ([]Silence, error) {
	var rows []silenceRow
	const columns = `SELECT id, matchers, reason, created_by, starts_at, ends_at, created_at, updated_at, expired_by FROM alert_silence WHERE `
	if err := q.NewRaw(columns+where, args...).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("read silences: %w", err)
	}
	silences := make([]Silence, len(rows))
	for i, r := range rows {
		s := Silence{ID: r.ID, Reason: r.Reason, By: r.CreatedBy, StartsAt: r.StartsAt.UTC(), EndsAt: r.EndsAt.UTC(), CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(), ExpiredBy: r.ExpiredBy}
		var texts []string
		err := decode(r.Matchers, &texts)
		if err == nil {
			s.Matchers, err = ParseMatchers(texts...)
		}
		if err != nil {
			return nil, fmt.Errorf("read silence %s: %w", r.ID, err)
		}
		silences[i] = s
	}
	return silences, nil
}

// silencesAt returns the silences that have not ended at now, by id.
func silencesAt(ctx context.Context, q db.Queryer, now time.Time) ([]Silence, error) {
	return silencesWhere(ctx, q, "ends_at > ? ORDER BY id", now)
}

// Silences returns the silences that are active or pending, and with all the
// latest that ended too, the newest first.
func (b *Board) Silences(ctx context.Context, all bool) ([]Silence, error) {
	since := b.now()
	if all {
		since = time.Time{}
	}
	return silencesWhere(ctx, b.o.DB.Read(), "ends_at > ? ORDER BY id DESC LIMIT ?", since, maxLimit)
}

// GetSilence returns one silence.
func (b *Board) GetSilence(ctx context.Context, id string) (Silence, error) {
	s, err := silencesWhere(ctx, b.o.DB.Read(), "id = ?", id)
	if err != nil {
		return Silence{}, err
	}
	if len(s) == 0 {
		return Silence{}, ErrNotFound
	}
	return s[0], nil
}
