package people_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/vigie-ops/vigie/internal/audit"
	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/db/dbtest"
	"github.com/vigie-ops/vigie/internal/opsrepo"
	"github.com/vigie-ops/vigie/internal/people"
)

const (
	staffFile = `
people:
  - {slug: nadia, name: Nadia Belaïd, email: nadia@vigie.example, role: admin}
  - {slug: omar, name: Omar Diallo, email: omar@vigie.example, role: responder}
`
	withoutOmar = `
people:
  - {slug: nadia, name: Nadia Belaïd, email: nadia@vigie.example, role: admin}
`
	noAdmin = `
people:
  - {slug: omar, name: Omar Diallo, email: omar@vigie.example, role: responder}
`
	good  = "a ladder against the moon"
	other = "seven grey herons at noon"
)

var admin = people.Actor{Slug: "nadia", Name: "Nadia Belaïd", Role: people.Admin, Via: people.ViaSession}

// office is a hub's accounts with a clock of its own.
type office struct {
	*people.Accounts
	t     *testing.T
	db    *db.DB
	audit *audit.Log
	staff *people.Staff

	mu    sync.Mutex
	clock time.Time
}

func eachOffice(t *testing.T, f func(t *testing.T, o *office)) {
	t.Helper()
	dbtest.Each(t, []db.Schema{audit.Tables, people.Tables}, func(t *testing.T, d *db.DB) {
		o := &office{t: t, db: d, audit: audit.New(d), staff: people.NewStaff(), clock: time.Now()}
		o.load(staffFile)
		o.open()
		f(t, o)
	})
}

// open starts the accounts anew, as a start of the hub does.
func (o *office) open() {
	o.Accounts = people.NewAccounts(people.AccountsOptions{
		DB: o.db, Audit: o.audit, Staff: o.staff, Secure: true, Log: slog.New(slog.DiscardHandler), Now: o.now,
	})
	people.Cheap(o.Accounts, 1)
}

func (o *office) now() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.clock
}

func (o *office) pass(d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.clock = o.clock.Add(d)
}

// load puts another generation of the operations repository in force.
func (o *office) load(file string) {
	o.t.Helper()
	g, problems := opsrepo.Load(fstest.MapFS{
		"vigie.yaml":  {Data: []byte("vigie: 1\n")},
		"people.yaml": {Data: []byte(file)},
	}, people.Sections())
	if len(problems) > 0 {
		o.t.Fatalf("load: %v", problems)
	}
	err := o.db.Write(o.t.Context(), func(ctx context.Context, tx *db.Tx) error { return o.staff.ApplyOps(ctx, tx, g) })
	if err != nil {
		o.t.Fatalf("load: %v", err)
	}
}

func (o *office) set(person, password string) {
	o.t.Helper()
	if err := o.SetPassword(o.t.Context(), admin, person, password); err != nil {
		o.t.Fatalf("set password of %s: %v", person, err)
	}
}

func (o *office) login(name, password string) (people.SignedIn, error) {
	o.t.Helper()
	return o.Login(o.t.Context(), people.Attempt{Name: name, Password: password, Remote: "192.0.2.1:99", Browser: "test"})
}

func (o *office) in(name, password string) people.SignedIn {
	o.t.Helper()
	in, err := o.login(name, password)
	if err != nil {
		o.t.Fatalf("sign %s in: %v", name, err)
	}
	return in
}

// who asks with the cookie of a session.
func (o *office) who(in people.SignedIn) (people.Actor, people.Session, error) {
	o.t.Helper()
	r := httptest.NewRequestWithContext(o.t.Context(), http.MethodGet, "/", nil)
	r.AddCookie(o.Cookie(in))
	return o.Authenticate(r)
}

func (o *office) verbs() string {
	o.t.Helper()
	p, err := o.audit.List(o.t.Context(), audit.Filter{}, "")
	if err != nil {
		o.t.Fatal(err)
	}
	var got []string
	for _, e := range p.Items {
		got = append(got, e.Actor+" "+e.Verb+" "+e.Object)
	}
	return strings.Join(got, "\n")
}

func TestAPersonSignsInByNameOrAddress(t *testing.T) {
	eachOffice(t, func(t *testing.T, o *office) {
		o.set("nadia", good)
		for _, name := range []string{"nadia", "Nadia@Vigie.Example", " nadia "} {
			in := o.in(name, good)
			actor, s, err := o.who(in)
			if err != nil || actor != admin || s.ID != in.Session.ID || s.CSRF != in.Session.CSRF {
				t.Errorf("%s: got %+v, %+v, %v; want %+v", name, actor, s, err, admin)
			}
		}
	})
}

func TestWhoIsRefusedLearnsNothing(t *testing.T) {
	eachOffice(t, func(t *testing.T, o *office) {
		o.set("nadia", good)
		for _, c := range []struct{ name, password string }{
			{"nadia", other},
			{"nadia", ""},
			{"nadia", strings.Repeat("x", 1<<20)},
			{"omar", good}, // has no password
			{"omar", ""},
			{"nobody", good},
			{"", ""},
		} {
			if _, err := o.login(c.name, c.password); !errors.Is(err, people.ErrCredentials) {
				t.Errorf("%q: got %v, want %v", c.name, err, people.ErrCredentials)
			}
		}
		if got := o.verbs(); strings.Count(got, "unknown session.refuse person") != 7 || strings.Contains(got, "nobody") {
			t.Errorf("the audit trail says\n%s\nwant seven refusals that do not repeat what was typed", got)
		}
	})
}

