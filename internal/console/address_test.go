package console_test

import (
	"net/url"
	"testing"

	"github.com/vigie-ops/vigie/internal/console"
)

func TestAnAddressKeepsItsFiltersAndReplacesSome(t *testing.T) {
	q := url.Values{"state": {"open"}, "q": {"disk full"}, "cursor": {"01"}, "said": {"saved"}}
	keep := []string{"state", "q", "cursor"}
	f := func(want string, pairs ...string) {
		t.Helper()
		if got := console.Address("/alerts", q, keep, pairs...); got != want {
			t.Errorf("%v: got %s, want %s", pairs, got, want)
		}
	}
	f("/alerts?cursor=01&q=disk+full&state=open")
	f("/alerts?q=disk+full&state=resolved", "state", "resolved", "cursor", "")
	f("/alerts", "state", "", "q", "", "cursor", "")
}
