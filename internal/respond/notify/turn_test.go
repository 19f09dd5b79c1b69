package notify

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestOneMessageAfterTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurn()
		waited := func(ctx context.Context) (time.Duration, func(), error) {
			began := time.Now()
			give, err := turns.take(ctx)
			return time.Since(began), give, err
		}
		first, give, err := waited(t.Context())
		if err != nil || first != 0 {
			t.Fatalf("the first waits %v, %v", first, err)
		}
		time.AfterFunc(2*time.Second, give)
		second, give, err := waited(t.Context())
		if err != nil || second != 2*time.Second {
			t.Errorf("the second waits %v, %v; want until the first gives its turn back", second, err)
		}
		// The second never comes back: its server does not answer.
		third, giveThird, err := waited(t.Context())
		if err != nil || third != longestTurn {
			t.Errorf("the third waits %v, %v; want %v", third, err, longestTurn)
		}
		giveThird() // gives back what it never had: nothing
		stopped, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if d, _, err := waited(stopped); !errors.Is(err, context.DeadlineExceeded) || d != time.Second {
			t.Errorf("a message waits %v, %v while the hub stops", d, err)
		}
		give()
		if d, _, err := waited(t.Context()); err != nil || d != 0 {
			t.Errorf("with the turn free, a message waits %v, %v", d, err)
		}
	})
}
