// Package console is the frame of the web console and of the HTTP interfaces:
// routes with the role each needs, sign-in and forged-request checks in one
// place, navigation, live updates, panels and error pages. It knows no room;
// the web faces of the rooms register their pages with it.
package console

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/vigie-ops/vigie/internal/people"
	"github.com/vigie-ops/vigie/internal/ui"
)

// Authenticator says who sends a request.
type Authenticator interface {
	// Authenticate returns people.ErrNobody for a request without any
	// credential, and another error for a credential that is not good.
	Authenticate(r *http.Request) (people.Actor, people.Session, error)
}

// Options are what a console needs.
type Options struct {
	Auth Authenticator
	Log  *slog.Logger
	Now  func() time.Time // time.Now if nil
	// Stale says in a sentence why the pages may be behind, or nothing.
	Stale func(ctx context.Context) string
	// Secure is set where the console is reached by https only.
	Secure bool
}

// Console serves the pages and interfaces that were registered with it.
type Console struct {
	o       Options
	mux     *http.ServeMux
	routes  []Route
	nav     []NavEntry
	panels  map[Place][]Panel
	changes []Changes
	finders []finder
	events  *Events
	forged  *http.CrossOriginProtection
}

// New returns a console without pages.
func New(o Options) *Console {
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &Console{
		o:      o,
		mux:    http.NewServeMux(),
		panels: map[Place][]Panel{},
		events: NewEvents(),
		forged: http.NewCrossOriginProtection(),
	}
	c.mux.Handle("GET /assets/", ui.Assets())
	c.API("GET /events", people.Viewer, c.stream)
	c.Page("GET /rail", people.Viewer, c.rail)
	c.API("GET /find", people.Viewer, c.found)
	return c
}

// Events is where rooms publish what changed.
func (c *Console) Events() *Events { return c.events }

// Handler serves everything registered so far and later.
func (c *Console) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", ui.ContentSecurityPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		if c.o.Secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		if _, pattern := c.mux.Handler(r); pattern == "" {
			c.unrouted(w, r)
			return
		}
		c.mux.ServeHTTP(w, r)
	})
}

// unrouted answers for a path or a method that nobody registered.
func (c *Console) unrouted(w http.ResponseWriter, r *http.Request) {
	rec := &statusOnly{header: http.Header{}}
	c.mux.ServeHTTP(rec, r)
	switch {
	case rec.status >= 300 && rec.status < 400: // a trailing slash
		w.Header().Set("Location", rec.header.Get("Location"))
		w.WriteHeader(rec.status)
	case rec.status == http.StatusMethodNotAllowed:
		w.Header().Set("Allow", rec.header.Get("Allow"))
		c.fail(w, r, &Problem{Status: rec.status, Title: "Not that way", Detail: "This address does not take " + r.Method + "; it takes " + rec.header.Get("Allow") + "."})
	default:
		c.fail(w, r, NotFound("There is nothing at this address. It may have moved, or the link is cut off."))
	}
}

// statusOnly records how the mux refuses, so that the refusal can be worded.
type statusOnly struct {
	header http.Header
	status int
}

func (s *statusOnly) Header() http.Header         { return s.header }
func (s *statusOnly) Write(b []byte) (int, error) { return len(b), nil }
func (s *statusOnly) WriteHeader(status int)      { s.status = status }
