package opsrepo_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/lib/secret"
	"github.com/vigie-ops/vigie/internal/opsrepo"
)

func remote(t *testing.T) (dir string, s *opsrepo.Git) {
	t.Helper()
	dir = workTree(t)
	return dir, opsrepo.NewGit("file://"+dir, "main", filepath.Join(t.TempDir(), "mirror"))
}

func TestGitFollowsItsBranch(t *testing.T) {
	dir, s := remote(t)
	first := fetch(t, s)
	if want := git(t, dir, "rev-parse", "HEAD"); first.Commit != want {
		t.Errorf("commit = %s, want %s", first.Commit, want)
	}
	write(t, dir, "ships/ann.yaml", "ships: [{slug: ann, name: Ann}]\n")
	write(t, dir, "playbooks/site.yml", "- hosts: all\n")
	write(t, dir, ".hidden/x.yaml", "x: y\n")
	write(t, dir, ".gitattributes", "* export-ignore\n*.yaml export-subst\n")
	if err := os.Symlink("../../etc/passwd", filepath.Join(dir, "ships", "link.yaml")); err != nil {
		t.Fatal(err)
	}
	head := commit(t, dir, "add Ann\n\nwith a body")
	git(t, dir, "branch", "other")
	tree := fetch(t, s)
	if tree.Commit != head || tree.Subject != "add Ann" || tree.Author != "Nadia" {
		t.Errorf("tree = %+v", tree)
	}
	var names []string
	if err := fs.WalkDir(tree.FS, ".", func(name string, e fs.DirEntry, err error) error {
		if !e.IsDir() {
			names = append(names, name)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(names, " "), "playbooks/site.yml ships/ann.yaml ships/link.yaml vigie.yaml"; got != want {
		t.Errorf("files = %s, want %s", got, want)
	}
	if content, err := fs.ReadFile(tree.FS, "ships/ann.yaml"); err != nil || string(content) != "ships: [{slug: ann, name: Ann}]\n" {
		t.Errorf("ships/ann.yaml = %q, %v", content, err)
	}
	_, problems := opsrepo.Load(tree.FS, toySections)
	if len(problems) != 1 || problems[0].Pos.File != "ships/link.yaml" {
		t.Errorf("the link gives:\n%v", problems)
	}
	commits, err := s.Log(t.Context(), time.Time{}, 10)
	if err != nil || len(commits) != 2 || commits[0].Hash != head {
		t.Errorf("log = %+v, %v", commits, err)
	}
	if later, err := s.Log(t.Context(), time.Now().Add(time.Hour), 10); err != nil || len(later) != 0 {
		t.Errorf("commits of the future = %+v, %v", later, err)
	}
}

func TestGitFollowsAHistoryThatWasRewritten(t *testing.T) {
	dir, s := remote(t)
	fetch(t, s)
	git(t, dir, "commit", "-q", "--amend", "-m", "begin differently")
	if got, want := fetch(t, s).Commit, git(t, dir, "rev-parse", "HEAD"); got != want {
		t.Errorf("commit = %s, want %s", got, want)
	}
}

func TestAMirrorThatAKillLeftLockedIsMadeAgain(t *testing.T) {
	dir := workTree(t)
	mirror := filepath.Join(t.TempDir(), "mirror")
	s := opsrepo.NewGit("file://"+dir, "main", mirror)
	fetch(t, s)
	write(t, dir, "a.yaml", "ports: []\n")
	head := commit(t, dir, "more")
	write(t, mirror, "refs/heads/main.lock", "")
	if got := fetch(t, s).Commit; got != head {
		t.Errorf("commit = %s, want %s", got, head)
	}
	if err := os.RemoveAll(filepath.Join(mirror, "objects")); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "b.yaml", "ports: []\n")
	head = commit(t, dir, "even more")
	if got := fetch(t, s).Commit; got != head {
		t.Errorf("commit = %s after the objects were lost, want %s", got, head)
	}
}

func TestLargeFilesOfACommitAreNotKept(t *testing.T) {
	dir, s := remote(t)
	write(t, dir, "film.bin", strings.Repeat("x", 5<<20))
	write(t, dir, "big.yaml", strings.Repeat("# filler\n", 600_000))
	commit(t, dir, "large")
	_, problems := opsrepo.Load(fetch(t, s).FS, toySections)
	if len(problems) != 1 || problems[0].Pos.File != "big.yaml" {
		t.Errorf("got:\n%v", problems)
	}
}

func TestWhatGitCannotFetchIsAnErrorInItsWords(t *testing.T) {
	dir := workTree(t)
	mirror := func() string { return filepath.Join(t.TempDir(), "mirror") }
	f := func(s *opsrepo.Git, words string) {
		t.Helper()
		if _, err := s.Fetch(t.Context()); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s gives %v, want %q", s, err, words)
		}
	}
	f(opsrepo.NewGit("file://"+dir, "gone", mirror()), "refs/heads/gone")
	f(opsrepo.NewGit("file:///nowhere/at/all", "main", mirror()), "nowhere")
	f(opsrepo.NewGit("ext::sh -c true", "main", mirror()), "no URL of a git repository")
	f(opsrepo.NewGit("file://"+dir, "--upload-pack=x", mirror()), "no name of a branch")
	withToken := opsrepo.NewGit("file://"+dir, "main", mirror())
	withToken.Token = secret.Ref{Env: "VIGIE_TEST_NO_SUCH_VARIABLE"}
	f(withToken, "it is not set")
}

func TestGitURLs(t *testing.T) {
	for _, u := range []string{"file:///srv/ops", "https://git.halyard.example/ops.git", "ssh://git@git.halyard.example:2222/ops", "git@git.halyard.example:ops.git"} {
		if err := opsrepo.CheckGitURL(u); err != nil {
			t.Errorf("%s: %v", u, err)
		}
	}
	for _, u := range []string{"", "/srv/ops", "file://host/ops", "ext::sh", "http://git.halyard.example/ops", "https://user:hunter2@git.halyard.example/ops",
		"https://token@git.halyard.example/ops", "--upload-pack=x", "-oProxyCommand=x@host:path", "ssh://-oProxyCommand=x/y", "git@host::x"} {
		err := opsrepo.CheckGitURL(u)
		if err == nil {
			t.Errorf("%s is taken", u)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error repeats the password: %v", err)
		}
	}
}

func TestAContextThatEndsStopsGit(t *testing.T) {
	_, s := remote(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Fetch(ctx); err == nil {
		t.Error("git ran on after its context ended")
	}
}
