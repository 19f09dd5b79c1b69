package notify

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/uptrace/bun"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/signal"
)

// detector names notify in the signals it reports.
const detector = "notify"

// NotificationsFailing is the name of the alert about a channel that fails.
const NotificationsFailing = "NotificationsFailing"

const (
	failingFor   = time.Minute // a channel that fails this long is an alert,
	failingOften = 3           // or this often in a row; one message refused for good is not tried again, so that it fails for no time
	watchEvery   = 10 * time.Second
	lostAfter    = 2 * time.Minute // past its time, a job that is not there is made again
)

// ChannelHealth says whether a channel works.
type ChannelHealth struct {
	Channel      string
	FailingSince time.Time // zero while it works, or only refused a message or two
	Failures     int       // since it last worked
	LastError    string
	LastErrorAt  time.Time
	LastSentAt   time.Time
	Broken       bool // its last error blames the channel itself
	reported     bool
}

// Failing reports whether the channel has failed long or often enough to tell,
// or so that it is certain to fail again.
func (h ChannelHealth) Failing(now time.Time) bool {
	return h.Broken || h.Failures >= failingOften || h.Failures > 0 && !h.FailingSince.IsZero() && now.Sub(h.FailingSince) > failingFor
}

// health counts an attempt for or against its channel.
func (c *Courier) health(ctx context.Context, tx *db.Tx, d Delivery, sendErr error) error {
	now := c.now()
	q := `
		INSERT INTO notify_channel (channel, failing_since, failures, last_error, last_error_at, last_sent_at, reported, broken) VALUES (?, NULL, 0, '', NULL, ?, FALSE, FALSE)
		ON CONFLICT (channel) DO UPDATE SET failing_since = NULL, failures = 0, broken = FALSE, last_error = '', last_sent_at = excluded.last_sent_at`
	args := []any{d.Channel, now}
	if sendErr != nil {
		q = `
			INSERT INTO notify_channel (channel, failing_since, failures, last_error, last_error_at, last_sent_at, reported, broken) VALUES (?, ?, 1, ?, ?, NULL, FALSE, ?)
			ON CONFLICT (channel) DO UPDATE SET failing_since = COALESCE(notify_channel.failing_since, CASE WHEN notify_channel.failures + 1 >= ? THEN excluded.last_error_at ELSE excluded.failing_since END),
				failures = notify_channel.failures + 1, last_error = excluded.last_error, last_error_at = excluded.last_error_at, broken = excluded.broken`
		// A mailbox that is gone says nothing about the channel until others are
		// refused as well. Counted like a failure, it would raise an alert, whose
		// mail to everybody else would end it, and whose end would be refused again.
		since := null(now)
		if IsPermanent(sendErr) && !IsBroken(sendErr) {
			since = bun.NullTime{}
		}
		args = []any{d.Channel, since, d.LastError, now, IsBroken(sendErr), failingOften}
	}
	if _, err := tx.NewRaw(q, args...).Exec(ctx); err != nil {
		return fmt.Errorf("write the health of channel %s: %w", d.Channel, err)
	}
	return nil
}

// Health returns how the channels that were ever used are.
func (c *Courier) Health(ctx context.Context) ([]ChannelHealth, error) {
	var rows []struct {
		Channel      string       `bun:"channel"`
		FailingSince bun.NullTime `bun:"failing_since"`
		Failures     int          `bun:"failures"`
		LastError    string       `bun:"last_error"`
		LastErrorAt  bun.NullTime `bun:"last_error_at"`
		LastSentAt   bun.NullTime `bun:"last_sent_at"`
		Reported     bool         `bun:"reported"`
		Broken       bool         `bun:"broken"`
	}
	const q = `SELECT channel, failing_since, failures, last_error, last_error_at, last_sent_at, reported, broken FROM notify_channel ORDER BY channel`
	if err := c.o.DB.Read().NewRaw(q).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("read the health of channels: %w", err)
	}
	hs := make([]ChannelHealth, len(rows))
	for i, r := range rows {
		hs[i] = ChannelHealth{Channel: r.Channel, FailingSince: utc(r.FailingSince), Failures: r.Failures, LastError: r.LastError,
			LastErrorAt: utc(r.LastErrorAt), LastSentAt: utc(r.LastSentAt), Broken: r.Broken, reported: r.Reported}
	}
	return hs, nil
}

