package db

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
)

// CopyTo writes the whole state, as it is at one moment, into a new file: a
// SQLite database, or a dump in pg_dump's own format. Writers are not held up.
func (d *DB) CopyTo(ctx context.Context, to string) error {
	if d.engine == SQLite {
		if _, err := d.write.NewRaw("VACUUM INTO ?", to).Exec(ctx); err != nil {
			return fmt.Errorf("copy the state: %w", err)
		}
		return os.Chmod(to, 0o600)
	}
	c, err := clientOf(d.pool.Config())
	if err != nil {
		return err
	}
	return c.run(ctx, "pg_dump", "--format=custom", "--no-owner", "--no-privileges", "--schema="+c.schema, "--file="+to)
}

// LoadPostgres puts a dump of CopyTo into an empty schema of PostgreSQL: all of
// it, or nothing.
func LoadPostgres(ctx context.Context, address, from string) error {
	pc, err := pgxpool.ParseConfig(address)
	if err != nil {
		return errors.New("the PostgreSQL URL cannot be read; write postgres://USER@HOST:PORT/DATABASE")
	}
	c, err := clientOf(pc)
	if err != nil {
		return err
	}
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return fmt.Errorf("open PostgreSQL: %w", err)
	}
	defer pool.Close()
	var tables int
	if err := pool.QueryRow(ctx, `SELECT count(*) FROM pg_tables WHERE schemaname = $1`, c.schema).Scan(&tables); err != nil {
		return fmt.Errorf("look into PostgreSQL: %w", err)
	}
	if tables > 0 {
		return fmt.Errorf("the schema %s of that database has %d tables already; name a database that is empty", c.schema, tables)
	}
	if err := c.run(ctx, "pg_restore", "--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges", "--schema="+c.schema, "--dbname="+c.database, from); err != nil {
		return err
	}
	if err := pool.QueryRow(ctx, `SELECT count(*) FROM pg_tables WHERE schemaname = $1`, c.schema).Scan(&tables); err != nil {
		return fmt.Errorf("look into PostgreSQL: %w", err)
	}
	if tables == 0 {
		return fmt.Errorf("the dump has nothing in the schema %s; name the schema that the state had, by search_path in the URL", c.schema)
	}
	return nil
}

// pgClient is how PostgreSQL's own programs reach a database. What they need is
// in their environment, where no list of processes shows the password.
type pgClient struct {
	env              []string
	database, schema string
}

func clientOf(pc *pgxpool.Config) (pgClient, error) {
	cc := pc.ConnConfig
	c := pgClient{database: cc.Database, schema: "public"}
	if s := cc.RuntimeParams["search_path"]; s != "" {
		c.schema = strings.Trim(s, `"`)
	}
	c.env = []string{
		"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "PGHOST=" + cc.Host, "PGPORT=" + strconv.Itoa(int(cc.Port)), "PGUSER=" + cc.User,
		"PGPASSWORD=" + cc.Password, "PGDATABASE=" + cc.Database, "PGAPPNAME=vigie",
	}
	// pgx has made a configuration of TLS of these; the programs want the words.
	u, err := url.Parse(pc.ConnString())
	if err != nil {
		return c, errors.New("the PostgreSQL URL cannot be read; write postgres://USER@HOST:PORT/DATABASE")
	}
	for _, name := range []string{"sslmode", "sslrootcert", "sslcert", "sslkey"} {
		if v := u.Query().Get(name); v != "" {
			c.env = append(c.env, "PG"+strings.ToUpper(name)+"="+v)
		}
	}
	return c, nil
}

func (c pgClient) run(ctx context.Context, program string, args ...string) error {
	path, err := exec.LookPath(program)
	if err != nil {
		return fmt.Errorf("%s is not installed; install Debian's postgresql-client, of the server's version or newer", program)
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = c.env
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, strings.TrimSpace(errs.String()))
	}
	return nil
}
