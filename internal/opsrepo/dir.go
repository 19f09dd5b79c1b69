package opsrepo

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Dir is a repository in a folder of this machine: a plain one, or the work
// tree of a git repository.
type Dir struct{ path string }

var _ Source = (*Dir)(nil)

// NewDir returns the repository in the folder at path.
func NewDir(path string) *Dir {
	// Without a current folder there is no absolute path, and the relative one
	// fails with better words when it is read.
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return &Dir{path: path}
}

// String implements Source.
func (d *Dir) String() string { return d.path }

// Fetch reads the files on disk. The commit is HEAD where git is there and the
// files are what HEAD says; otherwise it is a hash of the files.
func (d *Dir) Fetch(ctx context.Context) (Tree, error) {
	// Asked before and after, so that a commit made in between is not given to
	// the files of the one before.
	before, _ := d.head(ctx)
	m, err := readDir(ctx, d.path)
	if err != nil {
		return Tree{}, fmt.Errorf("read the folder %s: %w", d.path, err)
	}
	hash := m.hash()
	t, err := d.head(ctx)
	if err != nil || t.Commit != before.Commit {
		t = Tree{Commit: "dir:" + hash[:20]}
	}
	t.Hash, t.FS, t.Files = hash, m, m.files()
	return t, nil
}

// errDirty says that the files are not those of HEAD.
var errDirty = errors.New("the work tree has changes")

// head describes HEAD, if the files are what it says.
func (d *Dir) head(ctx context.Context) (Tree, error) {
	g := gitCommand{dir: d.path}
	// The folder itself must be the root: one inside a larger repository has
	// commits that say nothing about it.
	prefix, err := g.run(ctx, "rev-parse", "--show-prefix")
	if err != nil {
		return Tree{}, err
	}
	if strings.TrimSpace(string(prefix)) != "" {
		return Tree{}, errDirty
	}
	status, err := g.run(ctx, "status", "--porcelain", "--untracked-files=all", "--ignore-submodules")
	if err != nil {
		return Tree{}, err
	}
	if len(status) > 0 {
		return Tree{}, errDirty
	}
	return g.describe(ctx, "HEAD")
}

// Log implements Source.
func (d *Dir) Log(ctx context.Context, since time.Time, n int) ([]Commit, error) {
	g := gitCommand{dir: d.path}
	if _, err := g.run(ctx, "rev-parse", "--verify", "HEAD"); err != nil {
		return nil, nil //nolint:nilerr // a folder without git has no commits
	}
	return g.log(ctx, "HEAD", since, n)
}

// readDir reads a folder into memory. Its root is opened once, so that no link
// leads out of it.
func readDir(ctx context.Context, path string) (*memory, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }() // nothing was written
	fsys, m, entries := root.FS(), newMemory(), 0
	err = fs.WalkDir(fsys, ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if entries++; entries > maxEntries {
			return fmt.Errorf("it holds more than %d files and folders", maxEntries)
		}
		switch {
		case name == ".":
			return nil
		case !e.IsDir() && ansibles(name) && fs.ValidPath(name) && !strings.HasPrefix(e.Name(), "."):
			return m.addLost(name, 0, errAnsible)
		case ignored(name, e.IsDir()):
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		case e.IsDir():
			return nil
		}
		return m.copy(fsys, name, e)
	})
	return m, err
}

// copy takes a file or link over. What is neither is left out.
func (m *memory) copy(fsys fs.FS, name string, e fs.DirEntry) error {
	if !fs.ValidPath(name) { // not UTF-8
		return badName(name)
	}
	if e.Type()&fs.ModeSymlink != 0 {
		target, err := fs.ReadLink(fsys, name)
		if err != nil {
			return m.addLost(name, 0, err)
		}
		return m.add(name, fs.ModeSymlink, []byte(target))
	}
	info, err := e.Info()
	switch {
	case err != nil:
		return m.addLost(name, 0, err)
	case !info.Mode().IsRegular():
		return nil
	case m.full(info.Size()):
		return m.addLost(name, info.Size(), errTooLarge)
	}
	content, err := readLimited(fsys, name)
	if err != nil {
		return m.addLost(name, info.Size(), err)
	}
	return m.add(name, 0, content)
}

// badName refuses a YAML file whose name is not UTF-8; other files may be
// called what they like.
func badName(name string) error {
	if isYAML(name) {
		return fmt.Errorf("the name of the file %q is not UTF-8; rename it", name)
	}
	return nil
}

// hash identifies names, kinds and contents.
func (m *memory) hash() string {
	h := sha256.New()
	_ = fs.WalkDir(m, ".", func(name string, e fs.DirEntry, _ error) error { // memory cannot fail
		f := m.nodes[name]
		if f.IsDir() || f.lost == errAnsible { //nolint:errorlint // addLost keeps what it is given
			return nil
		}
		fmt.Fprintf(h, "%q %v %d\n", name, f.mode, f.size)
		h.Write(f.data)
		return nil
	})
	return fmt.Sprintf("%x", h.Sum(nil))
}
