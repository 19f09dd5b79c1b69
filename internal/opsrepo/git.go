package opsrepo

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/vigie-ops/vigie/internal/lib/secret"
)

// Git is a branch of a repository that system git fetches into a mirror on
// this machine. Nothing is ever checked out.
type Git struct {
	// Token, if set, is sent to an https server as the password of User.
	Token secret.Ref
	// User goes with Token; most servers take any name.
	User string

	url, branch string
	cmd         gitCommand

	mu   sync.Mutex // one git process writes to the mirror
	last Tree       // of the commit that was fetched last
}

var _ Source = (*Git)(nil)

// NewGit returns a branch of the repository at url; mirrorDir is a folder of
// its own that is made when needed and may be thrown away.
func NewGit(url, branch, mirrorDir string) *Git {
	return &Git{url: url, branch: branch, User: "vigie", cmd: gitCommand{dir: mirrorDir, bare: true}}
}

// String implements Source.
func (g *Git) String() string { return g.url + " (" + g.branch + ")" }

// scpLike is git's short form of an ssh URL: git@host:path.
var scpLike = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*@[A-Za-z0-9][A-Za-z0-9.-]*:[^:]`)

// CheckGitURL reports what is wrong with the URL of a repository.
func CheckGitURL(text string) error {
	const allowed = "write file:///path, ssh://user@host/path, user@host:path or https://host/path"
	if scpLike.MatchString(text) {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil {
		return errors.New("this is no URL; " + allowed)
	}
	if _, password := u.User.Password(); password || u.Scheme == "https" && u.User != nil {
		return errors.New("the URL holds a user name or password; name the secret as token: {file: PATH} instead")
	}
	switch {
	case u.Scheme == "file" && u.Host == "" && strings.HasPrefix(u.Path, "/"):
		return nil
	case (u.Scheme == "ssh" || u.Scheme == "https") && u.Host != "" && !strings.HasPrefix(u.Host, "-"):
		return nil
	}
	return fmt.Errorf("%q is no URL of a git repository; %s", text, allowed)
}

var branchName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._/-]*$`)

// CheckBranch reports what is wrong with the name of a branch.
func CheckBranch(name string) error {
	if !branchName.MatchString(name) || strings.Contains(name, "..") || strings.HasSuffix(name, ".lock") || strings.HasSuffix(name, "/") {
		return fmt.Errorf("%q is no name of a branch; write it like main", name)
	}
	return nil
}

// Fetch brings the mirror up to date and returns the branch's newest commit.
func (g *Git) Fetch(ctx context.Context) (Tree, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := errors.Join(CheckGitURL(g.url), CheckBranch(g.branch)); err != nil {
		return Tree{}, err
	}
	cmd, err := g.authorized(ctx)
	if err != nil {
		return Tree{}, err
	}
	if err := g.update(ctx, cmd); err != nil {
		return Tree{}, fmt.Errorf("fetch %s: %w", g, err)
	}
	t, err := g.cmd.describe(ctx, g.ref())
	if err != nil {
		return Tree{}, fmt.Errorf("read %s: %w", g, err)
	}
	if t.Commit == g.last.Commit {
		return g.last, nil
	}
	m, err := g.cmd.tree(ctx, t.Commit)
	if err != nil {
		return Tree{}, fmt.Errorf("read commit %s of %s: %w", t.Commit, g, err)
	}
	t.Hash, t.FS, t.Files = t.Commit, m, m.files()
	g.last = t
	return t, nil
}

// Log implements Source; it reads the mirror and asks no server.
func (g *Git) Log(ctx context.Context, since time.Time, n int) ([]Commit, error) {
	if _, err := os.Stat(filepath.Join(g.cmd.dir, "HEAD")); err != nil {
		return nil, nil //nolint:nilerr // nothing was fetched yet
	}
	return g.cmd.log(ctx, g.ref(), since, n)
}

func (g *Git) ref() string { return "refs/heads/" + g.branch }

// authorized adds the token, which goes to git through its environment, since
// everybody on a machine can read arguments.
func (g *Git) authorized(ctx context.Context) (gitCommand, error) {
	cmd := g.cmd
	if g.Token.IsZero() {
		return cmd, nil
	}
	token, err := g.Token.Resolve(ctx)
	if err != nil {
		return cmd, fmt.Errorf("token of %s: %w", g, err)
	}
	cmd.header = "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(g.User+":"+string(token)))
	return cmd, nil
}

