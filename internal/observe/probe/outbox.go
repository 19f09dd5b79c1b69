package probe

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/signal"
)

// The outbox keeps what fires and what still has to be reported: a signal is
// written in the transaction of the outage it tells of, and stays pending
// until the sink took it. After a start everything that fires is reported
// again.

type signalRow struct {
	Fingerprint string `bun:"fingerprint"`
	Probe       string `bun:"probe"`
	Body        string `bun:"body"`
	Firing      bool   `bun:"firing"`
	Pending     bool   `bun:"pending"`
}

func (r signalRow) signal() (signal.Signal, error) {
	var s signal.Signal
	if err := json.Unmarshal([]byte(r.Body), &s); err != nil {
		return s, fmt.Errorf("read a kept signal: %w", err)
	}
	return s, nil
}

// putSignal keeps a signal to be reported.
func putSignal(ctx context.Context, tx *db.Tx, s signal.Signal) error {
	body, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("keep a signal: %w", err)
	}
	const q = `
		INSERT INTO probe_signal (fingerprint, probe, body, firing, pending)
		VALUES (?, ?, ?, ?, TRUE)
		ON CONFLICT (fingerprint) DO UPDATE SET body = excluded.body, firing = excluded.firing, pending = TRUE`
	_, err = tx.NewRaw(q, s.Fingerprint(), s.Labels[LabelProbe], string(body), s.State == signal.Firing).Exec(ctx)
	return wrap("keep a signal", err)
}

// signalsOf returns the signals of one probe that fire; of all probes if the
// name is empty.
func signalsOf(ctx context.Context, q db.Queryer, probe string) ([]signal.Signal, error) {
	var rows []signalRow
	const query = `SELECT fingerprint, probe, body, firing, pending FROM probe_signal WHERE firing AND (probe = ? OR ? = '') ORDER BY fingerprint`
	if err := q.NewRaw(query, probe, probe).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("read kept signals: %w", err)
	}
	out := make([]signal.Signal, 0, len(rows))
	for _, r := range rows {
		s, err := r.signal()
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// resolveSignals resolves the firing signals of a probe; an empty name means
// each of them.
func resolveSignals(ctx context.Context, tx *db.Tx, probe, name string, at time.Time) error {
	firing, err := signalsOf(ctx, tx, probe)
	if err != nil {
		return err
	}
	for _, s := range firing {
		if name != "" && s.Name() != name {
			continue
		}
		s.State, s.At = signal.Resolved, at.UTC()
		if err := putSignal(ctx, tx, s); err != nil {
			return err
		}
	}
	return nil
}

// repeatAll makes every signal pending again, as a start needs it.
func repeatAll(ctx context.Context, tx *db.Tx) error {
	_, err := tx.NewRaw(`UPDATE probe_signal SET pending = TRUE`).Exec(ctx)
	return wrap("repeat kept signals", err)
}

// deliver reports what is pending. It returns an error as long as the sink
// takes nothing; the caller tries again.
func deliver(ctx context.Context, d *db.DB, sink signal.Sink) error {
	const most = 500
	var rows []signalRow
	const query = `SELECT fingerprint, probe, body, firing, pending FROM probe_signal WHERE pending ORDER BY fingerprint LIMIT ?`
	if err := d.Read().NewRaw(query, most).Scan(ctx, &rows); err != nil {
		return fmt.Errorf("read pending signals: %w", err)
	}
	if len(rows) == 0 {
		return nil
	}
	signals := make([]signal.Signal, len(rows))
	for i, r := range rows {
		var err error
		if signals[i], err = r.signal(); err != nil {
			return err
		}
	}
	if err := sink.Report(ctx, signals...); err != nil {
		return fmt.Errorf("report signals: %w", err)
	}
	err := d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, r := range rows {
			// A signal that changed while it was reported stays pending.
			q := `DELETE FROM probe_signal WHERE fingerprint = ? AND body = ?`
			if r.Firing {
				q = `UPDATE probe_signal SET pending = FALSE WHERE fingerprint = ? AND body = ?`
			}
			if _, err := tx.NewRaw(q, r.Fingerprint, r.Body).Exec(ctx); err != nil {
				return fmt.Errorf("note reported signals: %w", err)
			}
		}
		return nil
	})
	if err == nil && len(rows) == most {
		return deliver(ctx, d, sink)
	}
	return err
}
