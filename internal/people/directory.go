package people

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/opsrepo"
)

// Directory is an immutable list of the people and teams of one generation.
type Directory struct {
	people, teams []string // slugs, sorted
	bySlug        map[string]Person
	byEmail       map[string]Person // addresses in lower case
	team          map[string]Team
	teamsOf       map[string][]Team // by person
}

// NewDirectory returns the directory of a generation; nil gives an empty one.
func NewDirectory(g *opsrepo.Generation) *Directory {
	d := &Directory{
		bySlug: map[string]Person{}, byEmail: map[string]Person{},
		team: map[string]Team{}, teamsOf: map[string][]Team{},
	}
	for _, p := range People.Of(g) {
		d.people = append(d.people, p.Slug)
		d.bySlug[p.Slug] = p
		d.byEmail[strings.ToLower(p.Email)] = p
	}
	for _, t := range Teams.Of(g) {
		d.teams = append(d.teams, t.Slug)
		d.team[t.Slug] = t
	}
	slices.Sort(d.people)
	slices.Sort(d.teams)
	for _, t := range d.Teams() {
		for _, m := range t.Members {
			d.teamsOf[m] = append(d.teamsOf[m], t)
		}
	}
	return d
}

// People returns everybody, sorted by slug.
func (d *Directory) People() []Person { return pick(d.people, d.bySlug) }

// Teams returns all teams, sorted by slug.
func (d *Directory) Teams() []Team { return pick(d.teams, d.team) }

// Person returns the person with that slug.
func (d *Directory) Person(slug string) (Person, bool) {
	p, ok := d.bySlug[slug]
	return p, ok
}

// ByEmail returns the person with that address, in any case.
func (d *Directory) ByEmail(address string) (Person, bool) {
	p, ok := d.byEmail[strings.ToLower(strings.TrimSpace(address))]
	return p, ok
}

// Team returns the team with that slug.
func (d *Directory) Team(slug string) (Team, bool) {
	t, ok := d.team[slug]
	return t, ok
}

// Members returns the people of a team in the order the team lists them.
func (d *Directory) Members(team string) []Person { return pick(d.team[team].Members, d.bySlug) }

// TeamsOf returns the teams that list a person, sorted by slug.
func (d *Directory) TeamsOf(person string) []Team { return slices.Clone(d.teamsOf[person]) }

// Leads returns the people who lead operations, sorted by slug; the admins where
// nobody is said to.
func (d *Directory) Leads() []Person {
	if all := slices.DeleteFunc(d.People(), func(p Person) bool { return !p.Lead }); len(all) > 0 {
		return all
	}
	return slices.DeleteFunc(d.People(), func(p Person) bool { return p.Role != Admin })
}

func pick[T any](slugs []string, from map[string]T) []T {
	out := make([]T, 0, len(slugs))
	for _, s := range slugs {
		if v, ok := from[s]; ok {
			out = append(out, v)
		}
	}
	return out
}

// Staff holds the directory of the generation that runs now. The zero value
// knows nobody.
type Staff struct{ current atomic.Pointer[Directory] }

var _ opsrepo.Applier = (*Staff)(nil)

// NewStaff returns a Staff that knows nobody yet.
func NewStaff() *Staff { return &Staff{} }

// Current returns the directory that holds now, never nil.
func (s *Staff) Current() *Directory {
	if d := s.current.Load(); d != nil {
		return d
	}
	return NewDirectory(nil)
}

// ApplyOps implements opsrepo.Applier.
func (s *Staff) ApplyOps(_ context.Context, tx *db.Tx, g *opsrepo.Generation) error {
	d := NewDirectory(g)
	tx.After(func() { s.current.Store(d) })
	return nil
}
