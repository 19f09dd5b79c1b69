package db

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

// Schema is the tables of one room: files schema/001_*.sql, applied in order,
// never changed once released. No foreign key leaves the room.
type Schema struct {
	Room string // prefix of its tables, and of its version table
	FS   fs.FS
}

// migrationLock is the advisory lock that lets one of several hubs migrate a
// PostgreSQL at a time. The number says "vigie".
const migrationLock = 0x7669676965

// Migrate brings the tables of all rooms, and those of the job queue, to what
// this program knows. It refuses a state that a newer program wrote, and
// copies a SQLite file that has content before it changes it.
func (d *DB) Migrate(ctx context.Context, schemas ...Schema) error {
	if d.engine == Postgres {
		conn, err := d.pool.Acquire(ctx)
		if err != nil {
			return fmt.Errorf("migrate state: %w", err)
		}
		defer conn.Release()
		if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", int64(migrationLock)); err != nil {
			return fmt.Errorf("migrate state: %w", err)
		}
		defer func() {
			_, _ = conn.Exec(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", int64(migrationLock))
		}()
	}
	type step struct {
		room string
		p    *goose.Provider
	}
	var todo []step
	fresh := true
	for _, s := range schemas {
		p, err := d.provider(s)
		if err != nil {
			return fmt.Errorf("migrate %s: %w", s.Room, err)
		}
		now, known, err := p.GetVersions(ctx)
		if err != nil {
			return fmt.Errorf("migrate %s: %w", s.Room, err)
		}
		if now > known {
			return fmt.Errorf("the state's tables of %s are at version %d, this program knows %d: a newer vigie wrote them; run that one, or restore the copy it made before it changed them", s.Room, now, known)
		}
		if now > 0 {
			fresh = false
		}
		if now < known {
			todo = append(todo, step{s.Room, p})
		}
	}
	jobs, err := d.queue.pending(ctx)
	if err != nil {
		return err
	}
	if len(todo) == 0 && !jobs {
		return nil
	}
	if !fresh {
		if err := d.copyBefore(ctx); err != nil {
			return err
		}
	}
	if jobs {
		if err := d.queue.migrate(ctx); err != nil {
			return err
		}
	}
	for _, s := range todo {
		done, err := s.p.Up(ctx)
		if err != nil {
			return fmt.Errorf("migrate %s: %w", s.room, err)
		}
		if !fresh {
			d.log.Info("tables migrated", "room", s.room, "steps", len(done))
		}
	}
	return nil
}

func (d *DB) provider(s Schema) (*goose.Provider, error) {
	sub, err := fs.Sub(s.FS, "schema")
	if err != nil {
		return nil, err
	}
	if err := checkNames(sub); err != nil {
		return nil, err
	}
	dialect := goose.DialectSQLite3
	if d.engine == Postgres {
		dialect = goose.DialectPostgres
	}
	store, err := database.NewStore(dialect, s.Room+"_version")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider("", d.write.DB, sub, goose.WithStore(store), goose.WithDisableGlobalRegistry(true))
}

// checkNames keeps a room's files countable: 001_words.sql, 002_…, no gap.
func checkNames(files fs.FS) error {
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return err
	}
	for i, n := range names {
		number, _, _ := strings.Cut(path.Base(n), "_")
		if v, err := strconv.Atoi(number); err != nil || v != i+1 || len(number) != 3 {
			return fmt.Errorf("schema file %s: want %03d_WORDS.sql", n, i+1)
		}
	}
	return nil
}

// copyBefore keeps a copy of a SQLite state beside it. A copy of an earlier
// migration is replaced: it is the last step that one may want to undo.
func (d *DB) copyBefore(ctx context.Context) error {
	if d.engine != SQLite {
		return nil
	}
	to := d.path + ".before-migration"
	if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("copy state before migration: %w", err)
	}
	if _, err := d.write.NewRaw("VACUUM INTO ?", to).Exec(ctx); err != nil {
		return fmt.Errorf("copy state before migration: %w", err)
	}
	if err := os.Chmod(to, 0o600); err != nil {
		return fmt.Errorf("copy state before migration: %w", err)
	}
	d.log.Info("state copied before migration", "copy", to)
	return nil
}
