package logbook

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/vigie-ops/vigie/internal/signal"
)

// Filter says which issues to list; what is empty does not filter.
type Filter struct {
	State    State
	NotState State
	Severity signal.Severity
	Server   string
	Instance string
	Client   string
	TakenBy  string
	Text     string // found in the title or in an answer
	Since    time.Time
	Cursor   string // Issues.Next of the page before
	Limit    int    // 50 if zero, at most 500
}

// Issues is one page of a list, newest first; Next is empty on the last one.
type Issues struct {
	Items []Issue
	Next  string
}

var likeEscaper = strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`)

func limit(n, normal, most int) int {
	if n <= 0 {
		n = normal
	}
	return min(n, most)
}

// List returns issues, the newest first.
func (d *Desk) List(ctx context.Context, f Filter) (Issues, error) {
	and, args := []string{"1 = 1"}, []any{}
	add := func(cond string, a ...any) {
		and = append(and, cond)
		args = append(args, a...)
	}
	if f.State != "" {
		add("state = ?", string(f.State))
	}
	if f.NotState != "" {
		add("state <> ?", string(f.NotState))
	}
	if f.Severity != "" {
		add("severity = ?", string(f.Severity))
	}
	if f.TakenBy != "" {
		add("taken_by = ?", f.TakenBy)
	}
	if !f.Since.IsZero() {
		add("opened_at >= ?", f.Since.UTC())
	}
	for _, about := range []subject{{signal.Server, f.Server}, {signal.Instance, f.Instance}, {signal.Client, f.Client}} {
		if about.slug != "" {
			add("id IN (SELECT issue FROM logbook_about WHERE kind = ? AND slug = ?)", about.kind, about.slug)
		}
	}
	for word := range strings.FieldsSeq(strings.ToLower(f.Text)) {
		like := "%" + likeEscaper.Replace(word) + "%"
		add(`(words LIKE ? ESCAPE '\' OR id IN (SELECT issue FROM logbook_answer WHERE words LIKE ? ESCAPE '\'))`, like, like)
	}
	if f.Cursor != "" {
		add("id < ?", f.Cursor)
	}
	n := limit(f.Limit, 50, 500)
	issues, err := issuesWhere(ctx, d.o.DB.Read(), strings.Join(and, " AND ")+" ORDER BY id DESC LIMIT ?", append(args, n+1)...)
	if err != nil {
		return Issues{}, err
	}
	page := Issues{Items: issues}
	if len(issues) > n {
		page.Items, page.Next = issues[:n], issues[n-1].ID
	}
	return page, nil
}

// Get returns one issue by its id or its number.
func (d *Desk) Get(ctx context.Context, id string) (Issue, error) {
	return issueByID(ctx, d.o.DB.Read(), id)
}

// TimelineFilter says which entries to list.
type TimelineFilter struct {
	Kinds  []string // all if empty
	Cursor string   // Entries.Next of the page before
	Limit  int      // 200 if zero, at most 1000
}

// Entries is one page of a timeline, oldest first.
type Entries struct {
	Items []Entry
	Next  string
}

type entryRow struct {
	ID    string    `bun:"id"`
	Issue string    `bun:"issue"`
	At    time.Time `bun:"at"`
	Kind  string    `bun:"kind"`
	Actor string    `bun:"actor"`
	Text  string    `bun:"text"`
	Ref   string    `bun:"ref"`
	Link  string    `bun:"link"`
}

// Timeline returns what happened, oldest first. The issue is named by its id
// or its number.
func (d *Desk) Timeline(ctx context.Context, issue string, f TimelineFilter) (Entries, error) {
	i, err := d.Get(ctx, issue)
	if err != nil {
		return Entries{}, err
	}
	where, args := "issue = ?", []any{i.ID}
	if len(f.Kinds) > 0 {
		where, args = where+" AND kind IN (?)", append(args, bun.List(f.Kinds))
	}
	if f.Cursor != "" {
		where, args = where+" AND id > ?", append(args, f.Cursor)
	}
	n := limit(f.Limit, 200, 1000)
	var rows []entryRow
	q := `SELECT id, issue, at, kind, actor, text, ref, link FROM logbook_entry WHERE ` + where + ` ORDER BY id LIMIT ?`
	if err := d.o.DB.Read().NewRaw(q, append(args, n+1)...).Scan(ctx, &rows); err != nil {
		return Entries{}, fmt.Errorf("read the timeline of issue %s: %w", i.ID, err)
	}
	var page Entries
	if len(rows) > n {
		rows = rows[:n]
		page.Next = rows[n-1].ID
	}
	for _, r := range rows {
		page.Items = append(page.Items, Entry{ID: r.ID, Issue: r.Issue, At: r.At.UTC(), Kind: r.Kind, Actor: r.Actor, Text: r.Text, Ref: r.Ref, Link: r.Link})
	}
	return page, nil
}

// Counts is the logbook in numbers.
type Counts struct {
	Open     int
	Critical int // of the open ones
	Untaken  int // of the open ones
	Resolved int // waiting for a person to close them
}

// Counts returns the logbook in numbers.
func (d *Desk) Counts(ctx context.Context) (Counts, error) {
	var rows []struct {
		State    string `bun:"state"`
		Severity string `bun:"severity"`
		Taken    bool   `bun:"taken"`
		N        int    `bun:"n"`
	}
	const q = `SELECT state, severity, taken_by <> '' AS taken, COUNT(*) AS n FROM logbook_issue WHERE state <> 'closed' GROUP BY 1, 2, 3`
	if err := d.o.DB.Read().NewRaw(q).Scan(ctx, &rows); err != nil {
		return Counts{}, fmt.Errorf("count issues: %w", err)
	}
	var c Counts
	for _, r := range rows {
		if State(r.State) == Resolved {
			c.Resolved += r.N
			continue
		}
		c.Open += r.N
		if signal.Severity(r.Severity) == signal.Critical {
			c.Critical += r.N
		}
		if !r.Taken {
			c.Untaken += r.N
		}
	}
	return c, nil
}
