package alert

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/signal"
)

// Filter says which alerts to list; what is empty does not filter.
type Filter struct {
	State    string // open, or a word of Alert.Display
	Severity signal.Severity
	Subject  signal.Subject
	Server   string
	Instance string
	Client   string
	Name     string
	Text     string // found in the name, the subject, the labels or the summary
	Group    string
	Issue    string
	Detector string
	ToReview bool
	IDs      []string
	Cursor   string // Page.Next of the page before
	Limit    int    // 100 if zero, at most 1000
}

// Page is one page of a list; Next is empty on the last one.
type Page struct {
	Items []Alert
	Next  string
}

const maxLimit = 1000

// where writes the filter as a condition.
func (f Filter) where() (string, []any) {
	var and []string
	var args []any
	add := func(cond string, a ...any) {
		and = append(and, cond)
		args = append(args, a...)
	}
	switch f.State {
	case shownOpen:
		add("state = 'firing'")
	case ShownFiring:
		add("state = 'firing' AND silenced_by IN ('[]', 'null') AND inhibited_by IN ('[]', 'null') AND acknowledged_by = ''")
	case ShownAcknowledged:
		add("state = 'firing' AND silenced_by IN ('[]', 'null') AND inhibited_by IN ('[]', 'null') AND acknowledged_by <> ''")
	case ShownSilenced:
		add("state = 'firing' AND silenced_by NOT IN ('[]', 'null')")
	case ShownInhibited:
		add("state = 'firing' AND silenced_by IN ('[]', 'null') AND inhibited_by NOT IN ('[]', 'null')")
	case ShownResolved:
		add("state = 'resolved'")
	}
	for column, value := range map[string]string{
		"severity": string(f.Severity), "server": f.Server, "app_instance": f.Instance, "client": f.Client,
		"name": f.Name, "group_key": f.Group, "issue": f.Issue, "detector": f.Detector,
	} {
		if value != "" {
			add(column+" = ?", value)
		}
	}
	if f.Subject.Kind != "" {
		add("subject = ?", f.Subject.String())
	}
	for word := range strings.FieldsSeq(strings.ToLower(f.Text)) {
		add(`words LIKE ? ESCAPE '\'`, "%"+likeEscaper.Replace(word)+"%")
	}
	if f.ToReview {
		add("to_review = TRUE")
	}
	if f.IDs != nil {
		add("id IN (?)", bun.List(append([]string{""}, f.IDs...)))
	}
	if f.Cursor != "" {
		add("id < ?", f.Cursor)
	}
	if len(and) == 0 {
		return "1 = 1", nil
	}
	return strings.Join(and, " AND "), args
}

