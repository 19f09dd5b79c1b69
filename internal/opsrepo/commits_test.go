package opsrepo_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vigie-ops/vigie/internal/opsrepo"
)

func sshKey(t *testing.T) (file, public string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "somebody", "-f", file).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen: %v: %s", err, out)
	}
	b, err := os.ReadFile(file + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	return file, strings.TrimSpace(string(b))
}

func TestOnlyASignatureOfAnAllowedKeyCounts(t *testing.T) {
	dir := workTree(t)
	mine, public := sshKey(t)
	other, _ := sshKey(t)
	sign := func(key, subject string) string {
		t.Helper()
		git(t, dir, "-c", "gpg.format=ssh", "-c", "user.signingkey="+key, "commit", "--allow-empty", "-S", "-m", subject)
		return strings.TrimSpace(git(t, dir, "rev-parse", "HEAD"))
	}
	write(t, dir, "plain.txt", "plain")
	plain := commit(t, dir, "not signed")
	good, bad := sign(mine, "signed"), sign(other, "signed by a stranger")
	signers := []opsrepo.Signer{{Person: "nadia", Key: public}}
	c := opsrepo.NewDir(dir).Commits()
	for _, tt := range []struct{ commit, want string }{{good, "nadia"}, {bad, ""}, {plain, ""}} {
		if who, err := c.SignedBy(t.Context(), tt.commit, signers); err != nil || who != tt.want {
			t.Errorf("SignedBy(%s) = %q, %v; want %q", git(t, dir, "log", "-1", "--format=%s", tt.commit), who, err, tt.want)
		}
	}
	if who, err := c.SignedBy(t.Context(), good, nil); err != nil || who != "" {
		t.Errorf("without allowed keys the signature is of %q, %v", who, err)
	}
	// A repository's own configuration does not say who may sign.
	trap := filepath.Join(t.TempDir(), "trap")
	if err := os.WriteFile(trap, []byte("#!/bin/sh\ntouch "+trap+".sprung\nexit 0\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	git(t, dir, "config", "gpg.ssh.program", trap)
	git(t, dir, "config", "gpg.program", trap)
	if who, err := c.SignedBy(t.Context(), bad, signers); err != nil || who != "" {
		t.Errorf("with a program of the repository the signature is of %q, %v", who, err)
	}
	if _, err := os.Stat(trap + ".sprung"); !errors.Is(err, os.ErrNotExist) {
		t.Error("a program that the repository names was started")
	}
}

func TestACommitIsExportedAsItIsInGit(t *testing.T) {
	dir := workTree(t)
	for name, content := range map[string]string{
		"playbooks/site.yml":            "- hosts: all\n",
		"playbooks/filter_plugins/x.py": "x = 1\n",
		".gitattributes":                "playbooks/site.yml export-ignore\n*.py export-subst\n",
		"elsewhere.txt":                 "no",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "playbooks/run.sh"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("site.yml", filepath.Join(dir, "playbooks/also.yml")); err != nil {
		t.Fatal(err)
	}
	first := commit(t, dir, "playbooks")
	c := opsrepo.NewDir(dir).Commits()
	to := t.TempDir()
	if err := c.Export(t.Context(), first, "playbooks", to); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"site.yml": "- hosts: all\n", "filter_plugins/x.py": "x = 1\n", "also.yml": "- hosts: all\n"} {
		if b, err := os.ReadFile(filepath.Join(to, name)); err != nil || string(b) != want {
			t.Errorf("%s = %q, %v", name, b, err)
		}
	}
	if info, err := os.Stat(filepath.Join(to, "run.sh")); err != nil || info.Mode().Perm()&0o100 == 0 {
		t.Errorf("run.sh has lost its mode: %v, %v", info, err)
	}
	if _, err := os.Stat(filepath.Join(to, "elsewhere.txt")); err == nil {
		t.Error("a file outside of playbooks/ was exported")
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "playbooks/out")); err != nil {
		t.Fatal(err)
	}
	second := commit(t, dir, "a way out")
	if err := c.Export(t.Context(), second, "playbooks", t.TempDir()); err == nil || !strings.Contains(err.Error(), `playbooks/out is a link to "/etc/passwd"`) {
		t.Errorf("a link out of playbooks/ gives %v", err)
	}
	d, err := c.Diff(t.Context(), first, second)
	if err != nil || !strings.Contains(d.Text, "+/etc/passwd") || d.Cut {
		t.Errorf("diff = %+v, %v", d, err)
	}
	if d, err = c.Diff(t.Context(), "", first); err != nil || !strings.Contains(d.Text, "+- hosts: all") {
		t.Errorf("diff from nothing = %+v, %v", d, err)
	}
	if !c.Contains(t.Context(), second, first) || c.Contains(t.Context(), first, second) {
		t.Error("which commit follows which is wrong")
	}
	if _, err := c.Find(t.Context(), "--output=/tmp/x"); !errors.Is(err, opsrepo.ErrNoCommit) {
		t.Errorf("an option for a hash gives %v", err)
	}
	if found, err := c.Find(t.Context(), first[:10]); err != nil || found.Hash != first || found.Subject != "playbooks" {
		t.Errorf("Find = %+v, %v", found, err)
	}
}
