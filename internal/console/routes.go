package console

import (
	"errors"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/vigie-ops/vigie/internal/lib/logattr"
	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/ui"
)

// Handler answers a request or returns why it cannot: a *Problem is shown as
// it is, anything else reads "internal error" and goes to the log.
type Handler func(w http.ResponseWriter, r *http.Request) error

// Kind says who a route is for.
type Kind string

// The kinds of route.
const (
	KindPage   Kind = "page"   // a person reads it; who is nobody is led to sign in
	KindAction Kind = "action" // a form of a page sends it; needs the page's token against forgery
	KindAPI    Kind = "api"    // a program speaks with it
	KindOpen   Kind = "open"   // anybody may; says why where it is registered
)

// Route is one registered address.
type Route struct {
	Pattern string // method and path, as net/http's ServeMux reads them
	Kind    Kind
	Role    people.Role // the least role that may; empty for KindOpen
	Why     string      // KindOpen: why nobody needs to be signed in
	Doc     Doc         // KindAPI: what programs are told of it
}

// Routes lists every route, for the documentation and its test.
func (c *Console) Routes() []Route { return c.routes }

// Page registers a page that a person with the role may read.
func (c *Console) Page(pattern string, role people.Role, h Handler) {
	c.guard(Route{Pattern: pattern, Kind: KindPage, Role: role}, h)
}

// Action registers what a form does for a person with the role.
func (c *Console) Action(pattern string, role people.Role, h Handler) {
	c.guard(Route{Pattern: pattern, Kind: KindAction, Role: role}, h)
}

// API registers an interface for programs with the role. Those below APIPrefix
// are described.
func (c *Console) API(pattern string, role people.Role, h Handler, doc ...Doc) {
	route := Route{Pattern: pattern, Kind: KindAPI, Role: role}
	if len(doc) > 0 {
		route.Doc = doc[0]
	}
	if _, path, _ := strings.Cut(pattern, " "); route.Doc.Summary == "" && strings.HasPrefix(path, APIPrefix+"/") {
		panic("console: route " + pattern + " is not described")
	}
	c.guard(route, h)
}

// Mount registers a ready handler as an interface for programs with the role.
func (c *Console) Mount(pattern string, role people.Role, h http.Handler) {
	c.API(pattern, role, func(w http.ResponseWriter, r *http.Request) error {
		h.ServeHTTP(w, r)
		return nil
	})
}

// Open registers what anybody may ask for, and says why.
func (c *Console) Open(pattern, why string, h Handler) {
	route := Route{Pattern: pattern, Kind: KindOpen, Why: why}
	c.routes = append(c.routes, route)
	c.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		if err := c.forged.Check(r); err != nil {
			c.fail(w, r, errForged)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		r = r.WithContext(ui.WithZone(ui.WithNow(r.Context(), c.o.Now()), ui.ZoneOf(r)))
		if err := h(w, r); err != nil {
			c.fail(w, r, err)
		}
	})
}

// What a body may hold. Both lie below what net/http keeps of a form in memory,
// so that no upload ever reaches the disk. An interface that takes less says so
// itself.
const (
	maxForm = 1 << 20
	maxAPI  = 17 << 20
)

func maxBody(k Kind) int64 {
	if k == KindAPI {
		return maxAPI
	}
	return maxForm
}

var errForged = &Problem{Status: http.StatusForbidden, Title: "That did not come from this page", Detail: "The request was refused because it does not carry this page's token. Reload the page and try again."}

// guard is the one place that decides who may do what.
func (c *Console) guard(route Route, h Handler) {
	if route.Role == "" {
		panic("console: route " + route.Pattern + " names no role")
	}
	c.routes = append(c.routes, route)
	c.mux.HandleFunc(route.Pattern, func(w http.ResponseWriter, r *http.Request) {
		actor, session, err := c.o.Auth.Authenticate(r)
		if err != nil {
			c.unknown(w, r, route, err)
			return
		}
		if !actor.Role.Allows(route.Role) {
			c.fail(w, r, &Problem{Status: http.StatusForbidden, Title: "Not with your role", Detail: "This needs the role " + string(route.Role) + "; you are " + string(actor.Role) + ". An admin can change that in the operations repository."})
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody(route.Kind))
		// A browser sends a session's cookie by itself, whoever made it send
		// the request; a token is sent by its owner only.
		if session.ID != "" && !safe(r.Method) {
			given := r.Header.Get("X-CSRF-Token")
			if given == "" && route.Kind == KindAction {
				given = r.PostFormValue(ui.CSRFField)
			}
			if c.forged.Check(r) != nil || !session.CheckCSRF(given) {
				c.fail(w, r, errForged)
				return
			}
		}
		ctx := people.With(r.Context(), actor)
		ctx = ui.WithCSRF(ctx, session.CSRF)
		ctx = withMoment(ui.WithNow(ctx, c.o.Now()), c.events)
		ctx = ui.WithZone(ctx, ui.ZoneOf(r))
		r = r.WithContext(ctx)
		if route.Kind != KindAPI {
			w.Header().Set("Cache-Control", "no-store")
		}
		if err := h(w, r); err != nil {
			c.fail(w, r, err)
		}
	})
}

func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// unknown answers who is nobody: a person goes to the sign-in page and comes
// back, a program is told what to send.
func (c *Console) unknown(w http.ResponseWriter, r *http.Request, route Route, err error) {
	if route.Kind == KindPage && r.Header.Get("Authorization") == "" && !wantsJSON(r) {
		q := url.Values{"next": {r.URL.RequestURI()}}
		http.Redirect(w, r, "/sign-in?"+q.Encode(), http.StatusSeeOther)
		return
	}
	if !errors.Is(err, people.ErrNobody) && !errors.Is(err, people.ErrSession) && !errors.Is(err, people.ErrBearer) {
		c.fail(w, r, err)
		return
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="vigie"`)
	c.fail(w, r, &Problem{Status: http.StatusUnauthorized, Title: "Sign in first", Detail: "Send a session's cookie, or a token as `Authorization: Bearer TOKEN`."})
}

// Next returns where a person wanted to go before signing in: only a path of
// this console, never another site.
func Next(r *http.Request) string {
	n := r.FormValue("next")
	// Browsers read a backslash as a slash and drop tabs and line breaks, so
	// that more than two slashes lead away.
	u, err := url.Parse(n)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(u.Path, "/") || strings.ContainsAny(n, "\\\t\r\n") {
		return "/"
	}
	if p := path.Clean(u.Path); p != u.Path && p+"/" != u.Path || strings.HasPrefix(p, "/sign-") {
		return "/"
	}
	return n
}

// Actor returns who sent the request; routes registered with a role have one.
func Actor(r *http.Request) people.Actor {
	a, _ := people.From(r.Context())
	return a
}

// SeeOther sends a form's sender to the page that shows what changed.
func SeeOther(w http.ResponseWriter, r *http.Request, path string) error {
	http.Redirect(w, r, path, http.StatusSeeOther)
	return nil
}

// fail shows an error in the reader's form: a page to people, problem+json to
// programs.
func (c *Console) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(err)
	if p.Status >= 500 && r.Context().Err() == nil {
		c.o.Log.Error("request failed", "method", r.Method, "path", shown(r), logattr.Err(err))
	}
	p.write(w, r)
}

// shown is the path of a request as logs may hold it: the token of a link that
// signs in or acts is none of their business.
func shown(r *http.Request) string {
	if strings.Contains(r.Pattern, "{token}") {
		return r.Pattern
	}
	return r.URL.Path
}
