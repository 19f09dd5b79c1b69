package people_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/people"
)

func TestASessionEndsByItself(t *testing.T) {
	eachOffice(t, func(t *testing.T, o *office) {
		o.set("nadia", good)
		idle, used := o.in("nadia", good), o.in("nadia", good)
		for day := range 7 * 3 {
			o.pass(8 * time.Hour)
			if day%3 == 0 {
				if err := people.Keep(t.Context(), o.Accounts); err != nil {
					t.Fatal(err)
				}
			}
			_, s, err := o.who(used)
			if last := day == 7*3-1; last != errors.Is(err, people.ErrSession) {
				t.Fatalf("after %d hours of use: %v", (day+1)*8, err)
			} else if !last && !s.Seen.Equal(o.now().UTC()) {
				t.Errorf("seen at %s, want now", s.Seen)
			}
			if day == 1 {
				if _, _, err := o.who(idle); !errors.Is(err, people.ErrSession) {
					t.Errorf("idle for 16 hours: got %v, want %v", err, people.ErrSession)
				}
			}
		}
		if err := people.Keep(t.Context(), o.Accounts); err != nil {
			t.Fatal(err)
		}
		var n int
		if err := o.db.Read().NewRaw(`SELECT COUNT(*) FROM people_session`).Scan(t.Context(), &n); err != nil || n != 0 {
			t.Errorf("%d sessions are left (%v)", n, err)
		}
	})
}

func TestUseOfASessionSurvivesAStop(t *testing.T) {
	eachOffice(t, func(t *testing.T, o *office) {
		o.set("nadia", good)
		in := o.in("nadia", good)
		o.pass(10 * time.Hour)
		if _, _, err := o.who(in); err != nil {
			t.Fatal(err)
		}
		if err := people.Keep(t.Context(), o.Accounts); err != nil {
			t.Fatal(err)
		}
		o.open()
		o.pass(10 * time.Hour)
		if _, _, err := o.who(in); err != nil {
			t.Errorf("ten hours after its last use: %v", err)
		}
	})
}

func TestWhoLeftTheRepositoryIsOut(t *testing.T) {
	eachOffice(t, func(t *testing.T, o *office) {
		o.set("omar", good)
		in := o.in("omar", good)
		o.load(withoutOmar)
		if _, _, err := o.who(in); !errors.Is(err, people.ErrSession) {
			t.Errorf("at once: got %v, want %v", err, people.ErrSession)
		}
		if _, err := o.login("omar", good); !errors.Is(err, people.ErrCredentials) {
			t.Errorf("signing in: got %v, want %v", err, people.ErrCredentials)
		}
		if err := people.Keep(t.Context(), o.Accounts); err != nil {
			t.Fatal(err)
		}
		o.load(staffFile)
		if _, _, err := o.who(in); !errors.Is(err, people.ErrSession) {
			t.Errorf("the session came back with the person: %v", err)
		}
		if !strings.Contains(o.verbs(), "vigie session.end person:omar") {
			t.Errorf("the audit trail does not tell of it:\n%s", o.verbs())
		}
	})
}

func TestARoleThatChangedHoldsAtOnce(t *testing.T) {
	eachOffice(t, func(t *testing.T, o *office) {
		o.set("omar", good)
		in := o.in("omar", good)
		o.load(strings.ReplaceAll(staffFile, "responder", "operator"))
		if actor, _, err := o.who(in); err != nil || actor.Role != people.Operator {
			t.Errorf("got %+v, %v; want an operator", actor, err)
		}
	})
}

func TestNobodyIsThrownOutWhileNoGenerationIsLoaded(t *testing.T) {
	eachOffice(t, func(t *testing.T, o *office) {
		o.set("nadia", good)
		in := o.in("nadia", good)
		loaded := o.staff
		o.staff = people.NewStaff()
		o.open()
		if err := people.Keep(t.Context(), o.Accounts); err != nil {
			t.Fatal(err)
		}
		o.staff = loaded
		o.open()
		if _, _, err := o.who(in); err != nil {
			t.Errorf("after the start: %v", err)
		}
	})
}

