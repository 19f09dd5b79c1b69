package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/vigie-ops/vigie/internal/db"
)

// State says how far a delivery is.
type State string

// The states of a delivery.
const (
	Queued  State = "queued"
	Sent    State = "sent"
	Failed  State = "failed"   // refused for good
	GivenUp State = "given up" // a day of trying
)

// Delivery is one message to one person by one channel.
type Delivery struct {
	ID        string
	Event     string
	Group     string
	Issue     string
	Channel   string
	Person    string // slug; "" where the channel addresses no person
	Address   string
	Kind      Kind
	Subject   string
	Text      string // only from Get; without the recipient's link
	HTML      string // only from Get; without the recipient's link
	Alerts    []string
	Link      string // path in the console that a notice leads to, if any
	MessageID string
	Digest    string // id of the delivery in whose message this one is told, if there are several
	FoldedAt  time.Time
	Urgency   int // rank of the worst severity
	State     State
	Attempts  int
	LastError string
	CreatedAt time.Time
	SentAt    time.Time

	message string
}

type row struct {
	ID        string       `bun:"id"`
	Event     string       `bun:"event"`
	GroupKey  string       `bun:"group_key"`
	Issue     string       `bun:"issue"`
	Channel   string       `bun:"channel"`
	Person    string       `bun:"person"`
	Address   string       `bun:"address"`
	Kind      string       `bun:"kind"`
	Subject   string       `bun:"subject"`
	Message   string       `bun:"message"`
	Alerts    string       `bun:"alerts"`
	MessageID string       `bun:"message_id"`
	State     string       `bun:"state"`
	Attempts  int          `bun:"attempts"`
	LastError string       `bun:"last_error"`
	CreatedAt time.Time    `bun:"created_at"`
	SentAt    bun.NullTime `bun:"sent_at"`
	Digest    string       `bun:"digest"`
	FoldedAt  bun.NullTime `bun:"folded_at"`
	Urgency   int          `bun:"urgency"`
}

const columns = `id, event, group_key, issue, channel, person, address, kind, subject, message, alerts, message_id, state, attempts, last_error, created_at, sent_at, digest, folded_at, urgency`

func null(t time.Time) bun.NullTime { return bun.NullTime{Time: t.UTC()} }

func utc(t bun.NullTime) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}

func insertDelivery(ctx context.Context, tx *db.Tx, d Delivery, message string, alerts []string) error {
	ids, err := json.Marshal(alerts)
	if err != nil {
		return fmt.Errorf("write a delivery: %w", err)
	}
	const q = `INSERT INTO notify_delivery (` + columns + `, retry_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	_, err = tx.NewRaw(q, d.ID, d.Event, d.Group, d.Issue, d.Channel, d.Person, d.Address, string(d.Kind), d.Subject, message, string(ids),
		d.MessageID, string(d.State), d.Attempts, d.LastError, d.CreatedAt, null(d.SentAt), d.Digest, null(d.FoldedAt), d.Urgency, d.CreatedAt.Add(maxPause)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("write a delivery: %w", err)
	}
	return nil
}

func deliveriesWhere(ctx context.Context, q db.Queryer, where string, args ...any) ([]Delivery, error) {
	var rows []row
	if err := q.NewRaw("SELECT "+columns+" FROM notify_delivery WHERE "+where, args...).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("read deliveries: %w", err)
	}
	ds := make([]Delivery, len(rows))
	for i, r := range rows {
		ds[i] = Delivery{
			ID: r.ID, Event: r.Event, Group: r.GroupKey, Issue: r.Issue, Channel: r.Channel, Person: r.Person, Address: r.Address, Kind: Kind(r.Kind),
			Subject: r.Subject, MessageID: r.MessageID, State: State(r.State), Attempts: r.Attempts, LastError: r.LastError,
			CreatedAt: r.CreatedAt.UTC(), SentAt: utc(r.SentAt), Digest: r.Digest, FoldedAt: utc(r.FoldedAt), Urgency: r.Urgency, message: r.Message,
		}
		if err := json.Unmarshal([]byte(r.Alerts), &ds[i].Alerts); err != nil {
			return nil, fmt.Errorf("read delivery %s: %w", r.ID, err)
		}
		if ds[i].Kind == KindNotice {
			m, err := ds[i].parsed()
			if err != nil {
				return nil, err
			}
			for _, n := range m.Notices {
				ds[i].Link = n.Path
			}
		}
	}
	return ds, nil
}

func deliveryByID(ctx context.Context, q db.Queryer, id string) (Delivery, error) {
	ds, err := deliveriesWhere(ctx, q, "id = ?", id)
	if err != nil {
		return Delivery{}, err
	}
	if len(ds) == 0 {
		return Delivery{}, ErrNotFound
	}
	return ds[0], nil
}

// parsed returns the message of the delivery as it was written.
func (d Delivery) parsed() (Message, error) {
	var m Message
	if err := json.Unmarshal([]byte(d.message), &m); err != nil {
		return m, fmt.Errorf("read the message of delivery %s: %w", d.ID, err)
	}
	m.MessageID = d.MessageID
	return m, nil
}

// due reports whether the job of the delivery has something to send: it waits,
// and no other message carries it.
func (d Delivery) due() bool { return d.State == Queued && (d.Digest == "" || d.Digest == d.ID) }
