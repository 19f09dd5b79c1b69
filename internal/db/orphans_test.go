package db_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/riverqueue/river"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/db/dbtest"
)

// A process that is killed leaves its jobs marked as running. The next one of
// the same name works them at once; on PostgreSQL those of others stay theirs.
func TestAStartTakesUpTheJobsThatAKillCutOff(t *testing.T) {
	f := func(t *testing.T, c db.Config) {
		c.Worker = "hub-a"
		d := dbtest.Open(t, c)
		ctx, cancel := context.WithCancel(context.Background())
		err := d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			for _, bell := range []string{"mine", "theirs"} {
				if err := tx.Enqueue(ctx, ringArgs{bell}, nil); err != nil {
					return err
				}
			}
			for bell, by := range map[string]string{"mine": "hub-a", "theirs": "hub-b"} {
				list := `["hub-0","` + by + `"]`
				if d.Engine() == db.Postgres {
					list = `{hub-0,` + by + `}`
				}
				q := `UPDATE river_job SET state = 'running', attempt = 2, attempted_at = created_at, attempted_by = ? WHERE CAST(args AS TEXT) LIKE ?`
				if d.Engine() == db.SQLite {
					q = `UPDATE river_job SET state = 'running', attempt = 2, attempted_at = created_at, attempted_by = jsonb(?) WHERE json(args) LIKE ?`
				}
				if _, err := tx.NewRaw(q, list, "%"+bell+"%").Exec(ctx); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		jobs := db.NewJobs(d, slog.New(slog.DiscardHandler))
		rung := make(chan string, 10)
		db.Handle(jobs, db.Worker[ringArgs]{Work: func(_ context.Context, job *river.Job[ringArgs]) error {
			rung <- job.Args.Bell
			return nil
		}})
		done := make(chan error, 1)
		go func() { done <- jobs.Run(ctx) }()
		want := map[string]bool{"mine": true, "theirs": d.Engine() == db.SQLite}
		for n := 0; n < len(want); n++ {
			if !want["theirs"] && n == 1 {
				break
			}
			select {
			case got := <-rung:
				if !want[got] {
					t.Errorf("rang %q, which another process works", got)
				}
			case <-time.After(20 * time.Second):
				t.Fatal("a job that was cut off is not worked after the start")
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	t.Run("sqlite", func(t *testing.T) { f(t, dbtest.SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { f(t, dbtest.Postgres(t)) })
}
