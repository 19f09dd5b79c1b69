package people

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/vigie-ops/vigie/internal/audit"
	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/lib/id"
)

const (
	sessionIdle = 12 * time.Hour     // a session that is not used for so long ends
	sessionLife = 7 * 24 * time.Hour // and any after so long
)

// Session is one browser in which a person is signed in.
type Session struct {
	ID      string
	Person  string
	How     string // password, link, setup, invitation
	Created time.Time
	Seen    time.Time
	Expires time.Time // at the latest
	Remote  string    // where it began
	Browser string
	CSRF    string // what a form of this session must carry
}

// CheckCSRF reports whether a form was made for this session.
func (s Session) CheckCSRF(given string) bool {
	return s.CSRF != "" && subtle.ConstantTimeCompare([]byte(given), []byte(s.CSRF)) == 1
}

// SignedIn is a session that has just begun.
type SignedIn struct {
	Session Session
	Actor   Actor
	Token   string // what the browser keeps, in the cookie; stored nowhere else
}

// LogValue keeps the token out of logs.
func (s SignedIn) LogValue() slog.Value { return slog.StringValue("session " + s.Session.ID) }

// start begins a session.
func (a *Accounts) start(ctx context.Context, tx *db.Tx, p Person, how, remote, browser string) (SignedIn, error) {
	token := newToken()
	now := a.now().UTC()
	s := Session{
		ID: id.New(), Person: p.Slug, How: how, Created: now, Seen: now, Expires: now.Add(sessionLife),
		Remote: short(remote), Browser: short(browser), CSRF: csrf(token),
	}
	if err := insertSession(ctx, tx, s, hashToken(token)); err != nil {
		return SignedIn{}, err
	}
	err := a.audit.Record(ctx, tx, audit.Entry{
		Actor: p.Slug, Via: ViaSession, Verb: "session.start", Object: KindPerson + ":" + p.Slug,
		Details: map[string]any{"how": how, "remote": s.Remote, "browser": s.Browser},
	})
	if err != nil {
		return SignedIn{}, err
	}
	return SignedIn{Session: s, Actor: actorOf(p), Token: token}, nil
}

// Sessions returns the sessions of a person, last used first.
func (a *Accounts) Sessions(ctx context.Context, person string) ([]Session, error) {
	all, err := sessionsOf(ctx, a.db.Read(), person)
	if err != nil {
		return nil, fmt.Errorf("sessions of %q: %w", person, err)
	}
	now, open := a.now(), all[:0]
	for _, s := range all {
		if s.Seen = a.lastSeen(s); s.holds(now) {
			open = append(open, s)
		}
	}
	return open, nil
}

// SignOut ends a session at its person's wish.
func (a *Accounts) SignOut(ctx context.Context, actor Actor, s Session) error {
	return a.EndSession(ctx, actor, s.Person, s.ID)
}

// EndSession ends one session of a person. One that is over already is no
// error.
func (a *Accounts) EndSession(ctx context.Context, actor Actor, person, session string) error {
	err := a.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		n, err := deleteSession(ctx, tx, person, session)
		if err != nil || n == 0 {
			return err
		}
		return a.recordEnd(ctx, tx, actor, person, n, "")
	})
	if err != nil {
		return fmt.Errorf("end session of %q: %w", person, err)
	}
	return nil
}

// EndSessions ends all sessions of a person.
func (a *Accounts) EndSessions(ctx context.Context, actor Actor, person, reason string) error {
	err := a.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		n, err := deleteSessionsOf(ctx, tx, person, "")
		if err != nil || n == 0 {
			return err
		}
		return a.recordEnd(ctx, tx, actor, person, n, reason)
	})
	if err != nil {
		return fmt.Errorf("end sessions of %q: %w", person, err)
	}
	return nil
}

func (a *Accounts) recordEnd(ctx context.Context, tx *db.Tx, actor Actor, person string, n int64, reason string) error {
	return a.audit.Record(ctx, tx, audit.Entry{
		Actor: actor.Slug, Via: actor.Via, Verb: "session.end", Object: KindPerson + ":" + person, Reason: reason,
		Details: map[string]any{"sessions": n},
	})
}

// holds reports whether a session is still good.
func (s Session) holds(now time.Time) bool {
	return now.Before(s.Expires) && now.Sub(s.Seen) < sessionIdle
}

// newToken returns what only the one it is given to knows: 32 random bytes.
func newToken() string {
	b := make([]byte, 32)
	rand.Read(b) // never fails since Go 1.24
	return base64.RawURLEncoding.EncodeToString(b)
}

// hashToken is what is stored of a token. It needs no salt and no slowness,
// because nobody guesses 32 random bytes.
func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// csrf derives what forms carry from what the cookie holds: a page of another
// site can send the cookie, but it can read neither.
func csrf(token string) string {
	m := hmac.New(sha256.New, []byte(token))
	m.Write([]byte("vigie form"))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// short bounds what a stranger can have stored, and drops what PostgreSQL
// refuses.
func short(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\x00", "")
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "")
	}
	return s
}
