package people

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

var (
	// ErrNobody says that a request brings no credentials.
	ErrNobody = errors.New("sign in first")
	// ErrSession says that a session is over.
	ErrSession = errors.New("your session is over; sign in again")
	// ErrBearer says that a bearer token is unknown.
	ErrBearer = errors.New("this token is not known; the tokens that sign programs in stand in the hub's tokens file")
)

// Authenticate says who sends a request, by its Authorization header or its
// cookie. A program with a token has no session and needs no CSRF protection,
// since no browser sends its token by itself. The error is ErrNobody,
// ErrSession or ErrBearer, or tells of a state that cannot be read.
func (a *Accounts) Authenticate(r *http.Request) (Actor, Session, error) {
	if header := r.Header.Get("Authorization"); header != "" {
		// Never the cookie instead: who shows a wrong token wants to know.
		t, ok := a.bearer(header)
		if !ok {
			t, ok = a.basic(r)
		}
		if !ok {
			return Actor{}, Session{}, ErrBearer
		}
		return Actor{Slug: t.Name, Name: t.Name, Role: t.Role, Via: ViaToken}, Session{}, nil
	}
	c, err := r.Cookie(a.cookieName())
	if err != nil || c.Value == "" {
		return Actor{}, Session{}, ErrNobody
	}
	ctx := r.Context()
	s, err := sessionByHash(ctx, a.db.Read(), hashToken(c.Value))
	if isNoRow(err) {
		return Actor{}, Session{}, ErrSession
	}
	if err != nil {
		return Actor{}, Session{}, fmt.Errorf("read session: %w", err)
	}
	now := a.now().UTC()
	if s.Seen = a.lastSeen(s); !s.holds(now) {
		return Actor{}, Session{}, ErrSession
	}
	p, err := a.person(ctx, a.db.Read(), s.Person)
	if errors.Is(err, ErrUnknown) {
		return Actor{}, Session{}, ErrSession
	}
	if err != nil {
		return Actor{}, Session{}, fmt.Errorf("read session: %w", err)
	}
	a.touch(s.ID, now)
	s.Seen, s.CSRF = now, csrf(c.Value)
	return actorOf(p), s, nil
}

// cookieName has the prefix that makes browsers refuse a cookie which another
// host or plain HTTP planted; it needs HTTPS.
func (a *Accounts) cookieName() string {
	if a.secure {
		return "__Host-vigie"
	}
	return "vigie"
}

// Cookie returns the cookie of a session that has just begun.
func (a *Accounts) Cookie(in SignedIn) *http.Cookie {
	return &http.Cookie{
		Name: a.cookieName(), Value: in.Token, Path: "/", Expires: in.Session.Expires,
		HttpOnly: true, Secure: a.secure,
		// Lax, so that the link in a mail opens a page for who is signed in; a
		// GET changes nothing and everything else carries a CSRF token.
		SameSite: http.SameSiteLaxMode,
	}
}

// ClearCookie returns the cookie that makes a browser forget its session.
func (a *Accounts) ClearCookie() *http.Cookie {
	return &http.Cookie{Name: a.cookieName(), Path: "/", MaxAge: -1, HttpOnly: true, Secure: a.secure, SameSite: http.SameSiteLaxMode}
}

func (a *Accounts) bearer(header string) (StaticToken, bool) {
	scheme, token, ok := strings.Cut(header, " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return StaticToken{}, false
	}
	known := a.tokens.Load()
	if known == nil {
		return StaticToken{}, false
	}
	t, ok := (*known)[sumOf(strings.TrimSpace(token))]
	return t, ok
}

// basic takes a token as the password of its name, for programs that know
// nothing else, such as promtool with http://NAME:TOKEN@HOST. A browser keeps
// such a password and sends it for whatever page asks, so that none is taken
// from a browser.
func (a *Accounts) basic(r *http.Request) (StaticToken, bool) {
	name, token, ok := r.BasicAuth()
	if !ok || r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" {
		return StaticToken{}, false
	}
	known := a.tokens.Load()
	if known == nil {
		return StaticToken{}, false
	}
	t, ok := (*known)[sumOf(token)]
	return t, ok && t.Name == name
}
