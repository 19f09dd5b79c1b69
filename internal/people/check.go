package people

import (
	"strings"

	"github.com/vigie-ops/vigie/internal/opsrepo"
)

// checkPeople keeps addresses apart: an address signs one person in.
func checkPeople(c *opsrepo.Checker, people []Person) {
	first := map[string]Person{}
	for _, p := range people {
		if p.Email == "" {
			continue
		}
		key := strings.ToLower(p.Email)
		if other, taken := first[key]; taken {
			c.Errorf(c.FieldPos(p.Pos, "email"), "the e-mail address %s already belongs to %q at %s; each person needs an address of their own", p.Email, other.Slug, other.Pos)
			continue
		}
		first[key] = p
	}
}

// checkTeams finds people that are named twice in one team.
func checkTeams(c *opsrepo.Checker, teams []Team) {
	for _, t := range teams {
		opsrepo.CheckUnique(c, t.Pos, "members", t.Members)
	}
}
