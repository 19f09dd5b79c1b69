package drift

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/lib/id"
	"github.com/vigie-ops/vigie/internal/operate/playbook"
	"github.com/vigie-ops/vigie/internal/operate/run"
	"github.com/vigie-ops/vigie/internal/opsrepo"
)

// cursor is how far runs were worked in.
type cursor struct {
	Seq     int64     `bun:"seq"`
	BegunAt time.Time `bun:"begun_at"`
}

// begin returns the cursor, and makes it the first time.
func (w *Watch) begin(ctx context.Context) (cursor, error) {
	read := func() (cursor, bool, error) {
		var rows []cursor
		if err := w.o.DB.Read().NewRaw(`SELECT seq, begun_at FROM drift_cursor`).Scan(ctx, &rows); err != nil {
			return cursor{}, false, fmt.Errorf("read how far drift is: %w", err)
		}
		if len(rows) == 0 {
			return cursor{}, false, nil
		}
		return rows[0], true, nil
	}
	c, ok, err := read()
	if ok || err != nil {
		return c, err
	}
	const q = `INSERT INTO drift_cursor (id, seq, begun_at) VALUES (1, 0, ?) ON CONFLICT (id) DO NOTHING`
	if err := w.write(ctx, "begin to look for drift", q, w.now()); err != nil {
		return c, err
	}
	c, _, err = read()
	return c, err
}

// errElsewhere says that another hub worked the run in.
var errElsewhere = errors.New("another hub was faster")

const (
	runsAtOnce  = 20
	hostsAtOnce = 50
)

// follow works in the runs that ended since the last time, in the order of
// their records. The cursor moves with what was learned, so that a run counts
// once, whatever dies in between.
func (w *Watch) follow(ctx context.Context, seq int64) error {
	for {
		ended, err := w.o.Office.EndedAfter(ctx, seq, runsAtOnce)
		if err != nil {
			return err
		}
		for _, r := range ended {
			err := w.work(ctx, seq, r)
			if errors.Is(err, errElsewhere) {
				return nil // the next tick goes on from where that one is
			}
			if err != nil {
				return fmt.Errorf("learn of run #%d: %w", r.Number, err)
			}
			seq = r.Seq
		}
		if len(ended) < runsAtOnce {
			return nil
		}
	}
}

// work learns what one run that ended says.
func (w *Watch) work(ctx context.Context, seq int64, r run.Run) error {
	l, here, err := w.lesson(ctx, r)
	if err != nil {
		return err
	}
	// Learning the same again changes nothing, so a large run may come in parts.
	for hosts := range slices.Chunk(slices.Concat(l.set, l.clear), hostsAtOnce) {
		err := w.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			if err := move(ctx, tx, seq, seq); err != nil {
				return err
			}
			return w.apply(ctx, tx, r, l, hosts, here)
		})
		if err != nil {
			return err
		}
	}
	return w.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := move(ctx, tx, seq, r.Seq); err != nil {
			return err
		}
		if r.Origin != Origin || r.Kind != run.Check {
			return nil
		}
		const q = `
			INSERT INTO drift_look (playbook, ended, number, state, cause, ended_at, servers, seen) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (playbook) DO UPDATE SET ended = excluded.ended, number = excluded.number, state = excluded.state, cause = excluded.cause,
				ended_at = excluded.ended_at, servers = excluded.servers, seen = excluded.seen`
		if _, err := tx.NewRaw(q, r.Playbook, r.ID, r.Number, string(r.State), r.Cause, r.EndedAt, len(r.Servers), len(l.set)+len(l.clear)).Exec(ctx); err != nil {
			return fmt.Errorf("note the end of a look: %w", err)
		}
		w.changed(tx)
		return nil
	})
}

// move moves the cursor, or only holds it for the transaction.
func move(ctx context.Context, tx *db.Tx, from, to int64) error {
	done, err := tx.NewRaw(`UPDATE drift_cursor SET seq = ? WHERE seq = ?`, to, from).Exec(ctx)
	if err != nil {
		return fmt.Errorf("move the cursor: %w", err)
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return errors.Join(errElsewhere, err)
	}
	return nil
}

// lesson is what a run says, with what it found on each server.
func (w *Watch) lesson(ctx context.Context, r run.Run) (lesson, map[string][]found, error) {
	none := lesson{}
	p, ok, err := w.book(ctx, r)
	if err != nil || !ok {
		return none, nil, err
	}
	hosts, err := w.o.Office.Hosts(ctx, r.ID)
	if err != nil {
		return none, nil, err
	}
	tasks, err := w.o.Office.Tasks(ctx, r.ID)
	if err != nil {
		return none, nil, err
	}
	l, ok := learn(r, p, hosts, tasks)
	if !ok {
		return none, nil, nil
	}
	here := map[string][]found{}
	if len(l.set) == 0 {
		return l, here, nil
	}
	for more, after := true, (run.Result{}); more; {
		var some []run.Result
		if some, more, err = w.o.Office.Results(ctx, r.ID, run.ResultFilter{Changed: true, After: after, Limit: 500}); err != nil {
			return none, nil, err
		}
		collect(here, tasks, some)
		if len(some) > 0 {
			after = some[len(some)-1]
		}
	}
	return l, here, nil
}

