package opsrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Commits reads single commits of a repository that git keeps, for what is done
// at a pinned one. It executes nothing of them.
type Commits struct{ cmd gitCommand }

// Commits returns the commits that the mirror holds.
func (g *Git) Commits() *Commits { return &Commits{cmd: g.cmd} }

// Commits returns the commits of the folder's own git repository.
func (d *Dir) Commits() *Commits { return &Commits{cmd: gitCommand{dir: d.path}} }

// ErrNoCommit says that there is no such commit, or no git at all.
var ErrNoCommit = errors.New("there is no such commit in the operations repository")

var hash = regexp.MustCompile(`^[0-9a-f]{7,64}$`)

// Find returns the commit of a whole or shortened hash.
func (c *Commits) Find(ctx context.Context, short string) (Commit, error) {
	if !hash.MatchString(short) {
		return Commit{}, fmt.Errorf("%w: %q is no hash of a commit", ErrNoCommit, short)
	}
	found, err := c.cmd.log(ctx, short+"^{commit}", time.Time{}, 1)
	if err != nil || len(found) == 0 {
		return Commit{}, fmt.Errorf("%w: %s", ErrNoCommit, short)
	}
	return found[0], nil
}

// Mails returns the addresses of who wrote and who committed the commits that
// lead from one to another, both included once; an empty from is the beginning.
func (c *Commits) Mails(ctx context.Context, from, to string) ([]string, error) {
	args := []string{"log", "--format=%ae%n%ce", "--end-of-options", to}
	if from != "" {
		args = append(args, "^"+from)
	}
	out, err := c.cmd.run(ctx, append(args, "--")...)
	if err != nil {
		return nil, err
	}
	mails := strings.Fields(string(out))
	slices.Sort(mails)
	return slices.Compact(mails), nil
}

// Load reads and checks the repository as it was at a commit.
func (c *Commits) Load(ctx context.Context, commit string, sections []Section) (*Generation, error) {
	found, err := c.Find(ctx, commit)
	if err != nil {
		return nil, err
	}
	m, err := c.cmd.tree(ctx, found.Hash)
	if err != nil {
		return nil, err
	}
	g, problems := Load(m, sections)
	if len(problems) > 0 {
		return nil, fmt.Errorf("commit %.10s is not valid: %w", found.Hash, problems)
	}
	g.Commit, g.Author, g.Subject, g.At = found.Hash, found.Author, found.Subject, found.At
	return g, nil
}

// Content returns the hash of the whole tree of a commit: two commits with the
// same one hold the same files.
func (c *Commits) Content(ctx context.Context, commit string) (string, error) {
	out, err := c.cmd.run(ctx, "rev-parse", "--verify", "--end-of-options", commit+"^{tree}")
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(out)), nil
}

// Contains reports whether a commit is another one or follows it.
func (c *Commits) Contains(ctx context.Context, commit, ancestor string) bool {
	_, err := c.cmd.run(ctx, "merge-base", "--is-ancestor", ancestor, commit)
	return err == nil
}

// emptyTree is what the first commit is compared with.
const emptyTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

// Diff is what changed between two commits.
type Diff struct {
	Text string // in git's format
	Cut  bool   // there is more than Text shows
}

// maxDiff bounds what of a diff is shown.
const maxDiff = 2 << 20

// Diff returns what changed from one commit to another; an empty from is the
// empty repository.
func (c *Commits) Diff(ctx context.Context, from, to string) (Diff, error) {
	if from == "" {
		from = emptyTree
	}
	out, err := c.cmd.run(ctx, "diff", "--no-color", "--no-ext-diff", "--no-textconv", "--find-renames", "--end-of-options", from, to, "--")
	if err != nil {
		return Diff{}, err
	}
	d := Diff{Text: strings.ToValidUTF8(string(out), "\uFFFD")}
	if len(d.Text) > maxDiff {
		end := strings.LastIndexByte(d.Text[:maxDiff], '\n')
		d.Text, d.Cut = d.Text[:end+1], true
	}
	return d, nil
}

// Signer is somebody whose signature counts.
type Signer struct {
	Person string // slug
	Key    string // public ssh key, as in an authorized_keys file
}