var likeEscaper = strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`)

// List returns alerts, the newest first.
func (b *Board) List(ctx context.Context, f Filter) (Page, error) {
	if f.Limit <= 0 {
		f.Limit = 100
	}
	f.Limit = min(f.Limit, maxLimit)
	where, args := f.where()
	rs, err := records(ctx, b.o.DB.Read(), where+" ORDER BY id DESC LIMIT ?", append(args, f.Limit+1)...)
	if err != nil {
		return Page{}, err
	}
	var p Page
	if len(rs) > f.Limit {
		rs = rs[:f.Limit]
		p.Next = rs[f.Limit-1].ID
	}
	for _, r := range rs {
		p.Items = append(p.Items, b.fresh(r))
	}
	return p, nil
}

// fresh gives a row that was read the words and the time of the last report,
// which are in memory only for some minutes.
func (b *Board) fresh(r *record) Alert {
	b.cache.RLock()
	defer b.cache.RUnlock()
	if c := b.open[r.Fingerprint]; c != nil && c.ID == r.ID && c.LastReportedAt.After(r.LastReportedAt) {
		r.Annotations, r.LastReportedAt, r.Until = c.Annotations, c.LastReportedAt, c.Until
	}
	return r.Alert
}

// Get returns one alert.
func (b *Board) Get(ctx context.Context, id string) (Alert, error) {
	rs, err := records(ctx, b.o.DB.Read(), "id = ?", id)
	if err != nil {
		return Alert{}, err
	}
	if len(rs) == 0 {
		return Alert{}, ErrNotFound
	}
	return b.fresh(rs[0]), nil
}

// Counts is the board in numbers. Firing, and the severities, count what is
// neither acknowledged nor muted.
type Counts struct {
	Firing, Critical, Warning, Info   int
	Acknowledged, Silenced, Inhibited int
	ToReview                          int
}

// Counts returns the board in numbers.
func (b *Board) Counts(ctx context.Context) (Counts, error) {
	const q = `
		SELECT severity,
			CASE
				WHEN state = 'resolved' THEN 'to review'
				WHEN silenced_by NOT IN ('[]', 'null') THEN 'silenced'
				WHEN inhibited_by NOT IN ('[]', 'null') THEN 'inhibited'
				WHEN acknowledged_by <> '' THEN 'acknowledged'
				ELSE 'firing'
			END AS shown,
			COUNT(*) AS n
		FROM alert_alert
		WHERE state = 'firing' OR to_review = TRUE
		GROUP BY 1, 2`
	var rows []struct {
		Severity string `bun:"severity"`
		Shown    string `bun:"shown"`
		N        int    `bun:"n"`
	}
	if err := b.o.DB.Read().NewRaw(q).Scan(ctx, &rows); err != nil {
		return Counts{}, fmt.Errorf("count alerts: %w", err)
	}
	var c Counts
	for _, r := range rows {
		switch r.Shown {
		case ShownFiring:
			c.Firing += r.N
			switch signal.Severity(r.Severity) {
			case signal.Critical:
				c.Critical += r.N
			case signal.Warning:
				c.Warning += r.N
			case signal.Info:
				c.Info += r.N
			}
		case ShownAcknowledged:
			c.Acknowledged += r.N
		case ShownSilenced:
			c.Silenced += r.N
		case ShownInhibited:
			c.Inhibited += r.N
		default:
			c.ToReview += r.N
		}
	}
	return c, nil
}

// Groups returns the groups that have open alerts, with them.
func (b *Board) Groups(ctx context.Context) ([]Group, error) {
	rs, err := openRecords(ctx, b.o.DB.Read())
	if err != nil {
		return nil, err
	}
	var rows []groupRow
	const q = `SELECT ` + groupColumns + ` FROM alert_group WHERE key IN (SELECT group_key FROM alert_alert WHERE state = 'firing') ORDER BY key`
	if err := b.o.DB.Read().NewRaw(q).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("read groups: %w", err)
	}
	groups := make([]Group, 0, len(rows))
	for _, row := range rows {
		g, err := row.group()
		if err != nil {
			return nil, err
		}
		groups = append(groups, g)
	}
	for _, r := range rs {
		i, ok := slices.BinarySearchFunc(groups, r.Group, func(g Group, key string) int { return strings.Compare(g.Key, key) })
		if ok {
			groups[i].Alerts = append(groups[i].Alerts, b.fresh(r))
		}
	}
	return groups, nil
}

// Holders returns who has alerts of an issue in hand that fire, the first one
// first, leaving out the alerts of except, which the caller knows better.
func Holders(ctx context.Context, tx *db.Tx, issue string, except []Alert) ([]string, error) {
	ids := []string{""}
	for _, a := range except {
		ids = append(ids, a.ID)
	}
	var by []string
	const q = `
		SELECT acknowledged_by FROM alert_alert
		WHERE issue = ? AND state = 'firing' AND acknowledged_by <> '' AND id NOT IN (?)
		ORDER BY acknowledged_at, id`
	if err := tx.NewRaw(q, issue, bun.List(ids)).Scan(ctx, &by); err != nil {
		return nil, fmt.Errorf("read who has the alerts of issue %s: %w", issue, err)
	}
	return by, nil
}

// Link notes the issue that alerts belong to, in the transaction of Next.Take.
func Link(ctx context.Context, tx *db.Tx, issue string, alerts []string) error {
	for part := range slices.Chunk(alerts, chunk) {
		if _, err := tx.NewRaw(`UPDATE alert_alert SET issue = ? WHERE id IN (?)`, issue, bun.List(part)).Exec(ctx); err != nil {
			return fmt.Errorf("link alerts to issue %s: %w", issue, err)
		}
	}
	return nil
}
