package notify

import (
	"cmp"
	"context"
	"slices"

	"github.com/vigie-ops/vigie/internal/respond/alert"
)

// together returns the deliveries that are told in the message of d, the oldest
// first; d alone where nothing was folded.
func (c *Courier) together(ctx context.Context, d Delivery) ([]Delivery, error) {
	if d.Digest == "" {
		return []Delivery{d}, nil
	}
	return deliveriesWhere(ctx, c.o.DB.Read(), "digest = ? ORDER BY created_at, id", d.Digest)
}

// alertsOf returns the ids of all alerts that deliveries are about, each once.
func alertsOf(ds []Delivery) []string {
	var ids []string
	seen := map[string]bool{}
	for _, d := range ds {
		for _, a := range d.Alerts {
			if !seen[a] {
				seen[a] = true
				ids = append(ids, a)
			}
		}
	}
	return ids
}

// listPart bounds the ids of one question to the board.
const listPart = 500

// openAmong reports whether one of the alerts is still open.
func (c *Courier) openAmong(ctx context.Context, ids []string) (bool, error) {
	for part := range slices.Chunk(ids, listPart) {
		page, err := c.o.Board.List(ctx, alert.Filter{State: "open", IDs: part, Limit: 1})
		if err != nil || len(page.Items) > 0 {
			return err == nil, err
		}
	}
	return false, nil
}

// message returns the message that carries deliveries, as it was when they were
// written. The first of ds is not special: lead names the one that is sent.
func (c *Courier) message(lead Delivery, ds []Delivery) (Message, error) {
	m, err := lead.parsed()
	if err != nil || len(ds) < 2 {
		return m, err
	}
	items := map[string]Item{}
	kinds := map[Kind]bool{}
	var notices []NoticeItem
	for _, d := range ds {
		one, err := d.parsed()
		if err != nil {
			return m, err
		}
		kinds[one.Kind] = true
		notices = append(notices, one.Notices...)
		for _, i := range one.Alerts {
			items[i.ID] = i // what was said last counts
		}
	}
	m.Alerts = m.Alerts[:0]
	for _, i := range items {
		m.Alerts = append(m.Alerts, i)
	}
	slices.SortFunc(m.Alerts, func(x, y Item) int {
		return cmp.Or(cmp.Compare(x.State, y.State), cmp.Compare(y.Severity.Rank(), x.Severity.Rank()), x.StartedAt.Compare(y.StartedAt), cmp.Compare(x.ID, y.ID))
	})
	m.Alerts = m.Alerts[:min(len(m.Alerts), maxItems)]
	m.Total, m.Folded, m.At = len(alertsOf(ds)), len(ds), lead.FoldedAt
	m.Issue, m.Reason, m.GroupKey, m.Group = nil, "", "", nil
	slices.SortStableFunc(notices, func(x, y NoticeItem) int { return cmp.Compare(worst(y).Rank(), worst(x).Rank()) })
	m.Notices = notices[:min(len(notices), maxItems)]
	m.Untold = len(notices) - len(m.Notices)
	if len(m.Alerts) == 0 {
		m.Severity = worst(m.Notices...)
		return m, nil
	}
	m.Severity, m.Kind = m.Alerts[0].Severity, KindFiring
	switch {
	case m.Alerts[0].State == alert.Resolved:
		m.Kind = KindResolved
	case kinds[KindReminder] && !kinds[KindFiring]:
		m.Kind = KindReminder
	}
	switch {
	case len(m.Notices) == 0:
	case m.Kind == KindResolved: // what is over does not lead
		m.Kind, m.Severity = KindNotice, worst(m.Notices...)
	case worst(m.Notices...).Rank() > m.Severity.Rank():
		m.Severity = worst(m.Notices...)
	}
	return m, nil
}