// Name names the service.
func (c *Courier) Name() string { return "notifications" }

// Run watches the channels until ctx is done.
func (c *Courier) Run(ctx context.Context) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	prune := time.NewTimer(pruneAfterStart)
	defer prune.Stop()
	for {
		if err := c.Watch(ctx); err != nil && ctx.Err() == nil {
			c.o.Log.Error("the channels could not be watched", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-c.kick:
		case <-tick.C:
		case <-prune.C:
			prune.Reset(pruneEvery)
			if err := c.Prune(ctx); err != nil && ctx.Err() == nil {
				c.o.Log.Error("old deliveries could not be forgotten", "err", err)
			}
		}
	}
}

// Watch reports the channels that fail and those that work again, and makes
// the jobs of deliveries again that have none. Run calls it.
func (c *Courier) Watch(ctx context.Context) error {
	if err := c.requeue(ctx); err != nil {
		return err
	}
	sink := c.sink.Load()
	if sink == nil {
		return nil
	}
	c.watching.Lock()
	defer c.watching.Unlock()
	if err := c.watchRoutes(ctx, *sink); err != nil {
		return err
	}
	all, err := c.Health(ctx)
	if err != nil {
		return err
	}
	now := c.now()
	for _, h := range all {
		_, configured := (*c.channels.Load())[h.Channel]
		failing := configured && h.Failing(now)
		if !failing && !h.reported {
			continue
		}
		if err := (*sink).Report(ctx, signalOf(h, failing, now)); err != nil {
			return fmt.Errorf("report channel %s: %w", h.Channel, err)
		}
		if failing == h.reported {
			continue
		}
		err := c.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.NewRaw(`UPDATE notify_channel SET reported = ? WHERE channel = ?`, failing, h.Channel).Exec(ctx)
			return err
		})
		if err != nil {
			return fmt.Errorf("write the health of channel %s: %w", h.Channel, err)
		}
	}
	return nil
}

func signalOf(h ChannelHealth, failing bool, now time.Time) signal.Signal {
	s := signal.Signal{
		Detector: detector, Subject: signal.Subject{Kind: signal.Hub}, State: signal.Resolved, At: now, StartsAt: h.FailingSince,
		Labels: map[string]string{signal.LabelName: NotificationsFailing, LabelChannel: h.Channel, signal.LabelSeverity: string(signal.Critical)},
		Annotations: map[string]string{
			signal.Summary:     "Notifications by channel " + h.Channel + " fail",
			signal.Description: "Messages wait and are tried again for a day. The last error was: " + h.LastError,
			signal.Value:       strconv.Itoa(h.Failures) + " failed attempts",
			signal.Limit:       strconv.Itoa(failingOften) + " in a row, one minute, or one that blames the address or the password",
			signal.FirstStep:   "Check that the hub reaches the server of the channel and that its password is still valid.",
		},
	}
	if failing {
		s.State = signal.Firing
	}
	return s
}

// requeue makes jobs again for deliveries whose job is overdue: the table of
// deliveries decides what is still to be sent, not the queue.
func (c *Courier) requeue(ctx context.Context) error {
	if c.now().Sub(c.started) < lostAfter {
		return nil // after a start the queue has its turn first
	}
	lost, err := deliveriesWhere(ctx, c.o.DB.Read(), "state = 'queued' AND digest IN ('', id) AND retry_by < ? ORDER BY urgency DESC, id LIMIT 500", c.now().Add(-lostAfter))
	if err != nil || len(lost) == 0 {
		return err
	}
	return c.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, d := range lost {
			if _, err := tx.NewRaw(`UPDATE notify_delivery SET retry_by = ? WHERE id = ?`, c.now().Add(maxPause), d.ID).Exec(ctx); err != nil {
				return fmt.Errorf("queue delivery %s again: %w", d.ID, err)
			}
			if err := c.enqueue(ctx, tx, d); err != nil {
				return err
			}
		}
		return nil
	})
}
