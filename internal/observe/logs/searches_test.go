package logs_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/db/dbtest"
	"github.com/vigie-ops/vigie/internal/observe/logs"
)

type notebook struct{ entries []string }

func (n *notebook) Record(_ context.Context, _ *db.Tx, verb, object, _ string, _ map[string]any) error {
	n.entries = append(n.entries, verb+" "+object)
	return nil
}

func TestSearchesAreKeptByNameForEverybody(t *testing.T) {
	dbtest.Each(t, []db.Schema{logs.Tables}, func(t *testing.T, state *db.DB) {
		var n notebook
		s := logs.NewSearches(state, &n, func() time.Time { return noon })
		save := func(name, query string) (logs.Search, error) {
			v, err := url.ParseQuery(query)
			if err != nil {
				t.Fatal(err)
			}
			return s.Save(t.Context(), "nadia", name, v)
		}
		first, err := save("  five   hundreds ", "q=status:500&range=6h&col=a&col=b&from=1&live=1&evil=x&wrap=")
		if err != nil || first.Name != "five hundreds" || first.Address != "col=a&col=b&q=status%3A500&range=6h" {
			t.Errorf("%+v %v", first, err)
		}
		if _, err := save("Auth", "q=class:auth"); err != nil {
			t.Fatal(err)
		}
		again, err := save("five hundreds", "q=status:502")
		if err != nil || again.ID != first.ID {
			t.Errorf("saved again it is %+v, %v, want the one of %s", again, err, first.ID)
		}
		for _, name := range []string{"", "   ", strings.Repeat("ü", 81)} {
			if _, err := save(name, "q=x"); !errors.Is(err, logs.ErrSearch) {
				t.Errorf("the name %q: %v", name, err)
			}
		}
		all, err := s.All(t.Context())
		if err != nil || len(all) != 2 || all[0].Name != "Auth" || all[1].Address != "q=status%3A502" || all[1].By != "nadia" || !all[1].At.Equal(noon) {
			t.Errorf("all are %+v, %v", all, err)
		}
		if found, err := s.Delete(t.Context(), first.ID); !found || err != nil {
			t.Error(found, err)
		}
		if found, err := s.Delete(t.Context(), first.ID); found || err != nil {
			t.Error("deleted twice:", found, err)
		}
		if want := "[logs.search.save search:five hundreds logs.search.save search:Auth logs.search.save search:five hundreds logs.search.delete search:five hundreds]"; fmt.Sprint(n.entries) != want {
			t.Errorf("the trail is %v", n.entries)
		}
	})
}
