package alert

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/signal"
)

// columns are those of alert_alert, in the order of row.values.
const columns = `id, fingerprint, detector, name, severity, subject, server, app_instance, client, labels, annotations, words, votes,
	state, started_at, changed_at, resolved_at, last_reported_at, acknowledged_by, acknowledged_at, acknowledged_reason, acknowledged_until,
	to_review, reviewed_by, reviewed_at, reviewed_word, silenced_by, inhibited_by, group_key, flaps, told, told_severity, told_at, shown`

type row struct {
	ID                 string       `bun:"id"`
	Fingerprint        string       `bun:"fingerprint"`
	Detector           string       `bun:"detector"`
	Name               string       `bun:"name"`
	Severity           string       `bun:"severity"`
	Subject            string       `bun:"subject"`
	Server             string       `bun:"server"`
	AppInstance        string       `bun:"app_instance"`
	Client             string       `bun:"client"`
	Labels             string       `bun:"labels"`
	Annotations        string       `bun:"annotations"`
	Words              string       `bun:"words"`
	Votes              string       `bun:"votes"`
	State              string       `bun:"state"`
	StartedAt          time.Time    `bun:"started_at"`
	ChangedAt          time.Time    `bun:"changed_at"`
	ResolvedAt         bun.NullTime `bun:"resolved_at"`
	LastReportedAt     time.Time    `bun:"last_reported_at"`
	AcknowledgedBy     string       `bun:"acknowledged_by"`
	AcknowledgedAt     bun.NullTime `bun:"acknowledged_at"`
	AcknowledgedReason string       `bun:"acknowledged_reason"`
	AcknowledgedUntil  bun.NullTime `bun:"acknowledged_until"`
	ToReview           bool         `bun:"to_review"`
	ReviewedBy         string       `bun:"reviewed_by"`
	ReviewedAt         bun.NullTime `bun:"reviewed_at"`
	ReviewedWord       string       `bun:"reviewed_word"`
	SilencedBy         string       `bun:"silenced_by"`
	InhibitedBy        string       `bun:"inhibited_by"`
	GroupKey           string       `bun:"group_key"`
	Flaps              int          `bun:"flaps"`
	Told               string       `bun:"told"`
	ToldSeverity       string       `bun:"told_severity"`
	ToldAt             bun.NullTime `bun:"told_at"`
	Shown              bool         `bun:"shown"`
	Issue              string       `bun:"issue"`
}

func (r *record) values() []any {
	ack, review := Ack{}, Review{}
	if r.Ack != nil {
		ack = *r.Ack
	}
	if r.Review != nil {
		review = *r.Review
	}
	return []any{
		r.ID, r.Fingerprint, r.Detector, r.Name, string(r.Severity), r.Subject.String(), r.Server(), r.Instance(), r.Client(),
		encode(r.Labels), encode(r.Annotations), r.words(), encode(r.votes),
		string(r.State), r.StartedAt, r.since, null(r.ResolvedAt), r.LastReportedAt, ack.By, null(ack.At), ack.Reason, null(ack.Until),
		r.ToReview, review.By, null(review.At), review.Word, encode(r.SilencedBy), encode(r.InhibitedBy), r.Group, r.Flaps,
		string(r.told), string(r.toldSeverity), null(r.NotifiedAt), r.shown,
	}
}

// words is what the free text of a filter is looked for in.
func (r *record) words() string {
	w := []string{r.Name, r.Subject.String(), r.Annotations[signal.Summary]}
	for _, v := range r.Labels {
		w = append(w, v)
	}
	slices.Sort(w[3:])
	return strings.ToLower(strings.Join(w, " "))
}

