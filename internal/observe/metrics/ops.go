package metrics

import (
	"context"
	"slices"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/fleet"
	"github.com/vigie-ops/vigie/internal/observe/metrics/rules"
	"github.com/vigie-ops/vigie/internal/opsrepo"
)

// RuleFiles are the Prometheus rule files of the operations repository.
var RuleFiles = opsrepo.NewFiles("rules", opsrepo.FilesOptions[rules.File]{
	Doc:    "Prometheus rule files, unchanged: alerting and recording rules.",
	Glob:   "rules/**/*.{yaml,yml}",
	Decode: decodeRules,
})

// Sections are what the room reads from the operations repository.
func Sections() []opsrepo.Section { return []opsrepo.Section{RuleFiles} }

func decodeRules(name string, content []byte) (rules.File, opsrepo.Problems) {
	return rules.File{Name: name, Content: content}, rules.Check(name, content)
}

// ApplyOps makes the rule files of a generation those in use once it is stored.
// Groups that did not change go on undisturbed.
func (r *Room) ApplyOps(_ context.Context, tx *db.Tx, g *opsrepo.Generation) error {
	files := RuleFiles.Of(g)
	if r.o.Rules != nil {
		files = append(slices.Clone(files), r.o.Rules(g)...)
	}
	loc := time.UTC
	if c, ok := fleet.TheCompany.Of(g); ok && c.Timezone != "" {
		if l, err := time.LoadLocation(c.Timezone); err == nil { // checked with the company
			loc = l
		}
	}
	tx.After(func() {
		r.rollup.SetLocation(loc)
		if err := r.rules.SetFiles(files); err != nil {
			r.o.Log.Error("rules of the operations repository were not loaded", "commit", g.Commit, "err", err)
		}
	})
	return nil
}

var _ opsrepo.Applier = (*Room)(nil)

// AlertingRules returns the names of the alerting rules in use, sorted, each
// once: the shipped ones and those of the operations repository.
func (r *Room) AlertingRules() []string {
	var out []string
	for _, rule := range r.rules.Manager().AlertingRules() {
		out = append(out, rule.Name())
	}
	slices.Sort(out)
	return slices.Compact(out)
}
