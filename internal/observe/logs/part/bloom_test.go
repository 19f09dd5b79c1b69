package part

import (
	"math/rand/v2"
	"testing"
)

func TestAFilterHasItsTokensAndFewOthers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 1000, 60_000} {
		s := &tokenSet{}
		var in []uint64
		for range n {
			in = append(in, r.Uint64())
			s.add(in[len(in)-1])
		}
		b := newBloom(s)
		has := func(token uint64) bool { return inBloom(b[bloomAt(len(b), token):], token) }
		for _, token := range in {
			if !has(token) {
				t.Fatalf("one of %d is missing", n)
			}
		}
		others := 0
		for range 100_000 {
			if has(r.Uint64()) {
				others++
			}
		}
		if others > 1000 {
			t.Errorf("of %d: %d in 100000 others are taken for one", n, others)
		}
	}
}

func TestTooManyTokensLeaveNoFilter(t *testing.T) {
	s := &tokenSet{}
	for i := range uint64(maxTokens + 10) {
		s.add(i * 0x9e3779b97f4a7c15)
	}
	if b := newBloom(s); b != nil {
		t.Errorf("%d bytes", len(b))
	}
}
