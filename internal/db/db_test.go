package db_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/riverqueue/river"
	"github.com/uptrace/bun"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/db/dbtest"
)

const things = `-- +goose Up
CREATE TABLE thing_item (
	name TEXT PRIMARY KEY,
	size BIGINT NOT NULL,
	good BOOLEAN NOT NULL,
	ratio DOUBLE PRECISION NOT NULL,
	made_at TIMESTAMPTZ NOT NULL,
	gone_at TIMESTAMPTZ
);
`

func schema(files ...string) db.Schema {
	m := fstest.MapFS{}
	for i, f := range files {
		m[fmt.Sprintf("schema/%03d_step.sql", i+1)] = &fstest.MapFile{Data: []byte(f)}
	}
	return db.Schema{Room: "thing", FS: m}
}

type item struct {
	Name   string
	Size   int64
	Good   bool
	Ratio  float64
	MadeAt time.Time
	GoneAt *time.Time
}

const insert = `INSERT INTO thing_item (name, size, good, ratio, made_at) VALUES (?, ?, ?, ?, ?)`

func put(d *db.DB, name string, at time.Time) error {
	return d.Write(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.NewRaw(insert, name, 7, true, 0.5, at).Exec(ctx)
		return err
	})
}

func TestOneTextOfSQLFitsBothEngines(t *testing.T) {
	dbtest.Each(t, []db.Schema{schema(things)}, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		at := time.Date(2026, 3, 29, 1, 30, 0, 123456000, time.UTC)
		for i, n := range []string{"a", "b", "c"} {
			if err := put(d, n, at.Add(time.Duration(i)*100*time.Millisecond)); err != nil {
				t.Fatal(err)
			}
		}
		const q = `
			SELECT name, size, good, ratio, made_at, gone_at
			FROM thing_item
			WHERE name IN (?) AND good = ? AND made_at > ?
			ORDER BY made_at`
		var got []item
		if err := d.Read().NewRaw(q, bun.List([]string{"a", "b", "c"}), true, at).Scan(ctx, &got); err != nil {
			t.Fatal(err)
		}
		if len(got) != 2 || got[0].Name != "b" || got[1].Name != "c" {
			t.Fatalf("got %+v, want b and c", got)
		}
		if w := at.Add(100 * time.Millisecond); !got[0].MadeAt.Equal(w) || got[0].GoneAt != nil || !got[0].Good || got[0].Ratio != 0.5 {
			t.Errorf("got %+v, want made at %v, not gone, good, 0.5", got[0], w)
		}
		var one item
		err := d.Read().NewRaw(`SELECT name FROM thing_item WHERE name = ?`, "nobody").Scan(ctx, &one)
		if !errors.Is(err, sql.ErrNoRows) {
			t.Errorf("a row that is not there gives %v, want sql.ErrNoRows", err)
		}
		var newest time.Time
		if err := d.Read().NewRaw(`SELECT MAX(made_at) FROM thing_item`).Scan(ctx, &newest); err != nil || !newest.Equal(at.Add(200*time.Millisecond)) {
			t.Errorf("newest is %v, %v; want %v", newest, err, at.Add(200*time.Millisecond))
		}
	})
}

func TestAWriteHappensAsAWholeOrNotAtAll(t *testing.T) {
	dbtest.Each(t, []db.Schema{schema(things)}, func(t *testing.T, d *db.DB) {
		ctx := context.Background()
		broken := errors.New("broken")
		after := 0
		err := d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			tx.After(func() { after++ })
			if _, err := tx.NewRaw(insert, "half", 1, true, 1.0, time.Now().UTC()).Exec(ctx); err != nil {
				return err
			}
			return broken
		})
		if !errors.Is(err, broken) {
			t.Fatalf("got %v, want the error of the function", err)
		}
		func() {
			defer func() { _ = recover() }()
			_ = d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
				if _, err := tx.NewRaw(insert, "panicked", 1, true, 1.0, time.Now().UTC()).Exec(ctx); err != nil {
					return err
				}
				panic("on purpose")
			})
		}()
		var n int
		if err := d.Read().NewRaw(`SELECT COUNT(*) FROM thing_item`).Scan(ctx, &n); err != nil || n != 0 || after != 0 {
			t.Errorf("%d rows and %d calls after failures (%v), want none", n, after, err)
		}
		if err := put(d, "whole", time.Now().UTC()); err != nil {
			t.Errorf("the next write fails: %v", err)
		}
		if err := put(d, "whole", time.Now().UTC()); !db.Conflict(err) {
			t.Errorf("the same key again gives %v, want a conflict", err)
		}
	})
}

func TestAWriteInsideAWriteIsAnErrorInsteadOfAHang(t *testing.T) {
	dbtest.Each(t, []db.Schema{schema(things)}, func(t *testing.T, d *db.DB) {
		err := d.Write(context.Background(), func(ctx context.Context, _ *db.Tx) error {
			return d.Write(ctx, func(context.Context, *db.Tx) error { return nil })
		})
		if err == nil {
			t.Error("want an error")
		}
	})
}

