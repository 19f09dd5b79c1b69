package querytext_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/observe/logs/query"
	"github.com/vigie-ops/vigie/internal/observe/logs/query/querytext"
)

func TestTimeIsTakenOutOfAFilter(t *testing.T) {
	for _, c := range []struct {
		text     string
		rest     query.Filter
		from, to int64
	}{
		{"a", anyw("a"), 0, 0},
		{"@timestamp:2026-11-25 and a", anyw("a"), at("2026-11-25").Num, at("2026-11-26").Num},
		{"@timestamp > 2026-11-25T10:00:00.0Z and (@timestamp <= 2026-11-25T11:00:00.0Z and a b)", query.And{anyw("a"), anyw("b")}, at("2026-11-25T10:00:00Z").Num + 1, at("2026-11-25T11:00:00Z").Num + 1},
		{"@timestamp >= 2026-11-25 and @timestamp >= 2026-11-20", query.All{}, at("2026-11-25").Num, 0},
		{"not @timestamp:2026-11-25", not(day("@timestamp", "2026-11-25", "2026-11-26")), 0, 0},
		{"event.ingested:2026-11-25", day("event.ingested", "2026-11-25", "2026-11-26"), 0, 0},
	} {
		f, err := querytext.Parse(c.text, opts)
		if err != nil {
			t.Fatal(err)
		}
		rest, from, to := querytext.TimeBounds(f)
		if a, ok := rest.(query.And); ok && len(a) == 1 {
			rest = a[0]
		}
		if d := cmp.Diff(c.rest, rest, same); d != "" || from != c.from || to != c.to {
			t.Errorf("%s: %d to %d, want %d to %d\n%s", c.text, from, to, c.from, c.to, d)
		}
	}
}
