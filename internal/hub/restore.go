package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
)

// Restore puts a backup into the data folder and the state that a configuration
// names. Everything is checked before anything is written. With replace, what
// the data folder holds is moved aside, and where to is returned.
func Restore(ctx context.Context, c Config, from string, replace bool, log *slog.Logger, progress func(done, all int64)) (m Manifest, aside string, err error) {
	if m, err = readManifest(from); err != nil {
		return m, "", err
	}
	if m.Engine != c.State.Engine {
		return m, "", fmt.Errorf("the backup is of a state in %s, and the configuration names one in %s", m.Engine, c.State.Engine)
	}
	if err := checkSums(ctx, from, m, progress); err != nil {
		return m, "", err
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return m, "", fmt.Errorf("make the data folder: %w", err)
	}
	unlock, err := LockFolder(c.Data)
	if err != nil {
		return m, "", err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	owner, err := os.Stat(c.Data)
	if err != nil {
		return m, "", err
	}
	if aside, err = makeRoom(c.Data, replace); err != nil {
		return m, aside, err
	}
	if m.Engine == string(db.Postgres) {
		address, err := c.State.URL.Resolve(ctx)
		if err != nil {
			return m, aside, err
		}
		if err := db.LoadPostgres(ctx, string(address), filepath.Join(from, stateFile(m.Engine))); err != nil {
			return m, aside, fmt.Errorf("load the state: %w", err)
		}
	}
	if err := putBack(ctx, from, c.Data, m); err != nil {
		return m, aside, err
	}
	if err := giveTo(c.Data, owner); err != nil {
		return m, aside, err
	}
	// Its keys open only under the master key that they were sealed with.
	tools, err := OpenTools(ctx, c, log)
	if err != nil {
		return m, aside, fmt.Errorf("all is there again, but the hub would not start: %w", err)
	}
	return m, aside, errors.Join(tools.Close(), giveTo(c.Data, owner))
}

func readManifest(from string) (Manifest, error) {
	var m Manifest
	text, err := os.ReadFile(filepath.Join(from, manifestFile))
	if errors.Is(err, fs.ErrNotExist) {
		return m, fmt.Errorf("%s is no backup, or one that was not finished: it has no %s", from, manifestFile)
	}
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("%s: %w", filepath.Join(from, manifestFile), err)
	}
	if m.Format != 1 {
		return m, fmt.Errorf("the backup has the format %d, which a newer Vigie makes; this one reads 1", m.Format)
	}
	return m, nil
}

// checkSums reads every file of a backup before anything is done with it.
func checkSums(ctx context.Context, from string, m Manifest, progress func(done, all int64)) error {
	all, done, states := m.Bytes(), int64(0), 0
	for _, f := range m.Files {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !filepath.IsLocal(filepath.FromSlash(f.Path)) {
			return fmt.Errorf("the backup names a file outside of it: %s", f.Path)
		}
		if f.Path == stateFile(m.Engine) {
			states++
		} else if !strings.HasPrefix(f.Path, dataFolder+"/") {
			return fmt.Errorf("the backup has a file that belongs nowhere: %s", f.Path)
		}
		sum, _, err := sumOf(filepath.Join(from, filepath.FromSlash(f.Path)))
		if err != nil {
			return fmt.Errorf("the backup is not whole: %w", err)
		}
		if sum != f.SHA256 {
			return fmt.Errorf("the backup is damaged: %s is not what was saved; nothing was restored", f.Path)
		}
		if done += f.Size; progress != nil {
			progress(done, all)
		}
	}
	if states != 1 {
		return errors.New("the backup has no state; nothing was restored")
	}
	return nil
}

// makeRoom refuses a data folder that holds something, or moves that aside.
func makeRoom(data string, replace bool) (aside string, err error) {
	names, err := os.ReadDir(data)
	if err != nil {
		return "", err
	}
	for _, n := range names {
		if n.Name() == "lock" || strings.HasPrefix(n.Name(), beforeRestore) {
			continue
		}
		if !replace {
			return "", fmt.Errorf("%s holds something already, such as %s; move it away, or have it moved aside with --replace", data, n.Name())
		}
		if aside == "" {
			aside = filepath.Join(data, beforeRestore+time.Now().UTC().Format("20060102T150405"))
			if err := os.Mkdir(aside, 0o700); err != nil {
				return "", err
			}
		}
		if err := os.Rename(filepath.Join(data, n.Name()), filepath.Join(aside, n.Name())); err != nil {
			return aside, fmt.Errorf("move aside what is there: %w", err)
		}
	}
	return aside, nil
}

// beforeRestore begins the name of what a restore moved aside.
const beforeRestore = "before-restore-"

func putBack(ctx context.Context, from, data string, m Manifest) error {
	for _, f := range m.Files {
		if err := ctx.Err(); err != nil {
			return err
		}
		to, ok := strings.CutPrefix(f.Path, dataFolder+"/")
		if !ok {
			if m.Engine == string(db.Postgres) {
				continue
			}
			to = f.Path
		}
		if err := copyFile(filepath.Join(from, filepath.FromSlash(f.Path)), filepath.Join(data, filepath.FromSlash(to)), f.Size); err != nil {
			return fmt.Errorf("restore %s: %w", to, err)
		}
	}
	return nil
}

// giveTo gives all files to who has the data folder: the command is root's, and
// the hub may not be.
func giveTo(data string, owner fs.FileInfo) error {
	o, ok := owner.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 {
		return nil
	}
	return filepath.WalkDir(data, func(name string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(name, int(o.Uid), int(o.Gid))
	})
}
