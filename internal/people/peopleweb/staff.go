package peopleweb

import (
	"errors"
	"net/http"
	"strings"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/ui"
)

// person is a line of the list.
type person struct {
	Slug, Name, Email, Role, Teams string
	Lead                           bool
	Declared                       ui.Link // file and line in the operations repository
}

// roleWords are the role and whether somebody leads, in one line.
func (p person) roleWords() string {
	if p.Lead {
		return p.Role + ", lead"
	}
	return p.Role
}

func (f *face) rows() []person {
	d := f.staff.Current()
	var out []person
	for _, p := range d.People() {
		row := person{Slug: p.Slug, Name: p.Name, Email: p.Email, Role: string(p.Role), Lead: p.Lead, Declared: console.Declared(p.Pos)}
		var teams []string
		for _, t := range d.TeamsOf(p.Slug) {
			teams = append(teams, t.Name)
		}
		row.Teams = strings.Join(teams, ", ")
		out = append(out, row)
	}
	return out
}

func (f *face) list(w http.ResponseWriter, r *http.Request) error {
	return f.c.Render(w, r, console.View{
		Title: "People", Current: "/people",
		Body: peoplePage(f.rows(), console.Actor(r).Role.Allows(people.Admin), invited{}),
	})
}

// invited is a link that was made just now. It is shown once: whoever has it
// chooses the password.
type invited struct{ Name, Link string }

func (f *face) invite(w http.ResponseWriter, r *http.Request) error {
	slug := r.PathValue("slug")
	p, known := f.staff.Current().Person(slug)
	if !known {
		return console.NotFound("The operations repository has no such person.")
	}
	token, err := f.accounts.InviteLink(r.Context(), console.Actor(r), slug)
	if errors.Is(err, people.ErrUnknown) {
		return console.NotFound("The operations repository has no such person.")
	}
	if err != nil {
		return err
	}
	return f.c.Render(w, r, console.View{
		Title: "People", Current: "/people",
		Body: peoplePage(f.rows(), true, invited{Name: p.Name, Link: f.address() + "/link/" + token}),
	})
}
