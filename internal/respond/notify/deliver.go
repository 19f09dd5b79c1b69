package notify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/riverqueue/river"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/lib/secret"
	"github.com/vigie-ops/vigie/internal/respond/logbook"
)

// deliverArgs is the durable job that sends one delivery.
type deliverArgs struct {
	Delivery string `json:"delivery"`
}

// Kind names the job.
func (deliverArgs) Kind() string { return "notify_deliver" }

// sendTimeout bounds one attempt to send.
const sendTimeout = 40 * time.Second

// noteTimeout bounds writing down what became of it, for thousands of issues
// where as many deliveries were folded.
const noteTimeout = 30 * time.Second

// Handle has the courier's jobs worked by j.
func (c *Courier) Handle(j *db.Jobs) {
	db.Handle(j, db.Worker[deliverArgs]{
		Work: func(ctx context.Context, job *river.Job[deliverArgs]) error {
			wait, err := c.send(ctx, job.Args.Delivery)
			if err == nil && wait > 0 {
				return river.JobSnooze(wait)
			}
			return err
		},
		Timeout: longestTurn + sendTimeout + noteTimeout + 10*time.Second,
		Backoff: pause,
	})
}

// Send tries once to send a delivery that is still to be sent, and writes down
// what became of it. It returns an error when it should be tried again.
func (c *Courier) Send(ctx context.Context, delivery string) error {
	wait, err := c.send(ctx, delivery)
	if err == nil && wait > 0 {
		return fmt.Errorf("delivery %s waits for another %s: its address or its channel has enough for now", delivery, wait)
	}
	return err
}

// crowdedPause is the pause of a message whose channel hangs.
const crowdedPause = 10 * time.Second

// send is Send for the queue: a delivery that was not tried, because its turn is
// not yet, says how long to wait.
func (c *Courier) send(ctx context.Context, delivery string) (wait time.Duration, err error) {
	if !c.begin(delivery) {
		return 0, nil
	}
	defer c.end(delivery)
	d, err := deliveryByID(ctx, c.o.DB.Read(), delivery)
	if err != nil || !d.due() {
		return 0, err
	}
	give, err := c.turnOf(d.Channel).takeFor(ctx, d.Urgency)
	if errors.Is(err, errCrowded) {
		return crowdedPause, nil
	}
	if err != nil {
		return 0, err
	}
	defer give()
	if d, err = deliveryByID(ctx, c.o.DB.Read(), delivery); err != nil || !d.due() {
		return 0, err
	}
	if c.now().Sub(d.CreatedAt) >= patience {
		return 0, c.result(ctx, d, errGivenUp)
	}
	if claimed, wait, err := c.claim(ctx, d); err != nil || !claimed {
		return wait, err
	}
	if d, err = deliveryByID(ctx, c.o.DB.Read(), delivery); err != nil {
		return 0, err
	}
	err = c.attempt(ctx, d)
	// What became of it is written even while the hub stops: a message that is
	// sent and not noted is sent again.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTimeout)
	defer cancel()
	return 0, c.result(ctx, d, err)
}

// begin keeps one process from sending a delivery twice at once.
func (c *Courier) begin(delivery string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inFlight[delivery] {
		return false
	}
	c.inFlight[delivery] = true
	return true
}

func (c *Courier) end(delivery string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.inFlight, delivery)
}

// attempt sends the message.
func (c *Courier) attempt(ctx context.Context, d Delivery) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	config, ok := (*c.channels.Load())[d.Channel]
	if !ok {
		return fmt.Errorf("the operations repository has no channel %q any more", d.Channel)
	}
	newChannel, ok := c.o.Kinds[config.Kind]
	if !ok {
		return fmt.Errorf("channel %q is of a kind that this program does not have: %q", d.Channel, config.Kind)
	}
	for _, ref := range []secret.Ref{config.Password, config.Secret, config.URL.Ref} {
		if c.o.MayRead == nil {
			break
		}
		if err := c.o.MayRead(ref); err != nil {
			return Broken(Permanent(fmt.Errorf("channel %q: %w", d.Channel, err)))
		}
	}
	channel, err := newChannel(ctx, config)
	if err != nil {
		return Broken(fmt.Errorf("channel %q: %w", d.Channel, err))
	}
	m, err := c.compose(ctx, d)
	if err != nil {
		return err
	}
	return channel.Send(ctx, m)
}

