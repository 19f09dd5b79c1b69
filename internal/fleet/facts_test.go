package fleet_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/db/dbtest"
	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/wire"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func fact(kind, hash string, at time.Time) fleet.Fact {
	return fleet.Fact{Server: "app-01", Kind: kind, Hash: hash, At: at, Body: json.RawMessage(`{"is":"` + hash + `"}`)}
}

func eachFacts(t *testing.T, f func(t *testing.T, facts *fleet.Facts)) {
	t.Helper()
	dbtest.Each(t, []db.Schema{fleet.Tables}, func(t *testing.T, d *db.DB) { f(t, fleet.NewFacts(d)) })
}

func put(t *testing.T, facts *fleet.Facts, f fleet.Fact) bool {
	t.Helper()
	changed, err := facts.Put(t.Context(), f)
	if err != nil {
		t.Fatalf("put %+v: %v", f, err)
	}
	return changed
}

func TestAFactIsKeptWhenItChanges(t *testing.T) {
	eachFacts(t, func(t *testing.T, facts *fleet.Facts) {
		if _, err := facts.One(t.Context(), "app-01", "os"); !errors.Is(err, fleet.ErrNoFact) {
			t.Errorf("before: got %v, want %v", err, fleet.ErrNoFact)
		}
		for _, c := range []struct {
			name string
			fact fleet.Fact
			want bool
		}{
			{"first", fact("os", "a", noon), true},
			{"sent again", fact("os", "a", noon), false},
			{"unchanged later", fact("os", "a", noon.Add(time.Hour)), false},
			{"changed", fact("os", "b", noon.Add(2*time.Hour)), true},
			{"an old one, late", fact("os", "c", noon.Add(time.Minute)), false},
			{"another kind", fact("ports", "a", noon), true},
		} {
			if got := put(t, facts, c.fact); got != c.want {
				t.Errorf("%s: changed %v, want %v", c.name, got, c.want)
			}
		}
		now, err := facts.Of(t.Context(), "app-01")
		want := []fleet.Fact{fact("os", "b", noon.Add(2*time.Hour)), fact("ports", "a", noon)}
		if diff := cmp.Diff(want, now); err != nil || diff != "" {
			t.Errorf("facts (-want +got), %v:\n%s", err, diff)
		}
		history, err := facts.History(t.Context(), "app-01", "os")
		want = []fleet.Fact{fact("os", "b", noon.Add(2*time.Hour)), fact("os", "a", noon)}
		if diff := cmp.Diff(want, history); err != nil || diff != "" {
			t.Errorf("history (-want +got), %v:\n%s", err, diff)
		}
		if other, err := facts.Of(t.Context(), "app-02"); err != nil || len(other) != 0 {
			t.Errorf("another server: %v, %v", other, err)
		}
	})
}

func TestTwentyVersionsOfAFactAreKept(t *testing.T) {
	eachFacts(t, func(t *testing.T, facts *fleet.Facts) {
		put(t, facts, fact("ports", "stays", noon))
		for i := range 25 {
			put(t, facts, fact("os", fmt.Sprint(i), noon.Add(time.Duration(i)*time.Minute)))
		}
		history, err := facts.History(t.Context(), "app-01", "os")
		if err != nil || len(history) != 20 || history[0].Hash != "24" || history[19].Hash != "5" {
			t.Errorf("got %d versions, %v; want those from 24 to 5", len(history), err)
		}
		if other, err := facts.History(t.Context(), "app-01", "ports"); err != nil || len(other) != 1 {
			t.Errorf("the other kind has %d versions, %v; want 1", len(other), err)
		}
	})
}

func TestOneFactSentTwiceAtOnceChangesOnce(t *testing.T) {
	eachFacts(t, func(t *testing.T, facts *fleet.Facts) {
		var changes atomic.Int32
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				changed, err := facts.Put(t.Context(), fact("os", "a", noon))
				if err != nil {
					t.Errorf("put: %v", err)
				}
				if changed {
					changes.Add(1)
				}
			})
		}
		wg.Wait()
		if n := changes.Load(); n != 1 {
			t.Errorf("it changed %d times, want once", n)
		}
	})
}

