package notify

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheMostUrgentOfThoseThatWaitGoesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurn()
		give, err := turns.take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		order := make(chan int, 4)
		for _, urgency := range []int{1, 3, 2, 3} {
			go func() {
				give, err := turns.takeFor(t.Context(), urgency)
				if err != nil {
					t.Error(err)
					return
				}
				order <- urgency
				give()
			}()
			synctest.Wait()
		}
		give()
		var got []int
		for range 4 {
			got = append(got, <-order)
		}
		if want := []int{3, 3, 2, 1}; !slices.Equal(got, want) {
			t.Errorf("in the order %v, want %v", got, want)
		}
	})
}

func TestAChannelThatHangsHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(Options{})
		if _, err := c.turnOf("chat").take(t.Context()); err != nil { // and never gives it back
			t.Fatal(err)
		}
		<-time.After(slowTurn + time.Second)
		ends := make(chan error, 3*maxHeld)
		for range 3 * maxHeld {
			go func() {
				_, err := c.turnOf("chat").take(t.Context())
				ends <- err
			}()
			synctest.Wait()
		}
		for range 2 * maxHeld {
			if err := <-ends; !errors.Is(err, errCrowded) {
				t.Errorf("a message that is too many: %v, want %v", err, errCrowded)
			}
		}
		began := time.Now()
		give, err := c.turnOf("mail").take(t.Context())
		if err != nil || time.Since(began) != 0 {
			t.Errorf("mail waits %v for the chat, %v", time.Since(began), err)
		}
		give()
		for range maxHeld {
			if err := <-ends; err != nil {
				t.Errorf("a message that waited its time: %v", err)
			}
		}
	})
}
