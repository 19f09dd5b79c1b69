package hub

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// manifestFile lists what a backup holds. It is written last.
const manifestFile = "backup.json"

// stateFile is where a backup has the state.
func stateFile(engine string) string {
	if engine == "postgres" {
		return "state.dump"
	}
	return "state.db"
}

// Manifest says what a backup holds.
type Manifest struct {
	Format  int         `json:"format"`
	Version string      `json:"version"` // of the hub's program
	Engine  string      `json:"engine"`  // of the state: sqlite or postgres
	At      time.Time   `json:"at"`      // of which moment the folders are; the state is a little younger
	Files   []SavedFile `json:"files"`
}

// SavedFile is a file of a backup.
type SavedFile struct {
	Path   string `json:"path"` // within the backup, with slashes
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Bytes is how much all files have.
func (m Manifest) Bytes() (n int64) {
	for _, f := range m.Files {
		n += f.Size
	}
	return n
}

// notSaved are names in a data folder that a backup has no use for: locks, what
// runs had, what the state's own copy has, and older copies of it.
func notSaved(name string) bool {
	switch name {
	case "lock", "runs", "setup-link", takenFolder:
		return true
	}
	return strings.HasPrefix(name, "state.db") || strings.HasPrefix(name, beforeRestore)
}

// dataFolder is where a backup has what lay in the data folder.
const dataFolder = "data"

// takenFolder holds, while a backup is made, what it copies.
const takenFolder = ".backup"

// Backup copies all that a hub keeps into a new folder. The hub may run: its
// folders are copied as they were at one moment, as a kill of the process would
// have left them, and the state as it was a little later. Keys lie in the state,
// sealed; the master key is not part of it.
func Backup(ctx context.Context, c Config, to, version string, log *slog.Logger, progress func(done, all int64)) (_ Manifest, err error) {
	m := Manifest{Format: 1, Version: version, Engine: c.State.Engine}
	if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return m, fmt.Errorf("%s is there already; name a folder that is not, and that is no part of a backup before", to)
	}
	if inside(c.Data, to) {
		return m, fmt.Errorf("%s lies within the data folder; name another place, best of another machine", to)
	}
	half := to + ".unfinished"
	if err := os.RemoveAll(half); err != nil {
		return m, err
	}
	if err := os.MkdirAll(half, 0o700); err != nil {
		return m, fmt.Errorf("make the folder of the backup: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(half))
		}
	}()
	// Two backups of one hub would take away each other's links.
	taken := filepath.Join(c.Data, takenFolder)
	if at := modified(taken); !at.IsZero() {
		if time.Since(at) < time.Minute {
			return m, errors.New("another backup is being made; one that was killed is out of the way a minute later")
		}
		if err := os.RemoveAll(taken); err != nil {
			return m, err
		}
	}
	if err := os.Mkdir(taken, 0o700); err != nil {
		return m, fmt.Errorf("prepare the backup: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(taken)) }()
	files, err := freeze(ctx, c.Data, taken)
	if err != nil {
		return m, err
	}
	m.At = time.Now().UTC()
	state, err := OpenState(ctx, c, log)
	if err != nil {
		return m, err
	}
	err = errors.Join(state.CopyTo(ctx, filepath.Join(half, stateFile(c.State.Engine))), state.Close())
	if err != nil {
		return m, err
	}
	all, done := int64(0), int64(0)
	for _, n := range files {
		all += n.size
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := ctx.Err(); err != nil {
			return m, err
		}
		if err := copyFile(filepath.Join(taken, name), filepath.Join(half, dataFolder, name), files[name].size); err != nil {
			return m, fmt.Errorf("copy %s: %w", name, err)
		}
		_ = os.Chtimes(taken, time.Now(), time.Now()) // it is under way
		if done += files[name].size; progress != nil {
			progress(done, all)
		}
	}
	if m.Files, err = sumsOf(ctx, half); err != nil {
		return m, err
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return m, err
	}
	if err := writeSynced(filepath.Join(half, manifestFile), append(text, '\n')); err != nil {
		return m, err
	}
	return m, os.Rename(half, to)
}

func modified(name string) time.Time {
	if i, err := os.Stat(name); err == nil {
		return i.ModTime()
	}
	return time.Time{}
}

func inside(dir, name string) bool {
	a, err1 := filepath.Abs(dir)
	b, err2 := filepath.Abs(name)
	return err1 == nil && err2 == nil && (a == b || strings.HasPrefix(b, a+string(filepath.Separator)))
}

// seen is a file at one moment.
type seen struct {
	info fs.FileInfo
	size int64
}

// sizesOf lists the files of a folder by their paths within it.
func sizesOf(dir string) (map[string]seen, error) {
	out := map[string]seen{}
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it went while this looked; the next look tells
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		if first, _, _ := strings.Cut(filepath.ToSlash(rel), "/"); notSaved(first) {
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if !e.Type().IsRegular() {
			return nil
		}
		i, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		out[rel] = seen{i, i.Size()}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", dir, err)
	}
	return out, nil
}

// tries is how often freeze looks for a moment in which no file came or went.
const tries = 100

// freeze links all files of a data folder into another folder, as they are at
// one moment, and says how long they were: it begins anew when one came, went or
// was replaced meanwhile. Files that only grow, as logs that are written ahead
// do, grow on behind their links.
func freeze(ctx context.Context, data, to string) (map[string]seen, error) {
	for range tries {
		before, err := sizesOf(data)
		if err != nil {
			return nil, err
		}
		err = linkAll(data, to, before)
		switch {
		case err == nil:
			after, err := sizesOf(data)
			if err != nil {
				return nil, err
			}
			if same(before, after) {
				return before, nil
			}
		case !errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("take hold of the files: %w", err)
		}
		if err := emptied(to); err != nil {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil, errors.New("the files of the hub change too fast to be copied as of one moment; try again when less comes in")
}

func linkAll(from, to string, files map[string]seen) error {
	for name := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(to, name)), 0o700); err != nil {
			return err
		}
		if err := os.Link(filepath.Join(from, name), filepath.Join(to, name)); err != nil {
			return err
		}
	}
	return nil
}

// same says whether the files are the same ones, however long they grew.
func same(before, after map[string]seen) bool {
	if len(before) != len(after) {
		return false
	}
	for name, b := range before {
		a, ok := after[name]
		if !ok || !os.SameFile(a.info, b.info) || a.size < b.size {
			return false
		}
	}
	return true
}

func emptied(dir string) error {
	names, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, n := range names {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, n.Name())))
	}
	return err
}

