package rules_test

import (
	"fmt"
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
		{"no YAML", "groups: [", []string{"1:1: did not find expected node content"}},
		{"unknown key", "groups:\n- name: a\n  rules:\n  - alert: X\n    exp: up\n    expr: up\n", []string{`5:5: the key "exp" is not known`}},
		{"unknown key beside bad PromQL", "groups:\n- name: a\n  rules:\n  - alert: X\n    exprr: up\n  - alert: Y\n    expr: sum(up\n", []string{`5:5: the key "exprr" is not known (did you mean "expr"?)`, `7:17: rule "Y": the expression is not PromQL`}},
		{"bad PromQL", "groups:\n- name: a\n  rules:\n  - alert: X\n    expr: sum(up\n", []string{`5:17: rule "X": the expression is not PromQL: unclosed left parenthesis`}},
		{"bad PromQL in a block", "groups:\n- name: a\n  rules:\n  - alert: X\n    expr: |\n      up\n      == = 0\n", []string{`7:10: rule "X": the expression is not PromQL`}},
		{"bad PromQL in quotes", "groups:\n- name: a\n  rules:\n  - alert: X\n    expr: 'up +'\n", []string{`5:16: rule "X": the expression is not PromQL`}},
		{"two mistakes at once", "groups:\n- name: a\n  rules:\n  - alert: X\n    expr: '('\n  - alert: Y\n    expr: ')'\n", []string{`5:`, `7:`}},
		{"no expression", "groups:\n- name: a\n  rules:\n  - alert: X\n", []string{`rule "X": field 'expr' must be set`}},
		{"group twice", "groups:\n- name: a\n  rules: []\n- name: a\n  rules: []\n", []string{`4:3: groupname: "a" is repeated`}},
		{"bad template", "groups:\n- name: a\n  rules:\n  - alert: X\n    expr: up\n    annotations: {summary: '{{ $nope }}'}\n", []string{`rule "X": annotation "summary"`}},
		{"severity", "groups:\n- name: a\n  rules:\n  - alert: X\n    expr: up\n    labels: {severity: page}\n", []string{`6:24: rule "X": severity "page" is not known; it is critical, warning or info`}},
	} {
		var got []string
		for _, m := range rules.Check([]byte(c.in)) {
			got = append(got, fmt.Sprintf("%d:%d: %s", m.Line, m.Column, m.Message))
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
		if ms := rules.Check(f.Content); len(ms) > 0 {
			t.Errorf("%s: %v", f.Name, ms)
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
		for _, m := range rules.Check(content) {
			if m.Message == "" || m.Line < 0 || m.Column < 0 || m.Line > lines+1 {
				t.Errorf("%+v in a file of %d lines", m, lines)
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
