package db

import (
	"context"
	"fmt"
)

// orphans gives the jobs back to the queue that ran when this process was
// killed the last time. River alone would wait until they are surely stuck,
// which is minutes: too long for a message that wakes somebody.
func (d *DB) orphans(ctx context.Context) error {
	// A SQLite state has one process, so that whatever runs at its start is its.
	mine := "TRUE"
	var args []any
	if d.engine == Postgres {
		if d.worker == "" {
			return nil // what runs may be another's
		}
		mine, args = "attempted_by[array_upper(attempted_by, 1)] = ?", []any{d.worker}
	}
	r, err := d.write.NewRaw("UPDATE river_job SET state = 'available' WHERE state = 'running' AND "+mine, args...).Exec(ctx)
	if err != nil {
		return fmt.Errorf("take up jobs that a kill cut off: %w", err)
	}
	if n, err := r.RowsAffected(); err == nil && n > 0 {
		d.log.Info("jobs that a kill cut off are worked again", "jobs", n)
	}
	return nil
}
