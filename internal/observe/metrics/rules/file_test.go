package rules_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/observe/metrics/rules"
)

func TestEveryMistakeHasItsPlace(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     []string
	}{
		{"fine", "groups:\n- name: a\n  rules:\n  - alert: X\n    expr: up == 0\n", nil},
		{"empty", "", nil},
		{"scalars of all kinds, as Prometheus takes them", "groups:\n- name: 1\n  interval: 1m\n  limit: 3\n  labels: {a: 1}\n  rules:\n  - alert: X\n    expr: 1\n    for: 1y\n    labels: {n: 2, yes: true, empty: }\n", nil},
		{"no YAML", "groups: [", []string{"1:1: this is not YAML: did not find expected node content"}},
		{"two documents", "groups: []\n---\ngroups: []\n", []string{"3:1: the file holds several documents; it must hold one"}},
		{"unknown key", "groups:\n- name: a\n  rules:\n  - alert: X\n    exp: up\n    expr: up\n", []string{`5:5: unknown key "exp" in an entry of rules (did you mean "expr"?); the keys are alert, record, expr,`}},
		{"unknown key at the top", "group:\n- name: a\n", []string{`1:1: unknown key "group" in the file (did you mean "groups"?)`}},
		{"unknown key beside bad PromQL", "groups:\n- name: a\n  rules:\n  - alert: X\n    exprr: up\n  - alert: Y\n    expr: sum(up\n", []string{`5:5: unknown key "exprr" in an entry of rules (did you mean "expr"?)`, `7:17: rule "Y": the expression is not PromQL`}},
		{"bad PromQL", "groups:\n- name: a\n  rules:\n  - alert: X\n    expr: sum(up\n", []string{`5:17: rule "X": the expression is not PromQL: unclosed left parenthesis`}},
		{"bad PromQL in a block", "groups:\n- name: a\n  rules:\n  - alert: X\n    expr: |\n      up\n      == = 0\n", []string{`7:10: rule "X": the expression is not PromQL`}},
		{"bad PromQL in quotes", "groups:\n- name: a\n  rules:\n  - alert: X\n    expr: 'up +'\n", []string{`5:16: rule "X": the expression is not PromQL`}},
		{"bad PromQL by an alias", "groups:\n- name: a\n  rules:\n  - {alert: X, expr: &e sum(}\n  - alert: Y\n    expr: *e\n", []string{`4:22: rule "X"`, `6:11: rule "Y"`}},
		{"two mistakes at once", "groups:\n- name: a\n  rules:\n  - alert: X\n    expr: '('\n  - alert: Y\n    expr: ')'\n", []string{`5:`, `7:`}},
		{"no expression", "groups:\n- name: a\n  rules:\n  - alert: X\n", []string{`4:5: the key "expr" is missing; an entry of rules needs expr`}},
		{"an empty expression", "groups:\n- name: a\n  rules:\n  - alert: X\n    expr: ''\n", []string{`5:11: expr is empty; write something`}},
		{"no name", "groups:\n- name: a\n  rules:\n  - expr: up\n", []string{`4:5: the rule has no name; write alert: NAME for an alert, or record: NAME`}},
		{"a misspelt name", "groups:\n- name: a\n  rules:\n  - alrt: X\n    expr: up\n", []string{`4:5: unknown key "alrt" in an entry of rules (did you mean "alert"?)`}},
		{"two names", "groups:\n- name: a\n  rules:\n  - alert: X\n    record: y\n    expr: up\n", []string{`5:13: the rule has alert and record; write one of them`}},
		{"no duration", "groups:\n- name: a\n  interval: often\n  rules:\n  - alert: X\n    expr: up\n    for: 5 minutes\n    keep_firing_for: 5\n", []string{`3:13: interval: "often" is no duration of Prometheus; write it like "30s"`, `7:10: for: "5 minutes" is no duration`, `8:22: keep_firing_for: "5" is no duration`}},
		{"a recording rule is no alert", "groups:\n- name: a\n  rules:\n  - record: a{b}\n    expr: up\n    for: 5m\n    annotations: {summary: x}\n", []string{`4:13: rule "a{b}": a name of a series has no braces; write its labels under labels`, `6:10: rule "a{b}": a recording rule has no for; it has record, expr and labels`, `7:18: rule "a{b}": a recording rule has no annotations`}},
		{"groups are no list", "groups: {name: a}\n", []string{`1:9: groups is a mapping; it must be a list of mappings`}},
		{"a limit of words", "groups:\n- {name: a, limit: many}\n", []string{`2:20: limit is the text "many"; it must be a whole number`}},
		{"group without a name", "groups:\n- rules: []\n", []string{`2:3: the key "name" is missing`}},
		{"group twice", "groups:\n- name: a\n  rules: []\n- name: a\n  rules: []\n", []string{`4:9: the group "a" is already at f.yaml:2:9; each group of a file has a name of its own`}},
		{"no label", "groups:\n- name: a\n  labels: {__name__: x}\n  rules:\n  - alert: X\n    expr: up\n    labels:\n      __name__: y\n", []string{`3:22: "__name__" is no name of a label; write`, `8:17: rule "X": "__name__" is no name of a label`}},
		{"bad template", "groups:\n- name: a\n  rules:\n  - alert: X\n    expr: up\n    labels: {team: '{{ .Nope'}\n    annotations: {summary: '{{ $nope }}'}\n", []string{`6:20: rule "X": the label team is no template: unclosed action`, `7:28: rule "X": the annotation summary is no template: undefined variable "$nope"; write it as in Prometheus`}},
		{"severity", "groups:\n- name: a\n  rules:\n  - alert: X\n    expr: up\n    labels: {severity: page}\n", []string{`6:24: rule "X": severity "page" is not known; it is critical, warning or info`}},
	} {
		var got []string
		for _, p := range rules.Check("f.yaml", []byte(c.in)) {
			got = append(got, strings.TrimPrefix(p.String(), "f.yaml:"))
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
			continue
		}
		for i := range got {
			if !strings.Contains(got[i], c.want[i]) {
				t.Errorf("%s: got %q, want it to contain %q", c.name, got[i], c.want[i])
			}
		}
	}
}

