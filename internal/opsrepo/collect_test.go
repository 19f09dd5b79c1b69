package opsrepo_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/vigie-ops/vigie/internal/opsrepo"
)

// refused loads a repository and wants exactly one problem, in that file, with
// these words.
func refused(t *testing.T, fsys fs.FS, file, words string) {
	t.Helper()
	_, problems := opsrepo.Load(fsys, toySections)
	if len(problems) != 1 || problems[0].Pos.File != file || !strings.Contains(problems[0].Message, words) {
		t.Errorf("want %q in %s, got:\n%v", words, file, problems)
	}
}

func root() fstest.MapFS { return fstest.MapFS{"vigie.yaml": {Data: []byte("vigie: 1\n")}} }

func TestFilesThatAreNotTextAreRefusedWithTheirPlace(t *testing.T) {
	f := func(content, pos, words string) {
		t.Helper()
		r := root()
		r["a.yaml"] = &fstest.MapFile{Data: []byte(content)}
		_, problems := opsrepo.Load(r, toySections)
		if len(problems) != 1 || problems[0].Pos.String() != pos || !strings.Contains(problems[0].Message, words) {
			t.Errorf("%q gives:\n%v", content, problems)
		}
	}
	f("ports:\n- slug: \xff\n", "a.yaml:2:9", "not UTF-8")
	f("\xff\xfep\x00o\x00", "a.yaml:1:1", "not UTF-8")
	f("ports: \x00\n", "a.yaml:1:8", "control character U+0000")
}

func TestLargeFilesAreRefused(t *testing.T) {
	r := root()
	r["big.yaml"] = &fstest.MapFile{Data: bytes.Repeat([]byte("# filler\n"), 600_000)}
	r["big.bin"] = &fstest.MapFile{Data: make([]byte, 5<<20)}
	refused(t, r, "big.yaml", "at most 4194304")
}

func TestManyFilesAreRefused(t *testing.T) {
	r := root()
	for i := range 10_001 {
		r[fmt.Sprintf("f%05d.yaml", i)] = &fstest.MapFile{}
	}
	_, problems := opsrepo.Load(r, toySections)
	if !strings.Contains(problems.Error(), "more than 10000 YAML files") {
		t.Errorf("got:\n%v", problems)
	}
}

func TestDeepFoldersAreRefused(t *testing.T) {
	r := root()
	r[strings.Repeat("d/", 40)+"x.yaml"] = &fstest.MapFile{}
	_, problems := opsrepo.Load(r, toySections)
	if len(problems) != 1 || !strings.Contains(problems[0].Message, "more than 32 deep") {
		t.Errorf("got:\n%v", problems)
	}
}

func TestNamesThatHideSomethingAreRefused(t *testing.T) {
	r := root()
	r["a\nb.yaml"] = &fstest.MapFile{}
	refused(t, r, "a?b.yaml", "control characters")
}

func TestLinks(t *testing.T) {
	f := func(target, words string) {
		t.Helper()
		dir := t.TempDir()
		write(t, dir, "vigie.yaml", "vigie: 1\n")
		write(t, dir, "a/ports.yaml", "ports: [{slug: oslo}]\n")
		write(t, dir, "playbooks/vars.yaml", "x: y\n")
		if err := os.Symlink(target, filepath.Join(dir, "a", "link.yaml")); err != nil {
			t.Fatal(err)
		}
		for name, fsys := range map[string]fs.FS{"disk": os.DirFS(dir), "memory": fetch(t, opsrepo.NewDir(dir)).FS} {
			_, problems := opsrepo.Load(fsys, toySections)
			if words == "" && len(problems) == 0 {
				continue
			}
			if words == "" || len(problems) != 1 || problems[0].Pos.File != "a/link.yaml" || !strings.Contains(problems[0].Message, words) {
				t.Errorf("%s: a link to %s gives:\n%v", name, target, problems)
			}
		}
	}
	f("ports.yaml", "")
	f("../a/ports.yaml", "")
	f("/etc/hostname", "leaves the repository")
	f("../../etc/hostname", "leaves the repository")
	f("../playbooks/vars.yaml", "never read")
	f("nothing.yaml", "no YAML file of the repository")
}

func TestALinkToAFolderOutsideIsRefused(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "vigie.yaml", "vigie: 1\n")
	if err := os.Symlink("/etc", filepath.Join(dir, "conf")); err != nil {
		t.Fatal(err)
	}
	refused(t, os.DirFS(dir), "conf", "leaves the repository")
}

func TestAFileThatCannotBeReadIsNamed(t *testing.T) {
	refused(t, unreadable{root()}, "vigie.yaml", "cannot be read")
}

// unreadable lists files and opens none.
type unreadable struct{ fstest.MapFS }

func (u unreadable) Open(name string) (fs.File, error) {
	if name == "." {
		return u.MapFS.Open(name)
	}
	return nil, fs.ErrPermission
}
