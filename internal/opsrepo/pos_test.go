package opsrepo_test

import (
	"testing"

	"github.com/vigie-ops/vigie/internal/opsrepo"
)

func TestPlacesSayWhatIsKnown(t *testing.T) {
	for want, p := range map[string]opsrepo.Pos{
		"a.yaml":     {File: "a.yaml"},
		"a.yaml:3":   {File: "a.yaml", Line: 3},
		"a.yaml:3:7": {File: "a.yaml", Line: 3, Column: 7},
	} {
		if got := p.String(); got != want {
			t.Errorf("%#v reads %q, want %q", p, got, want)
		}
	}
	if got := (opsrepo.Problem{Message: "no place"}).String(); got != "no place" {
		t.Errorf("a problem without a place reads %q", got)
	}
}

func TestASummaryNamesTheFirstProblemAndTheCount(t *testing.T) {
	p := opsrepo.Problem{Pos: opsrepo.Pos{File: "a.yaml", Line: 3, Column: 7}, Message: "wrong; right"}
	f := func(n int, want string) {
		t.Helper()
		ps := make(opsrepo.Problems, n)
		for i := range ps {
			ps[i] = p
		}
		if got := ps.Summary(); got != want {
			t.Errorf("%d problems: %q, want %q", n, got, want)
		}
	}
	f(0, "no problem")
	f(1, "a.yaml:3:7: wrong; right")
	f(2, "a.yaml:3:7: wrong; right (and 1 more problem)")
	f(5, "a.yaml:3:7: wrong; right (and 4 more problems)")
}
