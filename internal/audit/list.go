package audit

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Filter narrows a list; empty fields match everything.
type Filter struct {
	Actor  string
	Verb   string // one verb, or all of a kind when it ends with a dot: "session."
	Object string
	From   time.Time // at or after
	To     time.Time // before
	Limit  int       // entries a page; 0 is 100, at most 1000
}

// Recorded is an entry as it was kept.
type Recorded struct {
	Entry
	Seq    int64
	ID     string
	At     time.Time
	Erased bool // its reason and details were erased
}

// Page is a part of the list, newest first.
type Page struct {
	Items []Recorded
	Next  string // cursor of the next page; empty on the last
}

// List returns the entries that match, newest first. The cursor is empty for
// the first page, and Next of the page before for the others.
func (l *Log) List(ctx context.Context, f Filter, cursor string) (Page, error) {
	before := int64(1) << 62
	if cursor != "" {
		n, err := strconv.ParseInt(cursor, 10, 64)
		if err != nil || n < 1 {
			return Page{}, fmt.Errorf("list audit entries: %q is no cursor of this list", clean(cursor))
		}
		before = n
	}
	limit := f.Limit
	if limit <= 0 {
		limit = 100
	}
	limit = min(limit, 1000)

	where, args := []string{"e.seq < ?"}, []any{before}
	add := func(condition string, arg any) {
		where, args = append(where, condition), append(args, arg)
	}
	if f.Actor != "" {
		add("e.actor = ?", clean(f.Actor))
	}
	switch {
	case strings.HasSuffix(f.Verb, "."):
		// A dot sorts right before a slash, so this is "begins with" without
		// the wildcards that a verb may contain.
		add("e.verb >= ?", clean(f.Verb))
		add("e.verb < ?", clean(strings.TrimSuffix(f.Verb, "."))+"/")
	case f.Verb != "":
		add("e.verb = ?", clean(f.Verb))
	}
	if f.Object != "" {
		add("e.object = ?", clean(f.Object))
	}
	if !f.From.IsZero() {
		add("e.at >= ?", f.From.UTC())
	}
	if !f.To.IsZero() {
		add("e.at < ?", f.To.UTC())
	}
	var rows []struct {
		row
		payload
	}
	q := `
		SELECT e.seq, e.id, e.at, e.actor, e.via, e.verb, e.object, p.reason, p.details, p.erased_by
		FROM audit_entry e
		JOIN audit_payload p ON p.entry = e.id
		WHERE ` + strings.Join(where, " AND ") + `
		ORDER BY e.seq DESC
		LIMIT ?`
	if err := l.db.Read().NewRaw(q, append(args, limit+1)...).Scan(ctx, &rows); err != nil {
		return Page{}, fmt.Errorf("list audit entries: %w", err)
	}
	var p Page
	if len(rows) > limit {
		rows = rows[:limit]
		p.Next = strconv.FormatInt(rows[limit-1].Seq, 10)
	}
	for _, r := range rows {
		details, err := decodeDetails(r.Details)
		if err != nil {
			return Page{}, fmt.Errorf("audit entry %s: %w", r.ID, err)
		}
		p.Items = append(p.Items, Recorded{
			Entry: Entry{Actor: r.Actor, Via: r.Via, Verb: r.Verb, Object: r.Object, Reason: r.Reason, Details: details},
			Seq:   r.Seq, ID: r.ID, At: r.At.UTC(), Erased: r.ErasedBy != "",
		})
	}
	return p, nil
}