func TestShippedRulesAreComplete(t *testing.T) {
	files, err := rules.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if ps := rules.Check(f.Name, f.Content); len(ps) > 0 {
			t.Error(ps)
		}
		for _, r := range alertsOf(t, f) {
			if r.Labels["severity"] == "" {
				t.Errorf("%s: %s has no severity", f.Name, r.Alert)
			}
			for _, a := range []string{"summary", "description", "value", "limit", "first_step", "expr"} {
				if r.Annotations[a] == "" {
					t.Errorf("%s: %s has no %s", f.Name, r.Alert, a)
				}
			}
		}
	}
}

func FuzzCheck(f *testing.F) {
	files, err := rules.Shipped()
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		f.Add(file.Content)
	}
	f.Add([]byte("groups:\n- name: a\n  rules:\n  - alert: X\n    expr: |\n      (\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		lines := strings.Count(string(content), "\n") + 2
		for _, p := range rules.Check("f.yaml", content) {
			if p.Message == "" || p.Pos.Line < 1 || p.Pos.Column < 1 || p.Pos.Line > lines {
				t.Errorf("%+v in a file of %d lines", p, lines)
			}
		}
	})
}

func TestSubjects(t *testing.T) {
	f := func(want string, pairs ...string) {
		t.Helper()
		ls := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			ls[pairs[i]] = pairs[i+1]
		}
		if diff := cmp.Diff(want, rules.Subject(ls).String()); diff != "" {
			t.Errorf("%v (-want +got):\n%s", ls, diff)
		}
	}
	f("hub")
	f("hub", "client", "borealis")
	f("server:db-03", "server", "db-03")
	f("instance:borealis", "app_instance", "borealis", "server", "db-03")
}
