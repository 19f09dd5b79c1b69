package logbook

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/lib/id"
	"github.com/vigie-ops/vigie/internal/respond/alert"
	"github.com/vigie-ops/vigie/internal/signal"
)

const columns = `id, number, title, severity, state, opened_at, opened_by, resolved_at, closed_at, closed_by, taken_by, taken_at, group_key, suggestion, updated_at`

type row struct {
	ID         string       `bun:"id"`
	Number     int64        `bun:"number"`
	Title      string       `bun:"title"`
	Severity   string       `bun:"severity"`
	State      string       `bun:"state"`
	OpenedAt   time.Time    `bun:"opened_at"`
	OpenedBy   string       `bun:"opened_by"`
	ResolvedAt bun.NullTime `bun:"resolved_at"`
	ClosedAt   bun.NullTime `bun:"closed_at"`
	ClosedBy   string       `bun:"closed_by"`
	TakenBy    string       `bun:"taken_by"`
	TakenAt    bun.NullTime `bun:"taken_at"`
	GroupKey   string       `bun:"group_key"`
	Suggestion string       `bun:"suggestion"`
	UpdatedAt  time.Time    `bun:"updated_at"`
}

func null(t time.Time) bun.NullTime { return bun.NullTime{Time: t.UTC()} }

func utc(t bun.NullTime) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}

// chunk bounds the length of one statement.
const chunk = 200

func saveIssue(ctx context.Context, tx *db.Tx, i Issue) error {
	const q = `
		INSERT INTO logbook_issue (` + columns + `, words) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET title = excluded.title, words = excluded.words, severity = excluded.severity, state = excluded.state,
			resolved_at = excluded.resolved_at, closed_at = excluded.closed_at, closed_by = excluded.closed_by,
			taken_by = excluded.taken_by, taken_at = excluded.taken_at, updated_at = excluded.updated_at`
	_, err := tx.NewRaw(q, i.ID, i.Number, i.Title, string(i.Severity), string(i.State), i.OpenedAt, i.OpenedBy, null(i.ResolvedAt),
		null(i.ClosedAt), i.ClosedBy, i.TakenBy, null(i.TakenAt), i.Group, i.suggestion, i.UpdatedAt, strings.ToLower(i.Title)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("write issue %s: %w", i.ID, err)
	}
	return nil
}

// nextNumber counts the issues in the transaction, so that no number is missing.
func nextNumber(ctx context.Context, tx *db.Tx) (int64, error) {
	var n int64
	if err := tx.NewRaw(`UPDATE logbook_number SET value = value + 1 WHERE name = 'issue' RETURNING value`).Scan(ctx, &n); err != nil {
		return 0, fmt.Errorf("number an issue: %w", err)
	}
	return n, nil
}

func issuesWhere(ctx context.Context, q db.Queryer, where string, args ...any) ([]Issue, error) {
	var rows []row
	if err := q.NewRaw("SELECT "+columns+" FROM logbook_issue WHERE "+where, args...).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("read issues: %w", err)
	}
	issues := make([]Issue, len(rows))
	for n, r := range rows {
		issues[n] = Issue{
			ID: r.ID, Number: r.Number, Title: r.Title, Severity: signal.Severity(r.Severity), State: State(r.State), OpenedAt: r.OpenedAt.UTC(),
			OpenedBy: r.OpenedBy, ResolvedAt: utc(r.ResolvedAt), ClosedAt: utc(r.ClosedAt), ClosedBy: r.ClosedBy, TakenBy: r.TakenBy,
			TakenAt: utc(r.TakenAt), UpdatedAt: r.UpdatedAt.UTC(), Group: r.GroupKey, Questions: Questions(), suggestion: r.Suggestion,
		}
	}
	return issues, fill(ctx, q, issues)
}

// fill adds what other tables know of the issues.
func fill(ctx context.Context, q db.Queryer, issues []Issue) error {
	if len(issues) == 0 {
		return nil
	}
	byID := map[string]*Issue{}
	ids := make([]string, len(issues))
	for n := range issues {
		byID[issues[n].ID], ids[n] = &issues[n], issues[n].ID
	}
	var about []struct {
		Issue string `bun:"issue"`
		Kind  string `bun:"kind"`
		Slug  string `bun:"slug"`
	}
	if err := q.NewRaw(`SELECT issue, kind, slug FROM logbook_about WHERE issue IN (?) ORDER BY slug`, bun.List(ids)).Scan(ctx, &about); err != nil {
		return fmt.Errorf("read what issues affect: %w", err)
	}
	for _, a := range about {
		i := byID[a.Issue]
		switch a.Kind {
		case signal.Server:
			i.Servers = append(i.Servers, a.Slug)
		case signal.Instance:
			i.Instances = append(i.Instances, a.Slug)
		case signal.Client:
			i.Clients = append(i.Clients, a.Slug)
		}
	}
	var counts []struct {
		Issue  string `bun:"issue"`
		Alerts int    `bun:"alerts"`
		Firing int    `bun:"firing"`
	}
	const countQ = `SELECT issue, COUNT(*) AS alerts, SUM(CASE WHEN firing THEN 1 ELSE 0 END) AS firing FROM logbook_alert WHERE issue IN (?) GROUP BY issue`
	if err := q.NewRaw(countQ, bun.List(ids)).Scan(ctx, &counts); err != nil {
		return fmt.Errorf("count the alerts of issues: %w", err)
	}
	for _, c := range counts {
		byID[c.Issue].Alerts, byID[c.Issue].Firing = c.Alerts, c.Firing
	}
	var answers []struct {
		Issue    string    `bun:"issue"`
		Question string    `bun:"question"`
		Text     string    `bun:"text"`
		Author   string    `bun:"author"`
		At       time.Time `bun:"at"`
	}
	if err := q.NewRaw(`SELECT issue, question, text, author, at FROM logbook_answer WHERE issue IN (?)`, bun.List(ids)).Scan(ctx, &answers); err != nil {
		return fmt.Errorf("read answers: %w", err)
	}
	for _, a := range answers {
		for n, qu := range byID[a.Issue].Questions {
			if qu.Key == a.Question {
				byID[a.Issue].Questions[n].Text, byID[a.Issue].Questions[n].By, byID[a.Issue].Questions[n].At = a.Text, a.Author, a.At.UTC()
			}
		}
	}
	for n := range issues {
		if first := &issues[n].Questions[0]; first.By == "" {
			first.Suggestion = issues[n].suggestion
		}
	}
	return nil
}

