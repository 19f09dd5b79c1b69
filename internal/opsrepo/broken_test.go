package opsrepo_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/vigie-ops/vigie/internal/opsrepo"
)

var update = flag.Bool("update", false, "write what Load says into testdata/broken")

// Each file of testdata/broken is a repository with mistakes; its file
// "problems" holds what Load says of it, all of it.
func TestEveryMistakeIsReportedAtOnce(t *testing.T) {
	archives, err := filepath.Glob("testdata/broken/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no repositories in testdata/broken: %v", err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			fsys, want, at := fstest.MapFS{}, "", -1
			for i, f := range ar.Files {
				if f.Name == "problems" {
					want, at = string(f.Data), i
					continue
				}
				fsys[f.Name] = &fstest.MapFile{Data: f.Data}
			}
			_, problems := opsrepo.Load(fsys, toySections)
			got := problems.Error() + "\n"
			if *update {
				if at < 0 {
					ar.Files, at = append(ar.Files, txtar.File{Name: "problems"}), len(ar.Files)
				}
				ar.Files[at].Data = []byte(got)
				if err := os.WriteFile(name, txtar.Format(ar), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}
