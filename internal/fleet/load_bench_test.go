package fleet_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/people"
)

// A thousand servers and a thousand instances, in a file a client.
func BenchmarkLoad(b *testing.B) {
	fsys := fstest.MapFS{"vigie.yaml": {Data: []byte("vigie: 1\npeople: [{slug: nadia, name: Nadia, email: nadia@halyard.example}]\n")}}
	for c := range 100 {
		var text strings.Builder
		fmt.Fprintf(&text, "clients:\n  - slug: client-%d\n    name: Client\n    account_manager: nadia\nservers:\n", c)
		for i := range 10 {
			fmt.Fprintf(&text, "  - slug: app-%d-%d\n    address: app-%d-%d.halyard.example\n    roles: [app, web]\n    provider: Scaleway\n", c, i, c, i)
		}
		text.WriteString("instances:\n")
		for i := range 10 {
			fmt.Fprintf(&text, "  - slug: shop-%d-%d\n    name: Shop\n    client: client-%d\n    servers: [app-%d-%d]\n    urls: [\"https://shop-%d-%d.example\"]\n    components:\n      - {slug: web, name: Web}\n      - {slug: api, name: API}\n",
				c, i, c, c, i, c, i)
		}
		fsys[fmt.Sprintf("clients/%d.yaml", c)] = &fstest.MapFile{Data: []byte(text.String())}
	}
	sections := append(fleet.Sections(), people.Sections()...)
	b.ReportAllocs()
	for b.Loop() {
		g, problems := opsrepo.Load(fsys, sections)
		if len(problems) > 0 {
			b.Fatal(problems)
		}
		if len(fleet.NewSnapshot(g).Instances()) != 1000 {
			b.Fatal("instances are missing")
		}
	}
}
