package notify

import (
	"context"
	"strings"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/lib/id"
	"github.com/vigie-ops/vigie/internal/respond/alert"
)

// Filter says which deliveries to list; what is empty does not filter.
type Filter struct {
	Issue   string
	Person  string
	Channel string
	State   State
	Cursor  string // Deliveries.Next of the page before
	Limit   int    // 100 if zero, at most 500
}

// Deliveries is one page of a list, newest first; Next is empty on the last one.
type Deliveries struct {
	Items []Delivery
	Next  string
}

// List returns deliveries, the newest first.
func (c *Courier) List(ctx context.Context, f Filter) (Deliveries, error) {
	and, args := []string{"1 = 1"}, []any{}
	for _, cond := range []struct{ column, value string }{{"issue", f.Issue}, {"person", f.Person}, {"channel", f.Channel}, {"state", string(f.State)}} {
		if cond.value != "" {
			and, args = append(and, cond.column+" = ?"), append(args, cond.value)
		}
	}
	if f.Cursor != "" {
		and, args = append(and, "id < ?"), append(args, f.Cursor)
	}
	if f.Limit <= 0 {
		f.Limit = 100
	}
	f.Limit = min(f.Limit, 500)
	ds, err := deliveriesWhere(ctx, c.o.DB.Read(), strings.Join(and, " AND ")+" ORDER BY id DESC LIMIT ?", append(args, f.Limit+1)...)
	if err != nil {
		return Deliveries{}, err
	}
	page := Deliveries{Items: ds}
	if len(ds) > f.Limit {
		page.Items, page.Next = ds[:f.Limit], ds[f.Limit-1].ID
	}
	return page, nil
}

// Get returns one delivery with its words. The recipient's link is not among
// them: it is theirs alone.
func (c *Courier) Get(ctx context.Context, delivery string) (Delivery, error) {
	d, err := deliveryByID(ctx, c.o.DB.Read(), delivery)
	if err != nil {
		return Delivery{}, err
	}
	ds, err := c.together(ctx, d)
	if err != nil {
		return Delivery{}, err
	}
	lead := d
	for _, one := range ds { // what was sent is the message that carried it
		if one.ID == d.Digest {
			lead = one
		}
	}
	m, err := c.message(lead, ds)
	if err != nil {
		return Delivery{}, err
	}
	if err := c.dress(&m); err != nil {
		return Delivery{}, err
	}
	d.Text, d.HTML = m.Text, m.HTML
	return d, nil
}

// Test sends a message that says it is a test, to a person or to the channel
// alone, and returns its delivery.
func (c *Courier) Test(ctx context.Context, actor, channel, person string) (Delivery, error) {
	var a addressee
	for _, a = range reach(alert.Target{Person: person, Channel: channel}, *c.channels.Load(), c.o.People) {
		break
	}
	event := id.New()
	m := Message{ID: id.New(), Event: event, Kind: KindTest, At: c.now(), To: a.to}
	err := c.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if c.o.Audit != nil {
			if err := c.o.Audit.Record(ctx, tx, "channel.test", "channel:"+channel, "", map[string]any{"person": person, "asked_by": actor}); err != nil {
				return err
			}
		}
		return c.deliver(ctx, tx, m, a)
	})
	if err != nil {
		return Delivery{}, err
	}
	return c.Get(ctx, m.ID)
}