func TestGuessingIsSlowedDownByAccountAndByAddress(t *testing.T) {
	eachOffice(t, func(t *testing.T, o *office) {
		o.set("nadia", good)
		o.set("omar", other)
		try := func(name, password, remote string) error {
			_, err := o.Login(t.Context(), people.Attempt{Name: name, Password: password, Remote: remote})
			return err
		}
		var many *people.TooMany
		for range 10 {
			if err := try("nadia", other, "192.0.2.1"); !errors.Is(err, people.ErrCredentials) {
				t.Fatalf("got %v, want %v", err, people.ErrCredentials)
			}
		}
		if err := try("nadia", good, "192.0.2.2"); !errors.As(err, &many) || many.Retry <= 0 {
			t.Errorf("the account from elsewhere: got %v, want too many", err)
		}
		if err := try("omar", other, "192.0.2.2"); err != nil {
			t.Errorf("another account: %v", err)
		}
		o.pass(15 * time.Second)
		if err := try("nadia", good, "192.0.2.2"); err != nil {
			t.Errorf("after a while: %v", err)
		}
		for i := range 30 {
			_ = try(strings.Repeat("x", i), other, "192.0.2.66")
		}
		if err := try("nadia", good, "192.0.2.66"); !errors.As(err, &many) {
			t.Errorf("an address that tried many accounts: got %v, want too many", err)
		}
		for range 11 {
			_ = try("nobody", other, "192.0.2.3")
		}
		if err := try("nobody", other, "192.0.2.3"); !errors.As(err, &many) {
			t.Errorf("an account that does not exist: got %v, want too many, as for one that does", err)
		}
	})
}

func TestAPasswordIsHashedAnewWhenItsCostChanged(t *testing.T) {
	eachOffice(t, func(t *testing.T, o *office) {
		o.set("nadia", good)
		stored := func() (phc string) {
			t.Helper()
			if err := o.db.Read().NewRaw(`SELECT phc FROM people_password`).Scan(t.Context(), &phc); err != nil {
				t.Fatal(err)
			}
			return phc
		}
		before := stored()
		o.in("nadia", good)
		if stored() != before {
			t.Error("it was hashed anew without a reason")
		}
		people.Cheap(o.Accounts, 2)
		if _, err := o.login("nadia", other); err == nil || stored() != before {
			t.Errorf("a wrong password changed what is stored (%v)", err)
		}
		o.in("nadia", good)
		if after := stored(); !strings.Contains(after, "t=2") {
			t.Errorf("it was not hashed anew: %s", after)
		}
		o.in("nadia", good)
	})
}

func TestAnotherPasswordEndsTheOtherSessions(t *testing.T) {
	eachOffice(t, func(t *testing.T, o *office) {
		o.set("nadia", good)
		here, there := o.in("nadia", good), o.in("nadia", good)
		if err := o.ChangePassword(t.Context(), admin, here.Session, other, other); !errors.Is(err, people.ErrCredentials) {
			t.Errorf("with a wrong old one: got %v, want %v", err, people.ErrCredentials)
		}
		if err := o.ChangePassword(t.Context(), admin, here.Session, good, "short"); !errors.Is(err, people.ErrPasswordShort) {
			t.Errorf("too short: got %v, want %v", err, people.ErrPasswordShort)
		}
		if err := o.ChangePassword(t.Context(), admin, here.Session, good, other); err != nil {
			t.Fatal(err)
		}
		if _, _, err := o.who(here); err != nil {
			t.Errorf("the session that changed it: %v", err)
		}
		if _, _, err := o.who(there); !errors.Is(err, people.ErrSession) {
			t.Errorf("the other session: got %v, want %v", err, people.ErrSession)
		}
		if _, err := o.login("nadia", good); !errors.Is(err, people.ErrCredentials) {
			t.Errorf("the old password: got %v, want %v", err, people.ErrCredentials)
		}
		o.in("nadia", other)
		if err := o.SetPassword(t.Context(), admin, "nobody", other); !errors.Is(err, people.ErrUnknown) {
			t.Errorf("of nobody: got %v, want %v", err, people.ErrUnknown)
		}
	})
}

func TestThePasswordItselfIsNowhere(t *testing.T) {
	eachOffice(t, func(t *testing.T, o *office) {
		o.set("nadia", good)
		in := o.in("nadia", good)
		var rows []string
		for _, q := range []string{`SELECT phc FROM people_password`, `SELECT hash FROM people_session`, `SELECT details FROM audit_payload`} {
			var some []string
			if err := o.db.Read().NewRaw(q).Scan(t.Context(), &some); err != nil {
				t.Fatal(err)
			}
			rows = append(rows, some...)
		}
		if all := strings.Join(rows, "\n"); strings.Contains(all, good) || strings.Contains(all, in.Token) {
			t.Errorf("the state holds the password or the cookie:\n%s", all)
		}
	})
}

func TestPasswordPolicy(t *testing.T) {
	p := people.Person{Slug: "nadia", Name: "Nadia Belaïd", Email: "nadia.belaid@vigie.example"}
	for password, want := range map[string]error{
		good:                          nil,
		"éééèèèàààùùùôôô":             nil,
		"correcthorse":                nil,
		"elevenchars":                 people.ErrPasswordShort,
		"":                            people.ErrPasswordShort,
		strings.Repeat("abcdef", 200): people.ErrPasswordLong,
		"nadia.belaid@vigie.example":  people.ErrPasswordName,
		"Nadia.Belaid":                people.ErrPasswordName,
		"NADIA BELAÏD 2026":           people.ErrPasswordName,
		"nadianadianadia":             people.ErrPasswordName,
		"nadia12345678":               people.ErrPasswordName,
		"aaaaaaaaaaaaaaaa":            people.ErrPasswordSimple,
		"abababababababab":            people.ErrPasswordSimple,
	} {
		if err := people.CheckPassword(p, password); !errors.Is(err, want) {
			t.Errorf("%q: got %v, want %v", password, err, want)
		}
	}
}
