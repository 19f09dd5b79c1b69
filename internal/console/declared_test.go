package console_test

import (
	"testing"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/opsrepo"
)

func TestAPlaceInTheRepositoryHasAnAddress(t *testing.T) {
	l := console.Declared(opsrepo.Pos{File: "servers/app 1#2.yaml", Line: 12, Column: 3})
	if l.Text != "servers/app 1#2.yaml:12" || l.Href != "/operations/files/servers/app%201%232.yaml#L12" {
		t.Errorf("got %+v", l)
	}
	if l := console.Declared(opsrepo.Pos{}); l.Href != "" {
		t.Errorf("what stands nowhere leads to %s", l.Href)
	}
}
