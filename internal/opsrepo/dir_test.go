package opsrepo_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/opsrepo"
)

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// git runs the real git in a repository of a test.
func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_AUTHOR_NAME=Nadia", "GIT_AUTHOR_EMAIL=nadia@halyard.example",
		"GIT_COMMITTER_NAME=Nadia", "GIT_COMMITTER_EMAIL=nadia@halyard.example")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit puts everything into a commit and returns its hash.
func commit(t *testing.T, dir, message string) string {
	t.Helper()
	git(t, dir, "add", "-A")
	git(t, dir, "commit", "-q", "-m", message)
	return git(t, dir, "rev-parse", "HEAD")
}

// workTree returns a repository with one commit.
func workTree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	git(t, dir, "init", "-q", "-b", "main")
	write(t, dir, "vigie.yaml", "vigie: 1\n")
	commit(t, dir, "begin")
	return dir
}

func fetch(t *testing.T, s opsrepo.Source) opsrepo.Tree {
	t.Helper()
	tree, err := s.Fetch(t.Context())
	if err != nil {
		t.Fatalf("fetch %s: %v", s, err)
	}
	return tree
}

func TestAPlainFolderHasTheHashOfItsFiles(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "vigie.yaml", "vigie: 1\n")
	s := opsrepo.NewDir(dir)
	one := fetch(t, s)
	if !strings.HasPrefix(one.Commit, "dir:") || one.Files != 1 {
		t.Errorf("commit %q with %d files", one.Commit, one.Files)
	}
	if again := fetch(t, s); again.Commit != one.Commit || again.Hash != one.Hash {
		t.Errorf("the same files are %s and %s", one.Commit, again.Commit)
	}
	write(t, dir, "playbooks/site.yml", "- hosts: all\n")
	write(t, dir, ".cache/x.yaml", "x: y\n")
	if same := fetch(t, s); same.Commit != one.Commit || same.Files != 1 {
		t.Error("what Vigie does not read changes the commit")
	}
	write(t, dir, "a.yaml", "ports: []\n")
	if two := fetch(t, s); two.Commit == one.Commit {
		t.Error("a new file does not change the commit")
	}
	if commits, err := s.Log(t.Context(), time.Time{}, 5); err != nil || len(commits) != 0 {
		t.Errorf("a folder without git has the commits %v, %v", commits, err)
	}
}

func TestAWorkTreeHasItsCommitWhileItIsClean(t *testing.T) {
	dir := workTree(t)
	write(t, dir, "a.yaml", "ports: []\n")
	head := commit(t, dir, "add ports")
	s := opsrepo.NewDir(dir)
	tree := fetch(t, s)
	if tree.Commit != head || tree.Author != "Nadia" || tree.Subject != "add ports" || time.Since(tree.At) > time.Hour {
		t.Errorf("tree = %+v, want commit %s", tree, head)
	}
	write(t, dir, "b.yaml", "ships: []\n")
	if dirty := fetch(t, s); !strings.HasPrefix(dirty.Commit, "dir:") {
		t.Errorf("files that are not committed have the commit %s", dirty.Commit)
	}
	commits, err := s.Log(t.Context(), time.Time{}, 10)
	if err != nil || len(commits) != 2 || commits[0].Hash != head || commits[1].Subject != "begin" {
		t.Errorf("log = %+v, %v", commits, err)
	}
}

func TestAFolderInsideALargerRepositoryHasNoCommit(t *testing.T) {
	dir := workTree(t)
	write(t, dir, "ops/vigie.yaml", "vigie: 1\n")
	commit(t, dir, "operations inside")
	if tree := fetch(t, opsrepo.NewDir(filepath.Join(dir, "ops"))); !strings.HasPrefix(tree.Commit, "dir:") {
		t.Errorf("the folder has the commit %s of the repository around it", tree.Commit)
	}
}

func TestAFolderThatIsGoneIsAnError(t *testing.T) {
	if _, err := opsrepo.NewDir(filepath.Join(t.TempDir(), "gone")).Fetch(t.Context()); err == nil {
		t.Error("a folder that is gone was read")
	}
}

func TestAWorkTreeStartsNoProgramOfItsConfiguration(t *testing.T) {
	dir, proof := workTree(t), filepath.Join(t.TempDir(), "ran")
	program := filepath.Join(t.TempDir(), "monitor")
	if err := os.WriteFile(program, []byte("#!/bin/sh\ntouch "+proof+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	git(t, dir, "config", "core.fsmonitor", program)
	fetch(t, opsrepo.NewDir(dir))
	if _, err := os.Stat(proof); err == nil {
		t.Error("reading the repository ran a program that its configuration names")
	}
}

func TestNamesThatAreNotUTF8(t *testing.T) {
	dir := workTree(t)
	s := opsrepo.NewDir(dir)
	g := opsrepo.NewGit("file://"+dir, "main", filepath.Join(t.TempDir(), "mirror"))
	write(t, dir, "caf\xe9.png", "picture")
	commit(t, dir, "a picture")
	for _, source := range []opsrepo.Source{s, g} {
		if tree := fetch(t, source); tree.Files != 1 {
			t.Errorf("%s: %d files, want 1", source, tree.Files)
		}
	}
	write(t, dir, "caf\xe9.yaml", "ports: []\n")
	commit(t, dir, "a file that would be read")
	for _, source := range []opsrepo.Source{s, g} {
		if _, err := source.Fetch(t.Context()); err == nil || !strings.Contains(err.Error(), "is not UTF-8; rename it") {
			t.Errorf("%s: %v", source, err)
		}
	}
}