func one(issues []Issue, err error) (Issue, error) {
	if err != nil {
		return Issue{}, err
	}
	if len(issues) == 0 {
		return Issue{}, ErrNotFound
	}
	return issues[0], nil
}

func issueByID(ctx context.Context, q db.Queryer, id string) (Issue, error) {
	if n, err := strconv.ParseInt(strings.TrimPrefix(id, "#"), 10, 64); err == nil {
		return one(issuesWhere(ctx, q, "number = ?", n))
	}
	return one(issuesWhere(ctx, q, "id = ?", id))
}

func latestOf(ctx context.Context, q db.Queryer, group string) (Issue, error) {
	return one(issuesWhere(ctx, q, "group_key = ? ORDER BY id DESC LIMIT 1", group))
}

// issuesOfAlerts returns the latest issue of each of the alerts, each once.
func issuesOfAlerts(ctx context.Context, q db.Queryer, as []alert.Alert) ([]Issue, error) {
	ids := []string{""}
	for _, a := range as {
		ids = append(ids, a.ID)
	}
	return issuesWhere(ctx, q, "id IN (SELECT MAX(issue) FROM logbook_alert WHERE alert IN (?) GROUP BY alert) ORDER BY id", bun.List(ids))
}

func saveAlerts(ctx context.Context, tx *db.Tx, issue string, alerts []string, firing bool) error {
	for part := range slices.Chunk(alerts, chunk) {
		var args []any
		for _, a := range part {
			args = append(args, issue, a, firing)
		}
		q := `INSERT INTO logbook_alert (issue, alert, firing) VALUES ` + strings.TrimSuffix(strings.Repeat("(?, ?, ?), ", len(part)), ", ") +
			` ON CONFLICT (issue, alert) DO UPDATE SET firing = excluded.firing`
		if _, err := tx.NewRaw(q, args...).Exec(ctx); err != nil {
			return fmt.Errorf("write the alerts of issue %s: %w", issue, err)
		}
	}
	return nil
}

func saveAbout(ctx context.Context, tx *db.Tx, issue string, about map[subject]bool) error {
	all := slices.SortedFunc(maps.Keys(about), func(a, b subject) int { return strings.Compare(a.kind+a.slug, b.kind+b.slug) })
	for part := range slices.Chunk(all, chunk) {
		var args []any
		for _, s := range part {
			args = append(args, issue, s.kind, s.slug)
		}
		q := `INSERT INTO logbook_about (issue, kind, slug) VALUES ` + strings.TrimSuffix(strings.Repeat("(?, ?, ?), ", len(part)), ", ") + ` ON CONFLICT (issue, kind, slug) DO NOTHING`
		if _, err := tx.NewRaw(q, args...).Exec(ctx); err != nil {
			return fmt.Errorf("write what issue %s affects: %w", issue, err)
		}
	}
	return nil
}

func firingOf(ctx context.Context, q db.Queryer, issue string) (int, error) {
	var n int
	if err := q.NewRaw(`SELECT COUNT(*) FROM logbook_alert WHERE issue = ? AND firing = TRUE`, issue).Scan(ctx, &n); err != nil {
		return 0, fmt.Errorf("count the alerts of issue %s: %w", issue, err)
	}
	return n, nil
}

func saveEntries(ctx context.Context, tx *db.Tx, entries []Entry) error {
	for part := range slices.Chunk(entries, chunk) {
		var args []any
		for _, e := range part {
			if e.ID == "" {
				e.ID = id.New()
			}
			args = append(args, e.ID, e.Issue, e.At.UTC(), e.Kind, e.Actor, e.Text, e.Ref, e.Link)
		}
		q := `INSERT INTO logbook_entry (id, issue, at, kind, actor, text, ref, link) VALUES ` + strings.TrimSuffix(strings.Repeat("(?, ?, ?, ?, ?, ?, ?, ?), ", len(part)), ", ")
		if _, err := tx.NewRaw(q, args...).Exec(ctx); err != nil {
			return fmt.Errorf("write the timeline: %w", err)
		}
	}
	return nil
}

// exists reports whether a row answers the query.
func exists(ctx context.Context, q db.Queryer, query string, args ...any) (bool, error) {
	var n int
	err := q.NewRaw(query, args...).Scan(ctx, &n)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return n > 0, err
}
