package rules_test

import (
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	promrules "github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/tsdb"
	yaml "go.yaml.in/yaml/v3"

	"github.com/vigie-ops/vigie/internal/observe/metrics/rules"
)

// unitTest is a test file as `promtool test rules` reads it. The shipped files
// are tested without promtool, so that the test needs no program; the same
// testdata passes promtool too.
type unitTest struct {
	Interval model.Duration `yaml:"interval"`
	Name     string         `yaml:"name"`
	Series   []struct {
		Series string `yaml:"series"`
		Values string `yaml:"values"`
	} `yaml:"input_series"`
	Alerts []struct {
		At     model.Duration `yaml:"eval_time"`
		Name   string         `yaml:"alertname"`
		Expect []struct {
			Labels map[string]string `yaml:"exp_labels"`
		} `yaml:"exp_alerts"`
	} `yaml:"alert_rule_test"`
	// Quiet is ours: at no time until then may any alert fire.
	Quiet model.Duration `yaml:"x_quiet_until"`
}

func alertsOf(t *testing.T, f rules.File) []rulefmt.Rule {
	t.Helper()
	groups, errs := rulefmt.Parse(f.Content, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	if len(errs) > 0 {
		t.Fatalf("%s: %v", f.Name, errs)
	}
	var out []rulefmt.Rule
	for _, g := range groups.Groups {
		for _, r := range g.Rules {
			if r.Alert != "" {
				out = append(out, r)
			}
		}
	}
	return out
}

func TestShippedRulesFireWhenTheyShouldAndOnlyThen(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no test files: %v", err)
	}
	tested := map[string]bool{}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var doc struct {
			Tests []unitTest `yaml:"tests"`
		}
		if err := yaml.Unmarshal(b, &doc); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, u := range doc.Tests {
			for _, a := range u.Alerts {
				tested[a.Name] = tested[a.Name] || len(a.Expect) > 0
			}
			t.Run(filepath.Base(path)+"/"+u.Name, func(t *testing.T) { run(t, u) })
		}
	}
	files, err := rules.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		for _, r := range alertsOf(t, f) {
			if !tested[r.Alert] {
				t.Errorf("no test shows %s firing", r.Alert)
			}
		}
	}
}

// alert is what a test compares: promtool compares annotations too, which here
// the completeness test covers.
type alert struct{ Name, Labels string }

func run(t *testing.T, u unitTest) {
	db, err := tsdb.Open(t.TempDir(), nil, nil, tsdb.DefaultOptions(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	epoch := time.UnixMilli(0).UTC()
	app := db.Appender(t.Context())
	p := parser.NewParser(parser.Options{})
	for _, s := range u.Series {
		ls, values, err := p.ParseSeriesDesc(s.Series + " " + s.Values)
		if err != nil {
			t.Fatalf("series %s: %v", s.Series, err)
		}
		for i, v := range values {
			if v.Omitted {
				continue
			}
			if _, err := app.Append(0, ls, epoch.Add(time.Duration(i)*time.Duration(u.Interval)).UnixMilli(), v.Value); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := app.Commit(); err != nil {
		t.Fatal(err)
	}

	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1e7, Timeout: time.Minute, Parser: p})
	files, err := rules.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	type group struct {
		rules    []*promrules.AlertingRule
		interval time.Duration
	}
	var groups []group
	for _, f := range files {
		parsed, _ := rulefmt.Parse(f.Content, false, model.UTF8Validation, p, slog.New(slog.DiscardHandler))
		for _, g := range parsed.Groups {
			gr := group{interval: max(time.Duration(g.Interval), 15*time.Second)}
			for _, r := range g.Rules {
				expr, err := p.ParseExpr(r.Expr)
				if err != nil {
					t.Fatal(err)
				}
				gr.rules = append(gr.rules, promrules.NewAlertingRule(r.Alert, expr, time.Duration(r.For), time.Duration(r.KeepFiringFor),
					labels.FromMap(r.Labels), labels.FromMap(r.Annotations), labels.EmptyLabels(), "", true, slog.New(slog.DiscardHandler)))
			}
			groups = append(groups, gr)
		}
	}

	end := time.Duration(u.Quiet)
	for _, a := range u.Alerts {
		end = max(end, time.Duration(a.At))
	}
	query := promrules.EngineQueryFunc(engine, db)
	for at := time.Duration(0); at <= end; at += 15 * time.Second {
		for _, g := range groups {
			if at%g.interval != 0 {
				continue
			}
			for _, r := range g.rules {
				if _, err := r.Eval(t.Context(), 0, epoch.Add(at), query, nil, 0); err != nil {
					t.Fatalf("%s at %v: %v", r.Name(), at, err)
				}
			}
		}
		firing := map[string][]alert{}
		for _, g := range groups {
			for _, r := range g.rules {
				for _, a := range r.ActiveAlerts() {
					if a.State != promrules.StateFiring {
						continue
					}
					ls := a.Labels.Map()
					delete(ls, labels.AlertName)
					firing[r.Name()] = append(firing[r.Name()], alert{r.Name(), words(ls)})
					if u.Quiet > 0 && at <= time.Duration(u.Quiet) {
						t.Fatalf("at %v %s fires with %s: %s", at, r.Name(), words(ls), a.Annotations.Get("summary"))
					}
					for _, v := range a.Annotations.Map() {
						if strings.Contains(v, "<error") || strings.Contains(v, "<no value>") {
							t.Errorf("%s: annotation %q", r.Name(), v)
						}
					}
				}
			}
		}
		for _, a := range u.Alerts {
			if time.Duration(a.At) != at {
				continue
			}
			var want []alert
			for _, e := range a.Expect {
				want = append(want, alert{a.Name, words(e.Labels)})
			}
			got := firing[a.Name]
			less := func(x, y alert) int { return strings.Compare(x.Labels, y.Labels) }
			slices.SortFunc(want, less)
			slices.SortFunc(got, less)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s at %v (-want +got):\n%s", a.Name, at, diff)
			}
		}
	}
}

func words(ls map[string]string) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(ls)) {
		out = append(out, k+"="+ls[k])
	}
	return strings.Join(out, " ")
}
