package id_test

import (
	"strings"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/lib/id"
)

func TestIDsSortInTheOrderTheyWereMade(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	last := ""
	for range 1000 {
		got := id.At(now)
		if got <= last {
			t.Fatalf("id %q after %q does not sort behind it", got, last)
		}
		last = got
	}
	if later := id.At(now.Add(time.Millisecond)); later <= last {
		t.Fatalf("id of a later time %q sorts before %q", later, last)
	}
}

func TestWhatNewMakesIsValidAndNothingElse(t *testing.T) {
	if one := id.New(); !id.Valid(one) || id.Valid(strings.ToLower(one)) || id.Valid(one+"0") {
		t.Errorf("%s valid %v, in lower case %v, longer %v", one, id.Valid(one), id.Valid(strings.ToLower(one)), id.Valid(one+"0"))
	}
	for _, s := range []string{"", "bogus", "17", "0123456789012345678901234U", "ZZZZZZZZZZZZZZZZZZZZZZZZZZ"} {
		if id.Valid(s) {
			t.Errorf("%q is taken for an id", s)
		}
	}
}
