package run

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/signal"
)

// subjects are what a run needs for itself alone: its servers, and the
// instances on them, so that two servers of one instance are not changed by two
// runs at a time. What changes nothing needs nothing.
func subjects(r Run, f *fleet.Snapshot) []string {
	if r.Kind != Real {
		return nil
	}
	var out []string
	for _, s := range r.Servers {
		out = append(out, signal.Subject{Kind: signal.Server, Slug: s}.String())
		for _, i := range f.InstancesOn(s) {
			out = append(out, signal.Subject{Kind: signal.Instance, Slug: i.Slug}.String())
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// locks returns which run holds what.
func locks(ctx context.Context, q db.Queryer) (map[string]int64, error) {
	var rows []struct {
		Subject string `bun:"subject"`
		Number  int64  `bun:"number"`
	}
	if err := q.NewRaw(`SELECT l.subject, r.number FROM run_lock l JOIN run_run r ON r.id = l.run`).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("read locks: %w", err)
	}
	out := make(map[string]int64, len(rows))
	for _, r := range rows {
		out[r.Subject] = r.Number
	}
	return out, nil
}

// lock gives a run what it needs, or fails with a conflict.
func lock(ctx context.Context, tx *db.Tx, run string, all []string) error {
	for some := range slices.Chunk(all, chunk) {
		args := make([]any, 0, 2*len(some))
		for _, s := range some {
			args = append(args, s, run)
		}
		q := `INSERT INTO run_lock (subject, run) VALUES (?, ?)` + strings.Repeat(", (?, ?)", len(some)-1)
		if _, err := tx.NewRaw(q, args...).Exec(ctx); err != nil {
			return fmt.Errorf("lock: %w", err)
		}
	}
	return nil
}

// unlock takes back what a run held.
func unlock(ctx context.Context, tx *db.Tx, run string) error {
	if _, err := tx.NewRaw(`DELETE FROM run_lock WHERE run = ?`, run).Exec(ctx); err != nil {
		return fmt.Errorf("unlock: %w", err)
	}
	return nil
}

// queue decides which of the runs that wait may start now, oldest first, and
// why each of the others waits. What an older run waits for is kept for it, so
// that a run on many servers starts one day.
func queue(waiting []Run, needs func(Run) []string, held map[string]int64, running, most int) (start []Run, why map[string]string) {
	why = map[string]string{}
	kept := map[string]int64{}
	for s, n := range held {
		kept[s] = n
	}
	for _, r := range waiting {
		mine := needs(r)
		cause := ""
		for _, s := range mine {
			if n, taken := kept[s]; taken {
				cause = fmt.Sprintf("run #%d has %s", n, signal.ParseSubject(s).Slug)
				break
			}
		}
		if cause == "" && running >= most {
			cause = fmt.Sprintf("%d runs are under way, which is as many as there may be", running)
		}
		if cause == "" {
			start = append(start, r)
			running++
		} else {
			why[r.ID] = cause
		}
		for _, s := range mine {
			if _, taken := kept[s]; !taken {
				kept[s] = r.Number
			}
		}
	}
	return start, why
}
