package run_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/vigie-ops/vigie/internal/operate/run"
	"github.com/vigie-ops/vigie/internal/people"
)

func TestACommitIsLintedOnceItWasAcceptedAndNotBefore(t *testing.T) {
	s := open(t, sqlite(t), nil)
	s.o.Lint = true
	s.Office = run.New(s.o)
	s.accept()
	s.start()
	first := s.git("rev-parse", "HEAD")
	if l := s.lintOf(first); l.State != run.Failed && l.State != run.Succeeded {
		t.Errorf("the lint is %+v", l)
	}
	bad := s.commit("ben", map[string]string{"playbooks/hello.yml": "- hosts: all\n  tusks:\n    - name: Say hello\n"})
	if _, err := s.LintOf(t.Context(), bad); !errors.Is(err, run.ErrNotFound) {
		t.Fatalf("a commit that nobody accepted was linted: %v", err)
	}
	s.accept()
	l := s.lintOf(bad)
	log, err := s.LogTail(t.Context(), l.ID, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	if l.State != run.Failed || !strings.Contains(l.Cause, "ansible-lint") || !strings.Contains(log, "hello.yml") || !strings.Contains(log, "tusks") {
		t.Errorf("the lint of a broken playbook ended as %s, %s:\n%s", l.State, l.Cause, log)
	}
	page, err := s.List(t.Context(), run.Filter{ForThemselves: true})
	if err != nil || len(page.Items) > 0 {
		t.Errorf("lints stand among the runs: %+v, %v", page.Items, err)
	}
	if r := s.mustAsk(as(t, "ben", people.Operator), run.Request{Playbook: "wait", Limit: "bare", Check: true}); s.ended(r.ID).Kind != run.Check {
		t.Errorf("asked for %+v", r)
	}
	for _, sent := range s.sent {
		t.Errorf("a lint is told as %+v", sent)
	}
}

func (s *station) lintOf(commit string) run.Run {
	s.t.Helper()
	l, err := s.LintOf(s.t.Context(), commit)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.ended(l.ID)
}
