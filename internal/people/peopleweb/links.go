package peopleweb

import (
	"errors"
	"net/http"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/people"
)

// setupForm is what the first administrator fills in.
type setupForm struct {
	Action  string
	Choices people.SetupChoices
	Person  string
	Local   people.LocalAdmin
	Problem string
}

func (f *face) setupPage(w http.ResponseWriter, r *http.Request) error {
	choices, err := f.accounts.SetupChoices(r.Context(), r.PathValue("token"))
	if errors.Is(err, people.ErrLink) {
		return show(w, r, http.StatusGone, overPage())
	}
	if err != nil {
		return err
	}
	return show(w, r, http.StatusOK, setupPage(setupForm{Action: r.URL.Path, Choices: choices}))
}

func (f *face) setup(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	token := r.PathValue("token")
	req := people.SetupRequest{
		Token: token, Person: r.PostFormValue("person"), Password: r.PostFormValue("password"),
		Remote: r.RemoteAddr, Browser: r.UserAgent(),
	}
	form := setupForm{Action: r.URL.Path, Person: req.Person}
	if req.Person == "" {
		form.Local = people.LocalAdmin{Slug: r.PostFormValue("slug"), Name: r.PostFormValue("name"), Email: r.PostFormValue("email")}
		req.Local = &form.Local
	}
	in, err := f.accounts.Setup(r.Context(), req)
	switch status, words := refusal(err); {
	case status == http.StatusGone:
		return show(w, r, status, overPage())
	case status != 0:
		if form.Choices, err = f.accounts.SetupChoices(r.Context(), token); err != nil {
			return err
		}
		form.Problem = words
		return show(w, r, status, setupPage(form))
	case err != nil:
		return err
	}
	http.SetCookie(w, f.accounts.Cookie(in))
	return console.SeeOther(w, r, "/")
}

// linkForm is what a one-time link leads to: a button that signs in, or a
// form that sets the password first. Opening the link alone changes nothing.
type linkForm struct {
	Action  string
	Link    people.Link
	Problem string
}

func (f *face) linkPage(w http.ResponseWriter, r *http.Request) error {
	link, err := f.accounts.LinkOf(r.Context(), r.PathValue("token"))
	if errors.Is(err, people.ErrLink) || err == nil && link.Kind == people.LinkSetup {
		return show(w, r, http.StatusGone, overPage())
	}
	if err != nil {
		return err
	}
	return show(w, r, http.StatusOK, linkPage(linkForm{Action: r.URL.Path, Link: link}))
}

func (f *face) link(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	token := r.PathValue("token")
	link, err := f.accounts.LinkOf(r.Context(), token)
	var in people.SignedIn
	switch {
	case err != nil:
	case link.Kind == people.LinkSignIn:
		in, err = f.accounts.SignInByLink(r.Context(), token, r.RemoteAddr, r.UserAgent())
	case link.Kind == people.LinkInvite:
		in, err = f.accounts.AcceptInvite(r.Context(), token, r.PostFormValue("password"), r.RemoteAddr, r.UserAgent())
	default:
		err = people.ErrLink
	}
	switch status, words := refusal(err); {
	case status == http.StatusGone:
		return show(w, r, status, overPage())
	case status != 0:
		return show(w, r, status, linkPage(linkForm{Action: r.URL.Path, Link: link, Problem: words}))
	case err != nil:
		return err
	}
	http.SetCookie(w, f.accounts.Cookie(in))
	return console.SeeOther(w, r, "/")
}
