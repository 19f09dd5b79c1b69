package people_test

import (
	"errors"
	"net/http/httptest"
	"testing"

	"github.com/vigie-ops/vigie/internal/people"
)

func TestATokenIsThePasswordOfItsNameOutsideOfBrowsers(t *testing.T) {
	eachOffice(t, func(t *testing.T, o *office) {
		o.UseTokens([]people.StaticToken{people.NewStaticToken("ci", people.Viewer, "a-token-of-a-program")})
		for _, c := range []struct {
			what, name, password string
			header               string // that only a browser sends
			want                 error
		}{
			{what: "a program", name: "ci", password: "a-token-of-a-program"},
			{what: "another name", name: "cd", password: "a-token-of-a-program", want: people.ErrBearer},
			{what: "another password", name: "ci", password: "a-token-of-nobody", want: people.ErrBearer},
			{what: "a browser that came from a page", name: "ci", password: "a-token-of-a-program", header: "Origin", want: people.ErrBearer},
			{what: "a browser", name: "ci", password: "a-token-of-a-program", header: "Sec-Fetch-Site", want: people.ErrBearer},
		} {
			r := httptest.NewRequest("GET", "/", nil)
			r.SetBasicAuth(c.name, c.password)
			if c.header != "" {
				r.Header.Set(c.header, "same-origin")
			}
			actor, session, err := o.Authenticate(r)
			if !errors.Is(err, c.want) || (err == nil && (actor.Slug != "ci" || actor.Role != people.Viewer || session.ID != "")) {
				t.Errorf("%s: %+v, %v; want error %v", c.what, actor, err, c.want)
			}
		}
	})
}