func TestWhatFollowsAWriteHoldsUpNoOther(t *testing.T) {
	dbtest.Each(t, []db.Schema{schema(things)}, func(t *testing.T, d *db.DB) {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		var after error
		err := d.Write(ctx, func(_ context.Context, tx *db.Tx) error {
			tx.After(func() { after = d.Write(ctx, func(context.Context, *db.Tx) error { return nil }) })
			return nil
		})
		if err != nil || after != nil {
			t.Errorf("the write: %v, one that begins after it: %v", err, after)
		}
	})
}

func TestTheReadPoolCannotWriteOnSQLite(t *testing.T) {
	d := dbtest.Open(t, dbtest.SQLite(t), schema(things))
	if _, err := d.Read().NewRaw(insert, "x", 1, true, 1.0, time.Now().UTC()).Exec(context.Background()); err == nil {
		t.Error("a write through the read pool succeeded")
	}
}

func TestTheStateIsPrivate(t *testing.T) {
	d := dbtest.Open(t, dbtest.SQLite(t), schema(things))
	s, err := os.Stat(d.Path())
	if err != nil {
		t.Fatal(err)
	}
	if s.Mode().Perm() != 0o600 {
		t.Errorf("the state has mode %v, want 0600", s.Mode().Perm())
	}
}

const later = `-- +goose Up
ALTER TABLE thing_item ADD COLUMN colour TEXT NOT NULL DEFAULT 'grey';
`

func TestMigrationsGoForwardAndKeepWhatIsThere(t *testing.T) {
	f := func(t *testing.T, c db.Config) {
		ctx := context.Background()
		d := dbtest.Open(t, c, schema(things))
		if err := put(d, "old", time.Now().UTC()); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second finds nothing to do
			if err := d.Migrate(ctx, schema(things, later)); err != nil {
				t.Fatal(err)
			}
		}
		var colour string
		if err := d.Read().NewRaw(`SELECT colour FROM thing_item`).Scan(ctx, &colour); err != nil || colour != "grey" {
			t.Errorf("colour of the old row is %q, %v; want grey", colour, err)
		}
		err := d.Migrate(ctx, schema(things))
		if err == nil || !strings.Contains(err.Error(), "a newer vigie wrote them") {
			t.Errorf("a newer state gives %v, want a refusal", err)
		}
	}
	t.Run("sqlite", func(t *testing.T) {
		c := dbtest.SQLite(t)
		f(t, c)
		copied := dbtest.Open(t, db.Config{Engine: db.SQLite, Path: c.Path + ".before-migration"}, schema(things))
		var n int
		if err := copied.Read().NewRaw(`SELECT COUNT(*) FROM thing_item`).Scan(context.Background(), &n); err != nil || n != 1 {
			t.Errorf("the copy from before the migration has %d rows, %v; want 1", n, err)
		}
	})
	t.Run("postgres", func(t *testing.T) { f(t, dbtest.Postgres(t)) })
}

func TestASchemaFileOutOfLineIsRefused(t *testing.T) {
	d := dbtest.Open(t, dbtest.SQLite(t))
	bad := db.Schema{Room: "thing", FS: fstest.MapFS{"schema/002_things.sql": {Data: []byte(things)}}}
	if err := d.Migrate(context.Background(), bad); err == nil || !strings.Contains(err.Error(), "002_things.sql") {
		t.Errorf("got %v, want an error that names the file", err)
	}
}

type ringArgs struct {
	Bell string `json:"bell"`
}

func (ringArgs) Kind() string { return "ring" }

func TestAJobExistsIfItsTransactionCommits(t *testing.T) {
	dbtest.Each(t, []db.Schema{schema(things)}, func(t *testing.T, d *db.DB) {
		rung := make(chan string, 10)
		var failed atomic.Bool
		jobs := db.NewJobs(d, slog.New(slog.DiscardHandler))
		db.Handle(jobs, db.Worker[ringArgs]{
			Work: func(_ context.Context, job *river.Job[ringArgs]) error {
				if job.Args.Bell == "second" && failed.CompareAndSwap(false, true) {
					return errors.New("rope broke")
				}
				rung <- job.Args.Bell
				return nil
			},
			Backoff: func(int) time.Duration { return time.Millisecond },
		})
		ring := func(bell string, fail bool) {
			err := d.Write(context.Background(), func(ctx context.Context, tx *db.Tx) error {
				if err := tx.Enqueue(ctx, ringArgs{bell}, nil); err != nil {
					return err
				}
				if fail {
					return errors.New("rolled back")
				}
				return nil
			})
			if (err != nil) != fail {
				t.Fatal(err)
			}
		}
		ring("never", true)
		ring("first", false) // before anybody works

		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- jobs.Run(ctx) }()
		if got := <-rung; got != "first" {
			t.Errorf("rang %q, want first", got)
		}
		ring("second", false) // fails once
		if got := <-rung; got != "second" {
			t.Errorf("rang %q, want second", got)
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("stop: %v", err)
		}
	})
}

func BenchmarkWrite(b *testing.B) {
	for _, c := range []struct {
		name string
		open func(testing.TB) db.Config
	}{{"sqlite", dbtest.SQLite}, {"postgres", dbtest.Postgres}} {
		b.Run(c.name, func(b *testing.B) {
			d := dbtest.Open(b, c.open(b), schema(things))
			for i := range b.N {
				if err := put(d, fmt.Sprint(i), time.Now().UTC()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