// book is the playbook of a run as it was at its commit. A real run needs none:
// it clears what is there.
func (w *Watch) book(ctx context.Context, r run.Run) (playbook.Playbook, bool, error) {
	if r.Kind == run.Real {
		return playbook.Playbook{Slug: r.Playbook}, true, nil
	}
	all, _, err := w.o.Office.Catalogue(ctx, r.Commit)
	if problems := (opsrepo.Problems)(nil); errors.Is(err, opsrepo.ErrNoCommit) || errors.As(err, &problems) {
		// Its history was rewritten, or this version of the hub takes it for
		// invalid: there is nothing to hold the check against.
		w.o.Log.Warn("a check counts for nothing, since its commit cannot be read any more", "run", r.Number, "commit", r.Commit)
		return playbook.Playbook{}, false, nil
	}
	if err != nil {
		return playbook.Playbook{}, false, err
	}
	i := slices.IndexFunc(all, func(p playbook.Playbook) bool { return p.Slug == r.Playbook })
	if i < 0 {
		return playbook.Playbook{}, false, nil
	}
	return all[i], true, nil
}

// apply writes what a run says of some servers.
func (w *Watch) apply(ctx context.Context, tx *db.Tx, r run.Run, l lesson, servers []string, here map[string][]found) error {
	known, err := openOn(ctx, tx, r.Playbook, servers)
	if err != nil {
		return err
	}
	var all change
	var looked []any
	for _, s := range servers {
		c := compare(known[s], here[s], l, r, s, id.New)
		all.keep, all.gone = append(all.keep, c.keep...), append(all.gone, c.gone...)
		if slices.Contains(l.looked, s) {
			looked = append(looked, s, r.Playbook, r.ID, r.EndedAt)
		}
	}
	if len(all.keep)+len(all.gone)+len(looked) == 0 {
		return nil
	}
	// The open row of a task must be closed before another of it may begin.
	if err := saveGone(ctx, tx, all.gone); err != nil {
		return err
	}
	if err := saveFound(ctx, tx, all.keep); err != nil {
		return err
	}
	const q = `INSERT INTO drift_looked (server, playbook, run, at) VALUES %s ON CONFLICT (server, playbook) DO UPDATE SET run = excluded.run, at = excluded.at`
	if err := bulk(ctx, tx, q, 4, looked); err != nil {
		return fmt.Errorf("note where was looked: %w", err)
	}
	w.changed(tx)
	return nil
}

// leave ends the findings of servers and playbooks that are not part of the
// look any more: once for each commit that the hub follows, and with each
// nightly look. A playbook stays while the last accepted commit has it, since
// that is what is looked with.
func (w *Watch) leave(ctx context.Context) error {
	g := w.o.Current()
	if g == nil || g.Commit == w.commit {
		return nil
	}
	servers, books := map[string]bool{}, map[string]bool{}
	for _, s := range fleet.NewSnapshot(g).Servers() {
		servers[s.Slug] = !s.Appliance
	}
	for _, p := range checked(playbook.Catalogue.Of(g)) {
		books[p.Slug] = true
	}
	if accepted, _, err := w.books(ctx); err == nil {
		for _, p := range accepted {
			books[p.Slug] = true
		}
	} else if refusal(err) == "" {
		return err
	}
	err := w.o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var pairs []struct {
			Server   string `bun:"server"`
			Playbook string `bun:"playbook"`
		}
		const q = `
			SELECT server, playbook FROM drift_looked
			UNION SELECT server, playbook FROM drift_finding WHERE gone_at IS NULL
			UNION SELECT '', playbook FROM drift_look`
		if err := tx.NewRaw(q).Scan(ctx, &pairs); err != nil {
			return fmt.Errorf("read where was looked: %w", err)
		}
		now, left := w.now(), false
		for _, p := range pairs {
			if books[p.Playbook] && (p.Server == "" || servers[p.Server]) {
				continue
			}
			left = true
			var err error
			do := func(q string, args ...any) {
				if err == nil {
					_, err = tx.NewRaw(q, args...).Exec(ctx)
				}
			}
			if p.Server == "" {
				do(`DELETE FROM drift_look WHERE playbook = ?`, p.Playbook)
			} else {
				do(`DELETE FROM drift_looked WHERE server = ? AND playbook = ?`, p.Server, p.Playbook)
				do(`UPDATE drift_finding SET gone_at = ?, gone_why = ? WHERE server = ? AND playbook = ? AND gone_at IS NULL`, now, string(Left), p.Server, p.Playbook)
			}
			if err != nil {
				return fmt.Errorf("end what is not looked at any more: %w", err)
			}
		}
		if left {
			w.changed(tx)
		}
		return nil
	})
	if err == nil {
		w.commit = g.Commit
	}
	return err
}