// update fetches the branch. A mirror that a kill left locked or damaged is
// thrown away and fetched again, once the server is known to answer.
func (g *Git) update(ctx context.Context, cmd gitCommand) error {
	err := g.fetchInto(ctx, cmd)
	if err == nil || ctx.Err() != nil {
		return err
	}
	out, asked := cmd.run(ctx, "ls-remote", "--exit-code", "--", g.url, g.ref())
	if asked != nil || len(out) == 0 {
		return err
	}
	if err := os.RemoveAll(g.cmd.dir); err != nil {
		return fmt.Errorf("remove the damaged mirror: %w", err)
	}
	return g.fetchInto(ctx, cmd)
}

func (g *Git) fetchInto(ctx context.Context, cmd gitCommand) error {
	if _, err := os.Stat(filepath.Join(g.cmd.dir, "HEAD")); err != nil {
		if err := os.MkdirAll(g.cmd.dir, 0o700); err != nil {
			return fmt.Errorf("make the mirror: %w", err)
		}
		if _, err := cmd.run(ctx, "init", "--quiet", "--bare", "--template="); err != nil {
			return err
		}
	}
	_, err := cmd.run(ctx, "fetch", "--quiet", "--force", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head",
		"--", g.url, "+"+g.ref()+":"+g.ref())
	return err
}

// tree reads the files of a commit into memory, without attributes or filters:
// what is in git is what is read.
func (g gitCommand) tree(ctx context.Context, commit string) (*memory, error) {
	listing, err := g.run(ctx, "ls-tree", "-r", "-z", "--long", "--full-tree", "--end-of-options", commit)
	if err != nil {
		return nil, err
	}
	entries, err := parseTree(listing)
	if err != nil {
		return nil, err
	}
	var wanted bytes.Buffer
	total := 0
	for i, e := range entries {
		if e.nameOnly {
			continue
		}
		if total+int(min(e.size, maxFile+1)) > maxTotal || e.size > maxFile {
			continue
		}
		total += int(e.size)
		entries[i].wanted = true
		wanted.WriteString(e.hash + "\n")
	}
	objects, err := g.feed(ctx, &wanted, "cat-file", "--batch")
	if err != nil {
		return nil, err
	}
	m := newMemory()
	for _, e := range entries {
		if e.nameOnly {
			err = m.addLost(e.path, 0, errAnsible)
		} else if !e.wanted {
			err = m.addLost(e.path, e.size, errTooLarge)
		} else {
			var data []byte
			if data, objects, err = cutObject(objects, e); err == nil {
				err = m.add(e.path, e.mode, data)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return m, nil
}

// treeEntry is a file or a link of a commit.
type treeEntry struct {
	path   string
	hash   string
	mode   fs.FileMode
	size   int64
	wanted bool
	// nameOnly is set for what belongs to Ansible: that it is there is known, its
	// content is not read.
	nameOnly bool
}

// parseTree reads the output of `git ls-tree -r -z --long` and leaves out what
// Vigie never reads: submodules and hidden files.
func parseTree(listing []byte) ([]treeEntry, error) {
	var out []treeEntry
	for line := range strings.SplitSeq(strings.TrimSuffix(string(listing), "\x00"), "\x00") {
		if line == "" {
			continue
		}
		about, name, ok := strings.Cut(line, "\t")
		f := strings.Fields(about)
		if !ok || len(f) != 4 {
			return nil, fmt.Errorf("git ls-tree printed %q", line)
		}
		if f[1] != "blob" || hidden(name) {
			continue
		}
		if !fs.ValidPath(name) {
			if err := badName(name); err != nil {
				return nil, err
			}
			continue
		}
		size, err := strconv.ParseInt(f[3], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("git ls-tree printed the size %q", f[3])
		}
		e := treeEntry{path: name, hash: f[2], size: size, nameOnly: ansibles(name)}
		if f[0] == "120000" {
			e.mode = fs.ModeSymlink
		}
		if out = append(out, e); len(out) > maxEntries {
			return nil, fmt.Errorf("the commit holds more than %d files", maxEntries)
		}
	}
	return out, nil
}

// hidden reports whether a file or a folder above it is never read.
func hidden(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") {
			return true
		}
	}
	return false
}

// cutObject takes one object from the output of `git cat-file --batch`.
func cutObject(out []byte, e treeEntry) (data, rest []byte, err error) {
	header, rest, ok := bytes.Cut(out, []byte("\n"))
	if want := fmt.Sprintf("%s blob %d", e.hash, e.size); !ok || string(header) != want || int64(len(rest)) <= e.size {
		return nil, nil, fmt.Errorf("git cat-file answered %.80q for %s", header, e.path)
	}
	return rest[:e.size:e.size], rest[e.size+1:], nil
}
