package spool_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/vigie-ops/vigie/internal/agent/spool"
)

// TestSpoolBehavesLikeASlice drives a spool and a slice with the same random
// acts: append, read with and without acknowledgement, restart, hubs that come
// and go.
func TestSpoolBehavesLikeASlice(t *testing.T) {
	for seed := range uint64(30) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		dir := t.TempDir()
		o := spool.Options{SegmentBytes: int64(1 + rnd.IntN(600))}
		s, err := spool.Open(dir, o)
		if err != nil {
			t.Fatal(err)
		}
		var log []string
		cursors := map[string]int{}
		for step := range 250 {
			hub := fmt.Sprint("hub-", rnd.IntN(3))
			switch act := rnd.IntN(100); {
			case act < 45:
				var batch []spool.Record
				for range 1 + rnd.IntN(3) {
					p := fmt.Sprintf("%d %0*d", len(log), rnd.IntN(100), 0)
					log = append(log, p)
					batch = append(batch, spool.Record{Kind: "k", Payload: []byte(p)})
				}
				if err := s.Append(batch...); err != nil {
					t.Fatal(err)
				}
			case act < 90:
				at, known := cursors[hub]
				if !known {
					at = len(log)
				}
				cursors[hub] = at
				r, err := s.Reader(hub)
				if err != nil {
					t.Fatal(err)
				}
				rec, ok, err := r.Peek()
				if err != nil || ok != (at < len(log)) || ok && string(rec.Payload) != log[at] {
					t.Fatalf("seed %d step %d: %s reads %q %v %v at %d of %d", seed, step, hub, rec.Payload, ok, err, at, len(log))
				}
				if ok && rnd.IntN(5) > 0 {
					if err := r.Ack(rec); err != nil {
						t.Fatal(err)
					}
					cursors[hub]++
				}
			case act < 95:
				delete(cursors, hub)
				var keep []string
				for h := range cursors {
					keep = append(keep, h)
				}
				if err := s.Keep(keep...); err != nil {
					t.Fatal(err)
				}
			default:
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				if s, err = spool.Open(dir, o); err != nil {
					t.Fatal(err)
				}
			}
		}
		if st := s.Stats(); st.Lost != 0 || st.Damaged != 0 {
			t.Fatalf("seed %d: lost %d, damaged %d", seed, st.Lost, st.Damaged)
		}
		s.Close()
	}
}