func (row row) record() (*record, error) {
	r := &record{
		Alert: Alert{
			ID: row.ID, Fingerprint: row.Fingerprint, Detector: row.Detector, Name: row.Name, Severity: signal.Severity(row.Severity),
			Subject: signal.ParseSubject(row.Subject), State: State(row.State), StartedAt: row.StartedAt.UTC(), ResolvedAt: utc(row.ResolvedAt),
			LastReportedAt: row.LastReportedAt.UTC(), ToReview: row.ToReview, Group: row.GroupKey, Flaps: row.Flaps, Issue: row.Issue, NotifiedAt: utc(row.ToldAt),
		},
		since: row.ChangedAt.UTC(), told: told(row.Told), toldSeverity: signal.Severity(row.ToldSeverity), stored: row.LastReportedAt.UTC(), shown: row.Shown,
	}
	if row.AcknowledgedBy != "" {
		r.Ack = &Ack{By: row.AcknowledgedBy, At: utc(row.AcknowledgedAt), Reason: row.AcknowledgedReason, Until: utc(row.AcknowledgedUntil)}
	}
	if row.ReviewedBy != "" {
		r.Review = &Review{By: row.ReviewedBy, At: utc(row.ReviewedAt), Word: row.ReviewedWord}
	}
	for _, f := range []struct {
		text string
		into any
	}{{row.Labels, &r.Labels}, {row.Annotations, &r.Annotations}, {row.Votes, &r.votes}, {row.SilencedBy, &r.SilencedBy}, {row.InhibitedBy, &r.InhibitedBy}} {
		if err := decode(f.text, f.into); err != nil {
			return nil, fmt.Errorf("read alert %s: %w", row.ID, err)
		}
	}
	if r.State == Firing {
		_, r.Until = worst(r.votes)
	}
	return r, nil
}

// encode writes maps and lists of text, which cannot fail.
func encode(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func decode(text string, into any) error { return json.Unmarshal([]byte(text), into) }

func null(t time.Time) bun.NullTime { return bun.NullTime{Time: t.UTC()} }

func utc(t bun.NullTime) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}

// chunk bounds the length of one statement.
const chunk = 200

// saveRecords writes records, new or changed. The issue is not theirs: Link
// writes it.
func saveRecords(ctx context.Context, tx *db.Tx, rs []*record) error {
	names := strings.Split(strings.Join(strings.Fields(columns), ""), ",")
	line := "(" + strings.TrimSuffix(strings.Repeat("?, ", len(names)), ", ") + ")"
	var set []string
	for _, c := range names[1:] {
		set = append(set, c+" = excluded."+c)
	}
	// What resolves goes first, so that its successor finds the fingerprint free.
	rs = slices.Clone(rs)
	slices.SortStableFunc(rs, func(a, b *record) int { return strings.Compare(string(b.State), string(a.State)) })
	for part := range slices.Chunk(rs, chunk) {
		var args []any
		for _, r := range part {
			args = append(args, r.values()...)
		}
		q := "INSERT INTO alert_alert (" + columns + ") VALUES " + strings.TrimSuffix(strings.Repeat(line+", ", len(part)), ", ") +
			" ON CONFLICT (id) DO UPDATE SET " + strings.Join(set, ", ")
		if _, err := tx.NewRaw(q, args...).Exec(ctx); err != nil {
			return fmt.Errorf("write alerts: %w", err)
		}
	}
	return nil
}

func records(ctx context.Context, q db.Queryer, where string, args ...any) ([]*record, error) {
	var rows []row
	if err := q.NewRaw("SELECT "+columns+", issue FROM alert_alert WHERE "+where, args...).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("read alerts: %w", err)
	}
	rs := make([]*record, 0, len(rows))
	for _, row := range rows {
		r, err := row.record()
		if err != nil {
			return nil, err
		}
		rs = append(rs, r)
	}
	return rs, nil
}

func openRecords(ctx context.Context, q db.Queryer) ([]*record, error) {
	return records(ctx, q, "state = 'firing' ORDER BY id")
}

// recentRecords returns the latest alert of each fingerprint that resolved
// after since.
func recentRecords(ctx context.Context, q db.Queryer, fingerprints []string, since time.Time) (map[string]*record, error) {
	latest := map[string]*record{}
	for part := range slices.Chunk(fingerprints, chunk) {
		rs, err := records(ctx, q, "fingerprint IN (?) AND state = 'resolved' AND resolved_at > ? ORDER BY resolved_at, id", bun.List(part), since)
		if err != nil {
			return nil, err
		}
		for _, r := range rs {
			latest[r.Fingerprint] = r
		}
	}
	return latest, nil
}

