// Package peopleweb is the sign-in of the console: passwords, the one-time
// link of a first start, links that sign in, and the end of a session.
package peopleweb

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/a-h/templ"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/ui"
)

type face struct {
	c        *console.Console
	accounts *people.Accounts
	staff    *people.Staff
	address  func() string
}

// Options are what the pages show from.
type Options struct {
	Accounts *people.Accounts
	Staff    *people.Staff
	Address  func() string // of the console, without a slash at its end
}

// Register adds the pages.
func Register(c *console.Console, o Options) {
	f := &face{c: c, accounts: o.Accounts, staff: o.Staff, address: o.Address}
	const why = "who signs in is nobody yet"
	c.Open("GET /sign-in", why, f.signInPage)
	c.Open("POST /sign-in", why, f.signIn)
	c.Open("GET /setup/{token}", why, f.setupPage)
	c.Open("POST /setup/{token}", why, f.setup)
	c.Open("GET /link/{token}", why, f.linkPage)
	c.Open("POST /link/{token}", why, f.link)
	c.Action("POST /sign-out", people.Viewer, f.signOut)
	c.Nav(console.NavEntry{Group: "Hub", Text: "People", Href: "/people", Role: people.Viewer})
	c.Page("GET /people", people.Viewer, f.list)
	c.Action("POST /people/{slug}/invite", people.Admin, f.invite)
}

func show(w http.ResponseWriter, r *http.Request, status int, c templ.Component) error {
	w.Header().Set("Cache-Control", "no-store")
	return ui.Render(w, r, status, c)
}

// maxForm bounds what strangers may send.
const maxForm = 16 << 10

// signInForm is what the page of the sign-in shows.
type signInForm struct {
	Next    string
	Name    string // filled in again after a mistake
	Problem string
}

func (f *face) signInPage(w http.ResponseWriter, r *http.Request) error {
	if _, _, err := f.accounts.Authenticate(r); err == nil {
		return console.SeeOther(w, r, console.Next(r))
	}
	return show(w, r, http.StatusOK, signInPage(signInForm{Next: console.Next(r)}))
}

func (f *face) signIn(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	name := r.PostFormValue("name")
	in, err := f.accounts.Login(r.Context(), people.Attempt{
		Name: name, Password: r.PostFormValue("password"), Remote: r.RemoteAddr, Browser: r.UserAgent(),
	})
	if status, words := refusal(err); status != 0 {
		return show(w, r, status, signInPage(signInForm{Next: console.Next(r), Name: name, Problem: words}))
	}
	if err != nil {
		return err
	}
	http.SetCookie(w, f.accounts.Cookie(in))
	return console.SeeOther(w, r, console.Next(r))
}

// refusal words an error that the person at the form can do something about;
// status 0 is for all others.
func refusal(err error) (status int, words string) {
	var wait *people.TooMany
	if errors.As(err, &wait) {
		return http.StatusTooManyRequests, fmt.Sprintf("Too many attempts. Try again in %s.", ui.Duration(max(wait.Retry, time.Second).Round(time.Second)))
	}
	for _, e := range []error{people.ErrCredentials} {
		if errors.Is(err, e) {
			return http.StatusUnauthorized, sentence(e)
		}
	}
	if errors.Is(err, people.ErrLink) {
		return http.StatusGone, sentence(people.ErrLink)
	}
	for _, e := range []error{
		people.ErrPasswordShort, people.ErrPasswordLong, people.ErrPasswordName, people.ErrPasswordSimple,
		people.ErrSetupPerson, people.ErrSetupTaken, people.ErrSetupLocal,
	} {
		if errors.Is(err, e) {
			return http.StatusUnprocessableEntity, sentence(e)
		}
	}
	return 0, ""
}

// sentence makes a sentence of an error that was worded for people.
func sentence(err error) string {
	s := err.Error()
	return string(s[0]-'a'+'A') + s[1:] + "."
}

func (f *face) signOut(w http.ResponseWriter, r *http.Request) error {
	actor, session, err := f.accounts.Authenticate(r)
	if err != nil {
		return err
	}
	if err := f.accounts.SignOut(r.Context(), actor, session); err != nil {
		return err
	}
	http.SetCookie(w, f.accounts.ClearCookie())
	return console.SeeOther(w, r, "/sign-in")
}
