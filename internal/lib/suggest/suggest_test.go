package suggest_test

import (
	"testing"

	"github.com/vigie-ops/vigie/internal/lib/suggest"
)

func TestNearest(t *testing.T) {
	names := []string{"client", "address", "roles", "ring"}
	f := func(in, want string) {
		t.Helper()
		if got, _ := suggest.Nearest(in, names); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", in, got, want)
		}
	}
	f("clent", "client")
	f("addres", "address")
	f("rign", "ring")
	f("Role", "roles")
	f("environment", "")
	f("", "")
}
