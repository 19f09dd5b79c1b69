package people

import (
	"strings"
	"testing"
)

func TestAHashMatchesItsPasswordAlone(t *testing.T) {
	c := cost{memory: 64, passes: 1, threads: 1}
	text := c.hash("a ladder against the moon")
	if text == c.hash("a ladder against the moon") {
		t.Error("two hashes of one password are the same")
	}
	h, err := parsePHC(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if !h.matches("a ladder against the moon") || h.matches("a ladder against the sun") || h.matches("") {
		t.Error("it does not tell passwords apart")
	}
	if h.String() != text {
		t.Errorf("got %s, want %s", h, text)
	}
	if nobody(c).matches("") {
		t.Error("nobody has a password")
	}
}

func TestTheHashOfAnotherProgramIsRead(t *testing.T) {
	// argon2 -id -t 2 -m 16 -p 1 -l 32 of Debian, on "password" and "somesalt".
	const text = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	h, err := parsePHC(text)
	if err != nil || !h.matches("password") {
		t.Errorf("%+v, %v; want it to match", h.cost, err)
	}
}

func FuzzPHC(f *testing.F) {
	f.Add(cost{memory: 64, passes: 1, threads: 1}.hash("x"))
	f.Add("$argon2id$v=19$m=4294967295,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Add("$argon2id$v=19$m=64,m=64,t=1$$")
	f.Add("$$$$$")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := parsePHC(s)
		if err != nil {
			return
		}
		if h.cost.memory > 1<<20 || h.cost.passes > 64 || h.cost.passes == 0 || h.cost.threads == 0 {
			t.Errorf("%q costs too much: %+v", s, h.cost)
		}
		again, err := parsePHC(h.String())
		if err != nil || again.cost != h.cost || string(again.sum) != string(h.sum) || string(again.salt) != string(h.salt) {
			t.Errorf("%q is not read back: %+v, %v", s, again, err)
		}
	})
}

func BenchmarkHash(b *testing.B) {
	for b.Loop() {
		if !strings.HasPrefix(costNow().hash("a ladder against the moon"), "$argon2id$") {
			b.Fatal("no hash")
		}
	}
}
