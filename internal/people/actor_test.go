package people_test

import (
	"context"
	"testing"

	"github.com/vigie-ops/vigie/internal/people"
)

func TestAContextKnowsWhoActs(t *testing.T) {
	if a, ok := people.From(context.Background()); ok {
		t.Errorf("nobody signed in, but %+v acts", a)
	}
	want := people.Actor{Slug: "nadia", Name: "Nadia", Role: people.Admin, Via: people.ViaSession}
	if got, ok := people.From(people.With(context.Background(), want)); !ok || got != want {
		t.Errorf("From = %+v, %v, want %+v", got, ok, want)
	}
}
