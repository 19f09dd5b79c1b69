package people_test

import (
	"testing"

	"github.com/vigie-ops/vigie/internal/people"
)

func TestEachRoleIncludesThoseBeforeIt(t *testing.T) {
	all := people.Roles()
	for i, have := range all {
		for j, need := range all {
			if got, want := have.Allows(need), i >= j; got != want {
				t.Errorf("%s allows what needs %s: %v, want %v", have, need, got, want)
			}
		}
	}
}

func TestARoleThatDoesNotExistAllowsNothing(t *testing.T) {
	for _, odd := range []people.Role{"", "root", "Admin"} {
		if odd.Valid() || odd.Allows(people.Viewer) || odd.Allows(odd) || people.Admin.Allows(odd) {
			t.Errorf("the role %q counts for something", odd)
		}
	}
}