// compose writes the message as it is now: with the recipient's own link, and
// with a word when all of it resolved while it waited.
func (c *Courier) compose(ctx context.Context, d Delivery) (Message, error) {
	ds, err := c.together(ctx, d)
	if err != nil {
		return Message{}, err
	}
	m, err := c.message(d, ds)
	if err != nil {
		return m, err
	}
	if m.Kind != KindResolved && m.Kind != KindTest && m.Kind != KindNotice {
		open, err := c.openAmong(ctx, alertsOf(ds))
		if err != nil {
			return m, err
		}
		m.Meanwhile = !open
		if m.Meanwhile && len(m.Notices) > 0 { // what is left to tell
			m.Kind, m.Severity = KindNotice, worst(m.Notices...)
		}
		if !m.Meanwhile && d.Person != "" {
			if m.AckURL, err = c.Links().url(ctx, d); err != nil && ctx.Err() != nil {
				return m, err
			}
			// Somebody has to know, with a link or without one.
			m.NoLink = err != nil
			if logged := c.linkless.Swap(m.NoLink); m.NoLink && !logged {
				c.o.Log.Error("messages go out without a link to acknowledge", "err", err)
			}
		}
	}
	if err := c.dress(&m); err != nil {
		return m, err
	}
	return m, nil
}

var errGivenUp = errors.New("it could not be sent for a day")

// result writes down what became of an attempt.
func (c *Courier) result(ctx context.Context, d Delivery, sendErr error) error {
	ds, err := c.together(ctx, d)
	if err != nil {
		return err
	}
	err = c.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		state := Queued
		switch {
		case sendErr == nil:
			state, d.SentAt, d.LastError = Sent, c.now(), ""
		case errors.Is(sendErr, errGivenUp):
			state = GivenUp
		case IsPermanent(sendErr):
			state = Failed
		}
		if sendErr != nil && state != GivenUp {
			d.LastError = clip(oneLine(sendErr.Error()), 500)
		}
		const q = `UPDATE notify_delivery SET state = ?, sent_at = ?, last_error = ?, message_id = ? WHERE id = ? OR digest = ?`
		if _, err := tx.NewRaw(q, string(state), null(d.SentAt), d.LastError, d.MessageID, d.ID, d.ID).Exec(ctx); err != nil {
			return fmt.Errorf("write the result of delivery %s: %w", d.ID, err)
		}
		if err := c.health(ctx, tx, d, sendErr); err != nil {
			return err
		}
		tx.After(func() { c.wake(); c.o.Changed(TopicNotifications) })
		switch {
		case state == Sent:
			return c.noteSent(ctx, tx, d, ds)
		case state != Queued || d.Attempts == 1:
			return c.noteFailures(ctx, tx, ds, d.LastError)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if sendErr != nil && !IsPermanent(sendErr) && !errors.Is(sendErr, errGivenUp) {
		return fmt.Errorf("send delivery %s: %w", d.ID, sendErr)
	}
	return nil
}

// whom names the addressee for the timeline.
func (c *Courier) whom(d Delivery) string {
	if d.Person == "" {
		return d.Channel
	}
	name := d.Person
	if p, ok := c.o.People.Person(d.Person); ok && p.Name != "" {
		name = p.Name
	}
	return name + " by " + d.Channel
}

// eachIssue returns one of the deliveries for each issue, the latest.
func eachIssue(ds []Delivery) []Delivery {
	var out []Delivery
	at := map[string]int{}
	for _, d := range ds {
		if i, ok := at[d.Issue]; ok {
			out[i] = d
			continue
		}
		at[d.Issue] = len(out)
		out = append(out, d)
	}
	return out
}

// noteSent has the timeline of each issue say that the person was told by the
// message of lead, once.
func (c *Courier) noteSent(ctx context.Context, tx *db.Tx, lead Delivery, ds []Delivery) error {
	for _, d := range eachIssue(ds) {
		if d.Issue == "" || c.o.Book == nil {
			continue
		}
		text := c.whom(d) + ": " + d.Subject
		if len(ds) > 1 {
			text += fmt.Sprintf(", in one message with %d others", len(ds)-1)
		}
		if err := c.o.Book.Note(ctx, tx, d.Issue, logbook.Entry{At: c.now(), Kind: logbook.KindSent, Text: text, Ref: "delivery:" + lead.ID}); err != nil {
			return err
		}
	}
	return nil
}

func (c *Courier) noteFailures(ctx context.Context, tx *db.Tx, ds []Delivery, why string) error {
	for _, d := range eachIssue(ds) {
		if err := c.noteFailure(ctx, tx, d, why); err != nil {
			return err
		}
	}
	return nil
}

func (c *Courier) noteFailure(ctx context.Context, tx *db.Tx, d Delivery, why string) error {
	if d.Issue == "" || c.o.Book == nil {
		return nil
	}
	return c.o.Book.Note(ctx, tx, d.Issue, logbook.Entry{At: c.now(), Kind: logbook.KindFailed, Text: c.whom(d) + ": " + why, Ref: "delivery:" + d.ID})
}
