package people

import "context"

// Actor is who does something: a person in a session, a program with a token,
// somebody who followed the link in a mail.
type Actor struct {
	Slug string
	Name string
	Role Role
	Via  string // ViaSession, ViaToken or ViaLink
}

// The ways an actor comes in.
const (
	ViaSession = "session"
	ViaToken   = "token"
	ViaLink    = "link"
)

type actorKey struct{}

// With returns a context in which a acts.
func With(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// From returns who acts in ctx, and false when nobody signed in.
func From(ctx context.Context) (Actor, bool) {
	a, ok := ctx.Value(actorKey{}).(Actor)
	return a, ok
}
