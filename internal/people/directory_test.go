package people_test

import (
	"context"
	"errors"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/db/dbtest"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/people"
)

func load(text string) (*opsrepo.Generation, opsrepo.Problems) {
	return opsrepo.Load(fstest.MapFS{
		"vigie.yaml":  {Data: []byte("vigie: 1\n")},
		"people.yaml": {Data: []byte(text)},
	}, people.Sections())
}

const staff = `
people:
  - {slug: tomas, name: Tomás, email: Tomas@halyard.example, role: operator}
  - {slug: nadia, name: Nadia, email: nadia@halyard.example, role: admin, lead: true}
  - {slug: marc, name: Marc, email: marc@halyard.example}
teams:
  - {slug: ops, name: Operations, members: [tomas, nadia]}
  - {slug: accounts, name: Accounts, members: [nadia, marc]}
`

func slugs(all []people.Person) (out []string) {
	for _, p := range all {
		out = append(out, p.Slug)
	}
	return out
}

func TestTheDirectoryAnswersFromEverySide(t *testing.T) {
	g, problems := load(staff)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	d := people.NewDirectory(g)
	if diff := cmp.Diff([]string{"marc", "nadia", "tomas"}, slugs(d.People())); diff != "" {
		t.Errorf("people (-want +got):\n%s", diff)
	}
	if p, ok := d.Person("marc"); !ok || p.Role != people.Viewer || p.Pos.Line == 0 {
		t.Errorf("marc = %+v, %v", p, ok)
	}
	if p, ok := d.ByEmail(" TOMAS@Halyard.example "); !ok || p.Slug != "tomas" {
		t.Errorf("by address = %+v, %v", p, ok)
	}
	if _, ok := d.ByEmail(""); ok {
		t.Error("no address belongs to somebody")
	}
	if diff := cmp.Diff([]string{"tomas", "nadia"}, slugs(d.Members("ops"))); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	if team, ok := d.Team("accounts"); !ok || team.Name != "Accounts" || len(d.Teams()) != 2 {
		t.Errorf("accounts = %+v, %v", team, ok)
	}
	if teams := d.TeamsOf("nadia"); len(teams) != 2 || teams[0].Slug != "accounts" {
		t.Errorf("teams of nadia = %+v", teams)
	}
	if diff := cmp.Diff([]string{"nadia"}, slugs(d.Leads())); diff != "" {
		t.Errorf("leads (-want +got):\n%s", diff)
	}
	if got := d.Members("nobody"); len(got) != 0 {
		t.Errorf("a team that does not exist has %v", got)
	}
}

func TestMistakesAboutPeople(t *testing.T) {
	_, problems := load(`people:
  - {slug: ann, name: Ann, email: a@halyard.example, role: boss}
  - {slug: bee, name: Bee, email: A@Halyard.example, timezone: Europe/Pari}
  - {slug: cat, name: Cat}
teams:
  - {slug: ops, name: Ops, members: [ann, ann, bea]}
  - {slug: none, name: None, members: []}
`)
	want := []string{
		`people.yaml:2:60: role "boss" does not exist; use viewer, responder, operator or admin`,
		`people.yaml:3:35: the e-mail address A@Halyard.example already belongs to "ann" at people.yaml:2:5; each person needs an address of their own`,
		`people.yaml:3:64: timezone: "Europe/Pari" is no time zone (did you mean "Europe/Paris"?); use a name of the IANA list such as Europe/Paris or UTC`,
		`people.yaml:4:5: the key "email" is missing; an entry of people needs slug, name and email`,
		`people.yaml:6:43: members names ann twice; once is enough`,
		`people.yaml:6:48: members names the person "bea", which does not exist (did you mean "bee"?); use the slug of one that the repository defines`,
		`people.yaml:7:39: members has 0 entries; it must have at least 1`,
	}
	var got []string
	for _, p := range problems {
		got = append(got, p.String())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestStaffChangesWhenTheTransactionIsCommitted(t *testing.T) {
	dbtest.Each(t, nil, func(t *testing.T, d *db.DB) {
		s := people.NewStaff()
		if got := s.Current().People(); len(got) != 0 {
			t.Errorf("before a first generation there are %v", got)
		}
		g, _ := load(staff)
		failed := errors.New("later applier failed")
		err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			return errors.Join(s.ApplyOps(ctx, tx, g), failed)
		})
		if !errors.Is(err, failed) || len(s.Current().People()) != 0 {
			t.Errorf("a change that failed (%v) shows %v", err, s.Current().People())
		}
		if err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error { return s.ApplyOps(ctx, tx, g) }); err != nil {
			t.Fatal(err)
		}
		if got := len(s.Current().People()); got != 3 {
			t.Errorf("%d people after the commit, want 3", got)
		}
	})
}
