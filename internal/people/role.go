package people

import "slices"

// Role says what a person may do. Each role includes those before it.
type Role string

// The roles, least first.
const (
	Viewer    Role = "viewer"    // reads
	Responder Role = "responder" // acknowledges, silences, writes in the logbook
	Operator  Role = "operator"  // asks for runs
	Admin     Role = "admin"     // tokens, enrolment, settings of the hub
)

// Roles returns all roles, least first.
func Roles() []Role { return []Role{Viewer, Responder, Operator, Admin} }

// Valid reports whether r is one of the roles.
func (r Role) Valid() bool { return slices.Contains(Roles(), r) }

// Allows reports whether somebody with role r may do what needs role need. A
// role that does not exist allows nothing and is never satisfied.
func (r Role) Allows(need Role) bool {
	have, want := slices.Index(Roles(), r), slices.Index(Roles(), need)
	return have >= 0 && want >= 0 && have >= want
}