func TestAPersonSeesAndEndsSessions(t *testing.T) {
	eachOffice(t, func(t *testing.T, o *office) {
		o.set("nadia", good)
		o.set("omar", other)
		first := o.in("nadia", good)
		o.pass(time.Minute)
		second, third, foreign := o.in("nadia", good), o.in("nadia", good), o.in("omar", other)
		list, err := o.Sessions(t.Context(), "nadia")
		if err != nil || len(list) != 3 || list[2].ID != first.Session.ID || list[0].Browser != "test" || list[0].CSRF != "" {
			t.Errorf("got %+v, %v; want three, the first one last, without what a form needs", list, err)
		}
		if err := o.SignOut(t.Context(), admin, first.Session); err != nil {
			t.Fatal(err)
		}
		// Nobody ends another's session by its id.
		if err := o.EndSession(t.Context(), admin, "nadia", foreign.Session.ID); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name string
			in   people.SignedIn
			want error
		}{{"ended", first, people.ErrSession}, {"another", second, nil}, {"of another person", foreign, nil}} {
			if _, _, err := o.who(c.in); !errors.Is(err, c.want) {
				t.Errorf("%s: got %v, want %v", c.name, err, c.want)
			}
		}
		if err := o.EndSessions(t.Context(), admin, "nadia", "laptop lost"); err != nil {
			t.Fatal(err)
		}
		if _, _, err := o.who(third); !errors.Is(err, people.ErrSession) {
			t.Errorf("after all were ended: %v", err)
		}
	})
}

func TestAFormBelongsToItsSession(t *testing.T) {
	eachOffice(t, func(t *testing.T, o *office) {
		o.set("nadia", good)
		one, two := o.in("nadia", good), o.in("nadia", good)
		_, s, err := o.who(one)
		if err != nil {
			t.Fatal(err)
		}
		if !s.CheckCSRF(one.Session.CSRF) || s.CheckCSRF(two.Session.CSRF) || s.CheckCSRF("") || s.CheckCSRF(one.Token) {
			t.Error("it does not tell its forms from others")
		}
		if (people.Session{}).CheckCSRF("") {
			t.Error("no session takes a form without a token")
		}
	})
}

func TestWhatBringsNoGoodCredentialsIsNobody(t *testing.T) {
	eachOffice(t, func(t *testing.T, o *office) {
		o.set("nadia", good)
		in := o.in("nadia", good)
		o.UseTokens([]people.StaticToken{people.NewStaticToken("ci", people.Viewer, "a-token-of-a-program")})
		cookie := o.Cookie(in)
		if cookie.Name != "__Host-vigie" || !cookie.Secure || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" {
			t.Errorf("the cookie is %s", cookie)
		}
		if gone := o.ClearCookie(); gone.Name != cookie.Name || gone.MaxAge >= 0 {
			t.Errorf("the cookie that clears is %s", gone)
		}
		for _, c := range []struct {
			name, header, cookie string
			want                 error
			actor                string
		}{
			{"nothing", "", "", people.ErrNobody, ""},
			{"cookie", "", in.Token, nil, "nadia"},
			{"made up", "", strings.Repeat("A", 43), people.ErrSession, ""},
			{"the hash as cookie", "", fmt.Sprintf("%064x", 0), people.ErrSession, ""},
			{"token", "Bearer a-token-of-a-program", "", nil, "ci"},
			{"lower case", "bearer a-token-of-a-program", "", nil, "ci"},
			{"wrong token", "Bearer x", "", people.ErrBearer, ""},
			{"wrong token with a good cookie", "Bearer x", in.Token, people.ErrBearer, ""},
			{"another scheme", "Basic bmFkaWE6eA==", "", people.ErrBearer, ""},
			{"no token", "Bearer", "", people.ErrBearer, ""},
			{"the cookie as token", "Bearer " + in.Token, "", people.ErrBearer, ""},
		} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			if c.header != "" {
				r.Header.Set("Authorization", c.header)
			}
			if c.cookie != "" {
				r.AddCookie(&http.Cookie{Name: cookie.Name, Value: c.cookie})
			}
			actor, s, err := o.Authenticate(r)
			if !errors.Is(err, c.want) || actor.Slug != c.actor {
				t.Errorf("%s: got %+v, %v; want %q, %v", c.name, actor, err, c.actor, c.want)
			}
			if c.actor == "ci" && (actor.Via != people.ViaToken || actor.Role != people.Viewer || s != people.Session{}) {
				t.Errorf("%s: got %+v %+v, want a viewer without a session", c.name, actor, s)
			}
		}
	})
}
