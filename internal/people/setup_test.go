package people_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/people"
)

func (o *office) setupLink() string {
	o.t.Helper()
	token, ok, err := o.SetupLink(o.t.Context())
	if err != nil || !ok || token == "" {
		o.t.Fatalf("set-up link: %q, %v, %v", token, ok, err)
	}
	return token
}

func (o *office) isSetUp() bool {
	o.t.Helper()
	_, ok, err := o.SetupLink(o.t.Context())
	if err != nil {
		o.t.Fatal(err)
	}
	return !ok
}

func TestTheFirstAdministratorChoosesAPassword(t *testing.T) {
	eachOffice(t, func(t *testing.T, o *office) {
		token := o.setupLink()
		choices, err := o.SetupChoices(t.Context(), token)
		if err != nil || choices.Local || len(choices.Admins) != 1 || choices.Admins[0].Slug != "nadia" {
			t.Fatalf("got %+v, %v; want nadia", choices, err)
		}
		request := people.SetupRequest{Token: token, Person: "omar", Password: good, Remote: "192.0.2.1"}
		if _, err := o.Setup(t.Context(), request); !errors.Is(err, people.ErrSetupPerson) {
			t.Errorf("who is no administrator: got %v, want %v", err, people.ErrSetupPerson)
		}
		request.Person, request.Password = "nadia", "nadia"
		if _, err := o.Setup(t.Context(), request); !errors.Is(err, people.ErrPasswordShort) {
			t.Errorf("a short password: got %v, want %v", err, people.ErrPasswordShort)
		}
		request.Password = good
		in, err := o.Setup(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		if actor, _, err := o.who(in); err != nil || actor != admin {
			t.Errorf("signed in as %+v, %v; want %+v", actor, err, admin)
		}
		o.in("nadia", good)
		if _, err := o.Setup(t.Context(), request); !errors.Is(err, people.ErrLink) {
			t.Errorf("the second time: got %v, want %v", err, people.ErrLink)
		}
		if !o.isSetUp() {
			t.Error("there is still a set-up link")
		}
		want := "nadia session.start person:nadia\nnadia session.start person:nadia\nnadia account.password person:nadia\nvigie setup.link hub"
		if got := o.verbs(); got != want {
			t.Errorf("the audit trail says\n%s\nwant\n%s", got, want)
		}
	})
}

func TestTheSetUpLinkPrintedLastWorksForADay(t *testing.T) {
	eachOffice(t, func(t *testing.T, o *office) {
		first := o.setupLink()
		second := o.setupLink()
		if _, err := o.SetupChoices(t.Context(), first); !errors.Is(err, people.ErrLink) {
			t.Errorf("the first: got %v, want %v", err, people.ErrLink)
		}
		o.pass(24 * time.Hour)
		if _, err := o.Setup(t.Context(), people.SetupRequest{Token: second, Person: "nadia", Password: good}); !errors.Is(err, people.ErrLink) {
			t.Errorf("after a day: got %v, want %v", err, people.ErrLink)
		}
		for _, token := range []string{"", "x", strings.Repeat("A", 43)} {
			if _, err := o.SetupChoices(t.Context(), token); !errors.Is(err, people.ErrLink) {
				t.Errorf("%q: got %v, want %v", token, err, people.ErrLink)
			}
		}
	})
}

func TestOfManyWithOneSetUpLinkOneGetsIn(t *testing.T) {
	eachOffice(t, func(t *testing.T, o *office) {
		token := o.setupLink()
		results := make(chan error, 6)
		var wg sync.WaitGroup
		for range cap(results) {
			wg.Go(func() {
				_, err := o.Setup(t.Context(), people.SetupRequest{Token: token, Person: "nadia", Password: good, Remote: "192.0.2.1"})
				results <- err
			})
		}
		wg.Wait()
		close(results)
		in := 0
		for err := range results {
			if err == nil {
				in++
			} else if !errors.Is(err, people.ErrLink) {
				t.Errorf("got %v, want %v", err, people.ErrLink)
			}
		}
		if in != 1 {
			t.Errorf("%d got in, want 1", in)
		}
	})
}

func TestALocalAdministratorIsABridge(t *testing.T) {
	eachOffice(t, func(t *testing.T, o *office) {
		o.load(noAdmin)
		request := people.SetupRequest{Token: o.setupLink(), Password: good, Remote: "192.0.2.1"}
		for name, l := range map[string]*people.LocalAdmin{
			"nobody":         nil,
			"no slug":        {Name: "Root", Email: "root@vigie.example"},
			"a bad slug":     {Slug: "Root User", Name: "Root", Email: "root@vigie.example"},
			"the hub itself": {Slug: "vigie", Name: "Root", Email: "root@vigie.example"},
			"no name":        {Slug: "root", Name: " ", Email: "root@vigie.example"},
			"no address":     {Slug: "root", Name: "Root"},
		} {
			request.Local = l
			if _, err := o.Setup(t.Context(), request); !errors.Is(err, people.ErrSetupLocal) {
				t.Errorf("%s: got %v, want %v", name, err, people.ErrSetupLocal)
			}
		}
		for _, l := range []people.LocalAdmin{{Slug: "omar", Name: "Root", Email: "root@vigie.example"}, {Slug: "root", Name: "Root", Email: "Omar@vigie.example"}} {
			request.Local = &l
			if _, err := o.Setup(t.Context(), request); !errors.Is(err, people.ErrSetupTaken) {
				t.Errorf("%+v: got %v, want %v", l, err, people.ErrSetupTaken)
			}
		}
		o.pass(time.Hour)
		request.Local = &people.LocalAdmin{Slug: "root", Name: "Root", Email: "root@vigie.example"}
		local, err := o.Setup(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		if actor, _, err := o.who(local); err != nil || actor.Slug != "root" || actor.Role != people.Admin {
			t.Errorf("got %+v, %v; want the administrator root", actor, err)
		}
		o.in("ROOT@vigie.example", good)
		if !o.isSetUp() {
			t.Error("there is still a set-up link")
		}
		if err := people.Keep(t.Context(), o.Accounts); err != nil {
			t.Fatal(err)
		}

		// The repository names an administrator, whom the local one invites.
		o.load(staffFile)
		if _, _, err := o.who(local); err != nil {
			t.Errorf("before the other has a password: %v", err)
		}
		token, err := o.InviteLink(t.Context(), local.Actor, "nadia")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := o.AcceptInvite(t.Context(), token, other, "192.0.2.1", ""); err != nil {
			t.Fatal(err)
		}
		if _, _, err := o.who(local); !errors.Is(err, people.ErrSession) {
			t.Errorf("afterwards: got %v, want %v", err, people.ErrSession)
		}
		if _, err := o.login("root", good); !errors.Is(err, people.ErrCredentials) {
			t.Errorf("afterwards: got %v, want %v", err, people.ErrCredentials)
		}
	})
}

func TestOnlyAnAdministratorWhomTheRepositoryNamesCounts(t *testing.T) {
	eachOffice(t, func(t *testing.T, o *office) {
		o.set("omar", good)
		if o.isSetUp() {
			t.Error("a responder's password counts as an administrator's")
		}
		o.set("nadia", good)
		if !o.isSetUp() {
			t.Error("an administrator's password does not count")
		}
		o.load(noAdmin)
		if o.isSetUp() {
			t.Error("the password of who left counts")
		}
	})
}

func TestALinkIsLookedAtWithoutBeingUsed(t *testing.T) {
	eachOffice(t, func(t *testing.T, o *office) {
		token, err := o.SignInLink(t.Context(), "omar")
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			l, err := o.LinkOf(t.Context(), token)
			if err != nil || l.Kind != people.LinkSignIn || l.Person != "omar" {
				t.Fatalf("got %+v, %v", l, err)
			}
		}
		if _, err := o.AcceptInvite(t.Context(), token, good, "192.0.2.1", ""); !errors.Is(err, people.ErrLink) {
			t.Errorf("as an invitation: got %v, want %v", err, people.ErrLink)
		}
		if _, err := o.SetupChoices(t.Context(), token); !errors.Is(err, people.ErrLink) {
			t.Errorf("as a set-up link: got %v, want %v", err, people.ErrLink)
		}
		in, err := o.SignInByLink(t.Context(), token, "192.0.2.1", "test")
		if err != nil || in.Actor.Slug != "omar" || in.Session.How != "link" {
			t.Fatalf("got %+v, %v; want omar", in, err)
		}
		if _, err := o.SignInByLink(t.Context(), token, "192.0.2.1", "test"); !errors.Is(err, people.ErrLink) {
			t.Errorf("the second time: got %v, want %v", err, people.ErrLink)
		}

		late, err := o.SignInLink(t.Context(), "omar")
		if err != nil {
			t.Fatal(err)
		}
		o.pass(15 * time.Minute)
		if _, err := o.SignInByLink(t.Context(), late, "192.0.2.1", "test"); !errors.Is(err, people.ErrLink) {
			t.Errorf("after 15 minutes: got %v, want %v", err, people.ErrLink)
		}
		if _, err := o.SignInLink(t.Context(), "nobody"); !errors.Is(err, people.ErrUnknown) {
			t.Errorf("for nobody: got %v, want %v", err, people.ErrUnknown)
		}
	})
}

func TestAnInvitationOutlivesARefusedPasswordAndNotItsUse(t *testing.T) {
	eachOffice(t, func(t *testing.T, o *office) {
		token, err := o.InviteLink(t.Context(), admin, "omar")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := o.AcceptInvite(t.Context(), token, "omar diallo!", "192.0.2.1", ""); !errors.Is(err, people.ErrPasswordName) {
			t.Errorf("got %v, want %v", err, people.ErrPasswordName)
		}
		if _, err := o.AcceptInvite(t.Context(), token, good, "192.0.2.1", ""); err != nil {
			t.Fatal(err)
		}
		if _, err := o.AcceptInvite(t.Context(), token, other, "192.0.2.1", ""); !errors.Is(err, people.ErrLink) {
			t.Errorf("the second time: got %v, want %v", err, people.ErrLink)
		}
		o.in("omar", good)

		gone, err := o.InviteLink(t.Context(), admin, "omar")
		if err != nil {
			t.Fatal(err)
		}
		o.load(withoutOmar)
		if _, err := o.AcceptInvite(t.Context(), gone, other, "192.0.2.1", ""); !errors.Is(err, people.ErrUnknown) {
			t.Errorf("of somebody who left: got %v, want %v", err, people.ErrUnknown)
		}
	})
}