// copyFile copies the first bytes of a file into a new one. What is empty in it
// takes no room in the copy either: the engine of metrics has files that are
// made longer than they are filled.
func copyFile(from, to string, size int64) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(copySparse(out, in, size), out.Sync(), out.Close())
}

func copySparse(out *os.File, in io.Reader, size int64) error {
	b, empty := make([]byte, 64<<10), make([]byte, 64<<10)
	for left := size; left > 0; {
		n, err := io.ReadFull(in, b[:min(left, int64(len(b)))])
		if err != nil {
			return err
		}
		if left -= int64(n); bytes.Equal(b[:n], empty[:n]) {
			_, err = out.Seek(int64(n), io.SeekCurrent)
		} else {
			_, err = out.Write(b[:n])
		}
		if err != nil {
			return err
		}
	}
	return out.Truncate(size)
}

func writeSynced(name string, text []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// sumsOf lists the files of a backup with their sums.
func sumsOf(ctx context.Context, dir string) ([]SavedFile, error) {
	var out []SavedFile
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil || rel == manifestFile {
			return err
		}
		sum, size, err := sumOf(name)
		out = append(out, SavedFile{Path: filepath.ToSlash(rel), Size: size, SHA256: sum})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the backup again: %w", err)
	}
	return out, nil
}

func sumOf(name string) (sum string, size int64, err error) {
	f, err := os.Open(name)
	if err != nil {
		return "", 0, err
	}
	h := sha256.New()
	size, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), size, errors.Join(err, f.Close())
}