// SignedBy returns who of the signers signed a commit with an ssh key; nobody
// is no error.
func (c *Commits) SignedBy(ctx context.Context, commit string, signers []Signer) (string, error) {
	if len(signers) == 0 {
		return "", nil
	}
	file, err := os.CreateTemp("", "vigie-signers-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.Remove(file.Name()) }()
	for _, s := range signers {
		key := strings.Fields(s.Key)
		if len(key) < 2 {
			continue
		}
		// The person's slug is the principal that the signature is found for.
		if _, err := fmt.Fprintf(file, "%s namespaces=\"git\" %s %s\n", s.Person, key[0], key[1]); err != nil {
			return "", errors.Join(err, file.Close())
		}
	}
	if err := file.Close(); err != nil {
		return "", err
	}
	// Only ssh signatures: no program of another kind is started.
	const none = "/bin/false"
	out, err := c.cmd.run(ctx, "-c", "gpg.ssh.allowedSignersFile="+file.Name(), "-c", "gpg.ssh.program=ssh-keygen", "-c", "gpg.ssh.revocationFile=",
		"-c", "gpg.program="+none, "-c", "gpg.openpgp.program="+none, "-c", "gpg.x509.program="+none, "-c", "gpg.minTrustLevel=fully",
		"log", "--max-count=1", "--format=%G?%x00%GS", "--end-of-options", commit, "--")
	if err != nil {
		return "", err
	}
	verdict, who, _ := strings.Cut(strings.TrimSpace(string(out)), "\x00")
	if verdict != "G" {
		return "", nil
	}
	return who, nil
}

// Export writes a folder of a commit into a folder of this machine, which must
// be empty: what is in git is what is written, without attributes or filters.
// Links that lead out of the folder are refused.
func (c *Commits) Export(ctx context.Context, commit, folder, to string) error {
	listing, err := c.cmd.run(ctx, "ls-tree", "-r", "-z", "--long", "--full-tree", "--end-of-options", commit, folder+"/")
	if err != nil {
		return err
	}
	var entries []treeEntry
	var wanted bytes.Buffer
	var total int64
	for line := range strings.SplitSeq(strings.TrimSuffix(string(listing), "\x00"), "\x00") {
		if line == "" {
			continue
		}
		e, ok, err := parseExport(line, folder)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if total += e.size; total > maxTotal {
			return fmt.Errorf("%s of commit %.10s holds more than %d bytes; keep large files elsewhere and have tasks fetch them", folder, commit, maxTotal)
		}
		entries = append(entries, e)
		wanted.WriteString(e.hash + "\n")
	}
	objects, err := c.cmd.feed(ctx, &wanted, "cat-file", "--batch")
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(to)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	for _, e := range entries {
		var data []byte
		if data, objects, err = cutObject(objects, e); err != nil {
			return err
		}
		if err := e.write(root, folder, data); err != nil {
			return err
		}
	}
	return nil
}

// parseExport reads a line of `git ls-tree --long`; submodules are left out.
func parseExport(line, folder string) (treeEntry, bool, error) {
	about, name, ok := strings.Cut(line, "\t")
	f := strings.Fields(about)
	if !ok || len(f) != 4 {
		return treeEntry{}, false, fmt.Errorf("git ls-tree printed %q", line)
	}
	if f[1] != "blob" {
		return treeEntry{}, false, nil
	}
	e := treeEntry{path: strings.TrimPrefix(name, folder+"/"), hash: f[2]}
	if _, err := fmt.Sscan(f[3], &e.size); err != nil {
		return treeEntry{}, false, fmt.Errorf("git ls-tree printed the size %q", f[3])
	}
	switch f[0] {
	case "120000":
		e.mode = os.ModeSymlink
	case "100755":
		e.mode = 0o755
	default:
		e.mode = 0o644
	}
	return e, filepath.IsLocal(e.path), nil
}

func (e treeEntry) write(root *os.Root, folder string, data []byte) error {
	if err := root.MkdirAll(path.Dir(e.path), 0o755); err != nil {
		return err
	}
	if e.mode == os.ModeSymlink {
		target := string(data)
		if !filepath.IsLocal(path.Join(path.Dir(e.path), target)) || path.IsAbs(target) {
			return fmt.Errorf("%s/%s is a link to %q, outside of %s; put the file itself there", folder, e.path, target, folder)
		}
		return root.Symlink(target, e.path)
	}
	return root.WriteFile(e.path, data, e.mode)
}
