package opsrepo_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/vigie-ops/vigie/internal/opsrepo"
)

func BenchmarkLoad(b *testing.B) {
	fsys := fstest.MapFS{"vigie.yaml": {Data: []byte("vigie: 1\n")}}
	for file := range 50 {
		var text strings.Builder
		text.WriteString("ports:\n")
		for i := range 20 {
			fmt.Fprintf(&text, "  - slug: port-%d-%d\n", file, i)
		}
		text.WriteString("ships:\n")
		for i := range 20 {
			fmt.Fprintf(&text, "  - slug: ship-%d-%d\n    name: Ship\n    port: port-%d-%d\n    address: 192.0.2.1\n    crew: [a, b]\n    berths: [1, 2]\n", file, i, file, i)
		}
		fsys[fmt.Sprintf("f%d.yaml", file)] = &fstest.MapFile{Data: []byte(text.String())}
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, problems := opsrepo.Load(fsys, toySections); len(problems) > 0 {
			b.Fatal(problems)
		}
	}
}
