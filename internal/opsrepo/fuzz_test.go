package opsrepo_test

import (
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/vigie-ops/vigie/internal/opsrepo"
)

// Whatever the bytes are, Load ends soon and either accepts them or names a
// place inside the file.
func FuzzLoad(f *testing.F) {
	archives, err := filepath.Glob("testdata/broken/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range archives {
		content, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range txtar.Parse(content).Files {
			f.Add(file.Data)
		}
	}
	f.Add([]byte("ships: &a [*a]"))
	f.Add([]byte("? [a]\n: {<<: [{}, 1], !!binary x: y}"))
	f.Add([]byte("%YAML 1.2\n--- !!map\n\"\\uD800\": |\n\x85"))
	f.Fuzz(func(t *testing.T, content []byte) {
		began := time.Now()
		fsys := fstest.MapFS{"vigie.yaml": {Data: []byte("vigie: 1")}, "odd.yaml": {Data: content}}
		g, problems := opsrepo.Load(fsys, toySections)
		if (g == nil) != (len(problems) > 0) {
			t.Fatalf("a generation is %v with the problems:\n%v", g, problems)
		}
		for _, p := range problems {
			if p.Pos.File == "odd.yaml" && (p.Pos.Line < 1 || p.Pos.Column < 1) && len(content) <= 4<<20 {
				t.Errorf("no place: %s", p)
			}
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("Load took %s", took)
		}
		if g != nil {
			again, problems := opsrepo.Load(fsys, toySections)
			if len(problems) > 0 || again.Hash != g.Hash {
				t.Error("the same bytes are judged in two ways")
			}
		}
	})
}