func TestAFactThatSaysNothingIsRefused(t *testing.T) {
	eachFacts(t, func(t *testing.T, facts *fleet.Facts) {
		good := fact("os", "a", noon)
		for name, spoil := range map[string]func(f *fleet.Fact){
			"server": func(f *fleet.Fact) { f.Server = "" },
			"kind":   func(f *fleet.Fact) { f.Kind = "" },
			"hash":   func(f *fleet.Fact) { f.Hash = "" },
			"time":   func(f *fleet.Fact) { f.At = time.Time{} },
			"body":   func(f *fleet.Fact) { f.Body = json.RawMessage(`{`) },
		} {
			bad := good
			spoil(&bad)
			if _, err := facts.Put(t.Context(), bad); err == nil {
				t.Errorf("a fact without %s was taken", name)
			}
		}
	})
}

func TestAServerCannotFillTheState(t *testing.T) {
	eachFacts(t, func(t *testing.T, facts *fleet.Facts) {
		for i := range 20 {
			put(t, facts, fact(fmt.Sprintf("kind-%d", i), "a", noon))
		}
		if _, err := facts.Put(t.Context(), fact("kind-20", "a", noon)); !errors.Is(err, fleet.ErrTooManyKinds) {
			t.Errorf("one kind more: %v, want %v", err, fleet.ErrTooManyKinds)
		}
		if !put(t, facts, fact("kind-3", "b", noon.Add(time.Hour))) {
			t.Error("a kind that is known is not taken any more")
		}
		large := json.RawMessage(`"` + strings.Repeat("x", 6<<20) + `"`)
		for i := range 5 {
			put(t, facts, fleet.Fact{Server: "app-01", Kind: "kind-0", Hash: fmt.Sprint("large", i), At: noon.Add(time.Duration(i+1) * time.Hour), Body: large})
		}
		if kept, err := facts.History(t.Context(), "app-01", "kind-0"); err != nil || len(kept) != 2 || kept[0].Hash != "large4" {
			t.Errorf("%d versions of 6 MiB are kept, %v; want the last 2", len(kept), err)
		}
	})
}

func TestHostKeysOfAServerAreKeysAndNothingElse(t *testing.T) {
	const key, other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICAhIiMkJSYnKCkqKywtLi8wMTIzNDU2Nzg5Ojs8PT4/"
	eachFacts(t, func(t *testing.T, facts *fleet.Facts) {
		if keys, err := facts.HostKeys(t.Context(), "app-01"); err != nil || len(keys) != 0 {
			t.Errorf("before: %v, %v", keys, err)
		}
		put(t, facts, fleet.Fact{Server: "app-01", Kind: wire.FactSSHHostKeys, Hash: "a", At: noon, Body: json.RawMessage(`{"keys":[` +
			`"` + other + ` a comment","` + key + `","` + key + `","@cert-authority * ` + key + `","` + key + `\napp-02 ` + other + `","from=\"x\" ` + key + `","ssh-ed25519 AAAA",""]}`)})
		keys, err := facts.HostKeys(t.Context(), "app-01")
		if diff := cmp.Diff([]string{key, other}, keys); err != nil || diff != "" {
			t.Errorf("keys (-want +got), %v:\n%s", err, diff)
		}
		many := make([]string, 1000)
		for i := range many {
			many[i] = key
		}
		body, err := json.Marshal(wire.SSHHostKeys{Keys: append(many, other)})
		if err != nil {
			t.Fatal(err)
		}
		put(t, facts, fleet.Fact{Server: "app-01", Kind: wire.FactSSHHostKeys, Hash: "b", At: noon.Add(time.Hour), Body: body})
		if keys, err := facts.HostKeys(t.Context(), "app-01"); err != nil || len(keys) != 1 {
			t.Errorf("of 1001 keys: %v, %v; want the first few", keys, err)
		}
	})
}
