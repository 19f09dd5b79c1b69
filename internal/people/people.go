// Package people knows who works for the company and what they may do: names,
// roles and teams from the operations repository; passwords, sessions and
// tokens from the database.
package people

import (
	"github.com/vigie-ops/vigie/internal/opsrepo"
)

// Person is somebody who works for the company, as the operations repository
// knows them; credentials and phone numbers are never in git.
type Person struct {
	Pos      opsrepo.Pos `yaml:"-"`
	Slug     string      `yaml:"slug" ops:"required,slug,doc=Short name that never changes and is never given to somebody else."`
	Name     string      `yaml:"name" ops:"required,doc=Name as colleagues write it."`
	Email    string      `yaml:"email" ops:"required,email,doc=Address for messages and for signing in."`
	Role     Role        `yaml:"role" ops:"enum=viewer|responder|operator|admin,default=viewer,doc=What this person may do in the console."`
	Timezone string      `yaml:"timezone" ops:"timezone,doc=Where this person lives, such as Europe/Paris; the company's time zone if absent."`
	Lead     bool        `yaml:"lead" ops:"doc=Whether this person leads the company's operations."`
}

// Team is a group of people that messages and approvals can name.
type Team struct {
	Pos     opsrepo.Pos `yaml:"-"`
	Slug    string      `yaml:"slug" ops:"required,slug"`
	Name    string      `yaml:"name" ops:"required"`
	Members []string    `yaml:"members" ops:"required,min=1,ref=person,doc=Slugs of people."`
}

// The kinds of slug that other sections refer to.
const (
	KindPerson = "person"
	KindTeam   = "team"
)

// People is the section `people:`.
var People = opsrepo.NewList("people", opsrepo.ListOptions[Person]{
	Doc:   "Who works for the company and what they may do.",
	Kind:  KindPerson,
	Check: checkPeople,
})

// Teams is the section `teams:`.
var Teams = opsrepo.NewList("teams", opsrepo.ListOptions[Team]{
	Doc:   "Groups of people.",
	Kind:  KindTeam,
	Check: checkTeams,
})

// Sections returns what this package reads from the operations repository.
func Sections() []opsrepo.Section { return []opsrepo.Section{People, Teams} }
