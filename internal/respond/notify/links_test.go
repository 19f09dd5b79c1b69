package notify

import (
	"errors"
	"testing"
)

func FuzzUnseal(f *testing.F) {
	key := []byte("0123456789abcdef0123456789abcdef")
	good, err := seal(key, grant{Delivery: "01J", Person: "nadia", Expires: 1})
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{good, "", ".", "a.b", good[1:], good + "A", "e30." + good} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, token string) {
		g, err := unseal(key, token)
		if err == nil && token != good {
			t.Errorf("%q, which nobody made, grants %+v", token, g)
		}
		if err != nil && !errors.Is(err, ErrLinkInvalid) {
			t.Errorf("%q: %v", token, err)
		}
	})
}

func TestALinkOfAnotherKeyGrantsNothing(t *testing.T) {
	token, err := seal([]byte("one key"), grant{Delivery: "01J", Person: "nadia"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unseal([]byte("another key"), token); !errors.Is(err, ErrLinkInvalid) {
		t.Errorf("got %v, want %v", err, ErrLinkInvalid)
	}
}