// untoldResolved returns the alerts of a group that resolved without people
// knowing it.
func untoldResolved(ctx context.Context, q db.Queryer, group string) ([]*record, error) {
	return records(ctx, q, "group_key = ? AND state = 'resolved' AND told IN ('firing', 'again', 'ending') ORDER BY id", group)
}

type groupRow struct {
	Key            string       `bun:"key"`
	Labels         string       `bun:"labels"`
	NextFlushAt    bun.NullTime `bun:"next_flush_at"`
	LastFlushedAt  bun.NullTime `bun:"last_flushed_at"`
	LastNotifiedAt bun.NullTime `bun:"last_notified_at"`
}

func (row groupRow) group() (Group, error) {
	g := Group{Key: row.Key, NextFlushAt: utc(row.NextFlushAt), LastFlushedAt: utc(row.LastFlushedAt), LastNotifiedAt: utc(row.LastNotifiedAt)}
	if err := decode(row.Labels, &g.Labels); err != nil {
		return g, fmt.Errorf("read group %s: %w", row.Key, err)
	}
	return g, nil
}

const groupColumns = "key, labels, next_flush_at, last_flushed_at, last_notified_at"

func groupByKey(ctx context.Context, q db.Queryer, key string) (Group, error) {
	var r groupRow
	err := q.NewRaw("SELECT "+groupColumns+" FROM alert_group WHERE key = ?", key).Scan(ctx, &r)
	if err != nil {
		return Group{}, fmt.Errorf("read group %s: %w", key, err)
	}
	return r.group()
}

// lookAtGroups makes groups due, or due earlier.
func lookAtGroups(ctx context.Context, tx *db.Tx, groups map[string]Group) error {
	all := make([]Group, 0, len(groups))
	for _, g := range groups {
		all = append(all, g)
	}
	slices.SortFunc(all, func(a, b Group) int { return strings.Compare(a.Key, b.Key) })
	for part := range slices.Chunk(all, chunk) {
		var args []any
		for _, g := range part {
			args = append(args, g.Key, encode(g.Labels), g.NextFlushAt)
		}
		q := `INSERT INTO alert_group (key, labels, next_flush_at) VALUES ` + strings.TrimSuffix(strings.Repeat("(?, ?, ?), ", len(part)), ", ") + `
			ON CONFLICT (key) DO UPDATE SET next_flush_at = CASE
				WHEN alert_group.next_flush_at IS NULL OR alert_group.next_flush_at > excluded.next_flush_at THEN excluded.next_flush_at
				ELSE alert_group.next_flush_at END`
		if _, err := tx.NewRaw(q, args...).Exec(ctx); err != nil {
			return fmt.Errorf("write groups: %w", err)
		}
	}
	return nil
}

func scheduleGroup(ctx context.Context, tx *db.Tx, g Group, due time.Time) error {
	const q = `UPDATE alert_group SET next_flush_at = ?, last_flushed_at = ?, last_notified_at = ? WHERE key = ?`
	if _, err := tx.NewRaw(q, null(due), null(g.LastFlushedAt), null(g.LastNotifiedAt), g.Key).Exec(ctx); err != nil {
		return fmt.Errorf("write group %s: %w", g.Key, err)
	}
	return nil
}

func dueGroups(ctx context.Context, q db.Queryer, now time.Time) ([]string, error) {
	var keys []string
	if err := q.NewRaw(`SELECT key FROM alert_group WHERE next_flush_at <= ? ORDER BY next_flush_at, key`, now).Scan(ctx, &keys); err != nil {
		return nil, fmt.Errorf("read groups that are due: %w", err)
	}
	return keys, nil
}

func nextDue(ctx context.Context, q db.Queryer) (time.Time, error) {
	var r groupRow
	err := q.NewRaw("SELECT "+groupColumns+" FROM alert_group WHERE next_flush_at IS NOT NULL ORDER BY next_flush_at LIMIT 1").Scan(ctx, &r)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("read the next group: %w", err)
	}
	return r.NextFlushAt.UTC(), nil
}
