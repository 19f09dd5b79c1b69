package fleetweb

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/console"
	"github.com/vigie-ops/vigie/internal/ui"
)

// tokenLife is how long a token issued here can be used.
const tokenLife = time.Hour

// tokenPage shows a token, once.
type tokenPage struct {
	server, token string
	steps         []step
}

// issueToken answers with the page that shows the token. It does not lead
// elsewhere: an address could be read again, the answer to a form cannot.
func (f *face) issueToken(c *console.Console) console.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		m, err := f.look(r.Context())
		if err != nil {
			return err
		}
		s, err := m.serverOf(r)
		if err != nil {
			return err
		}
		if s.Appliance {
			return console.Invalid(s.Slug + " is an appliance; no agent can run on it, so there is nothing to enrol.")
		}
		token, err := f.o.Authority.IssueToken(r.Context(), s.Slug, tokenLife, console.Actor(r))
		if err != nil {
			return fmt.Errorf("issue a token for %s: %w", s.Slug, err)
		}
		v := tokenPage{server: s.Slug, token: token, steps: steps(s.Slug, f.agents(), token)}
		return c.Render(w, r, console.View{
			Title: "Enrol", Current: "/servers",
			Crumbs: []ui.Link{{Text: "Servers", Href: "/servers"}, {Text: s.Slug, Href: "/servers/" + s.Slug}},
			Body:   tokenBody(v),
		})
	}
}

func (f *face) revoke(*console.Console) console.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		m, err := f.look(r.Context())
		if err != nil {
			return err
		}
		s, err := m.serverOf(r)
		if err != nil {
			return err
		}
		reason := strings.TrimSpace(r.PostFormValue("reason"))
		if reason == "" {
			return console.Invalid("Say why the certificate is revoked; the audit record keeps the reason. Go back and write a few words.")
		}
		if err := f.o.Authority.RevokeServer(r.Context(), s.Slug, console.Actor(r), reason); err != nil {
			return fmt.Errorf("revoke the certificate of %s: %w", s.Slug, err)
		}
		return console.SeeOther(w, r, console.Said("/servers/"+s.Slug, "revoked"))
	}
}
