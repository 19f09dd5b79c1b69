package metrics_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/db/dbtest"
	"github.com/vigie-ops/vigie/internal/observe/metrics"
	"github.com/vigie-ops/vigie/internal/opsrepo"
)

// repository is an operations repository with one rule file.
func repository(rules string) fstest.MapFS {
	return fstest.MapFS{
		"vigie.yaml":           {Data: []byte("vigie: 1\n")},
		"rules/team/shop.yaml": {Data: []byte(rules)},
	}
}

func TestMistakesInRuleFilesHaveTheirPlace(t *testing.T) {
	_, problems := opsrepo.Load(repository("groups:\n- name: shop\n  rules:\n  - alert: Slow\n    expr: sum(up\n"), metrics.Sections())
	if len(problems) != 1 || !strings.HasPrefix(problems[0].String(), `rules/team/shop.yaml:5:17: rule "Slow": the expression is not PromQL`) {
		t.Errorf("problems are %v", problems)
	}
}

func TestRulesOfACommitAreInUse(t *testing.T) {
	dbtest.Each(t, nil, func(t *testing.T, d *db.DB) {
		room := open(t, metrics.Options{})
		has := func(name string) bool {
			for _, r := range room.AlertingRules() {
				if r == name {
					return true
				}
			}
			return false
		}
		apply := func(rules string) {
			t.Helper()
			g, problems := opsrepo.Load(repository(rules), metrics.Sections())
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error { return room.ApplyOps(ctx, tx, g) })
			if err != nil {
				t.Fatal(err)
			}
		}
		apply("groups:\n- name: shop\n  rules:\n  - alert: Slow\n    expr: up == 0\n")
		apply("groups:\n- name: shop\n  rules:\n  - alert: Slow\n    expr: up == 1\n") // twice before anything runs
		run(t, room)
		eventually(t, "the rule is in use", func() error {
			if !has("Slow") {
				return fmt.Errorf("rules in use: %v", room.AlertingRules())
			}
			return nil
		})
		if !has("ServerMemoryLow") {
			t.Errorf("rules in use: %v", room.AlertingRules())
		}
		apply("groups: []\n")
		if has("Slow") || !has("ServerMemoryLow") {
			t.Errorf("rules in use after the file was emptied: %v", room.AlertingRules())
		}
	})
}
