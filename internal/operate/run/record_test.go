package run_test

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/operate/run"
	"github.com/vigie-ops/vigie/internal/people"
)

// TestNobodyChangesARecordUnseen changes each table that a run left something
// in, one value or a row at a time.
func TestNobodyChangesARecordUnseen(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		s := open(t, d, nil)
		s.accept()
		s.start()
		s.ended(s.mustAsk(as(t, "ben", people.Operator), run.Request{Playbook: "hello", Limit: "app"}).ID)
		if v, err := s.Verify(t.Context()); err != nil || v.Broken != 0 || v.Records == 0 {
			t.Fatalf("before anything was changed: %+v, %v", v, err)
		}
		for _, q := range []string{
			`UPDATE run_run SET reason = 'another' WHERE kind <> 'lint'`,
			`UPDATE run_task SET name = 'Something harmless' WHERE n = 1`, `UPDATE run_log SET text = 'nothing'`, `UPDATE run_host SET failed = 7`,
			`UPDATE run_result SET at = '2020-01-01 00:00:00+00'`, `UPDATE run_result SET message = 'fine'`,
			`DELETE FROM run_result WHERE task = 1`, `DELETE FROM run_task WHERE n = 1`, `DELETE FROM run_log`, `DELETE FROM run_host WHERE host = 'app-01'`,
		} {
			undone := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				if _, err := tx.NewRaw(q).Exec(ctx); err != nil {
					t.Fatal(err)
				}
				v, err := s.VerifyIn(ctx, tx)
				if err != nil || v.Broken == 0 {
					t.Errorf("%s is not noticed: %+v, %v", q, v, err)
				}
				return io.EOF // taken back
			})
			if !errors.Is(undone, io.EOF) {
				t.Fatalf("the change was kept: %v", undone)
			}
		}
	})
}

func TestJUnitIsReadByEveryParserAndFailsWithTheRun(t *testing.T) {
	s := open(t, sqlite(t), map[string]string{
		"playbooks/fail.yml":  "- hosts: all\n  connection: local\n  gather_facts: false\n  tasks:\n    - name: Colours\n      ansible.builtin.shell: \"printf '\\\\033[31mred\\\\033[0m ]]> x\\\\n' >&2; exit 3\"\n",
		"playbooks/hello.yml": "- hosts: all\n  tusks: []\n",
	})
	s.accept()
	s.start()
	for _, playbook := range []string{"fail", "hello"} {
		r := s.ended(s.mustAsk(as(t, "ben", people.Operator), run.Request{Playbook: playbook, Limit: "app-01"}).ID)
		rec, err := s.Office.Record(t.Context(), r.ID)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := rec.WriteJUnit(&b); err != nil {
			t.Fatal(err)
		}
		var suite struct {
			Tests    int `xml:"tests,attr"`
			Failures int `xml:"failures,attr"`
			Errors   int `xml:"errors,attr"`
			Cases    []struct {
				Failure string `xml:"failure"`
				Error   string `xml:"error"`
			} `xml:"testcase"`
		}
		if err := xml.Unmarshal([]byte(b.String()), &suite); err != nil || suite.Tests != len(suite.Cases) || suite.Failures+suite.Errors != 1 {
			t.Errorf("%s, which %s (%s): %v in\n%s", playbook, r.State, r.Cause, err, b.String())
		}
		if last := suite.Cases[len(suite.Cases)-1]; playbook == "fail" && !strings.Contains(last.Failure, "red") || playbook == "hello" && last.Error == "" {
			t.Errorf("%s says %+v", playbook, last)
		}
	}
}

func TestARunIsExpectedToTakeWhatRunsWithItsLimitTook(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		s := open(t, d, nil)
		s.accept()
		s.start()
		for limit, seconds := range map[string]int{"app-01": 10, "app": 60} {
			r := s.ended(s.mustAsk(as(t, "ben", people.Operator), run.Request{Playbook: "hello", Limit: limit}).ID)
			if err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				_, err := tx.NewRaw(`UPDATE run_run SET started_at = ?, ended_at = ? WHERE id = ?`, r.RequestedAt, r.RequestedAt.Add(time.Duration(seconds)*time.Second), r.ID).Exec(ctx)
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		for limit, want := range map[string]time.Duration{"app-01": 10 * time.Second, "app": 60 * time.Second, "app-02": 60 * time.Second} {
			if got, err := s.Expected(t.Context(), run.Run{ID: "new", Playbook: "hello", Kind: run.Real, Limit: limit}); err != nil || got != want {
				t.Errorf("on %s it is %s, %v, want %s", limit, got, err, want)
			}
		}
		if got, err := s.Expected(t.Context(), run.Run{ID: "new", Playbook: "asked", Kind: run.Real, Limit: "app"}); err != nil || got != 0 {
			t.Errorf("of what never ran, %s is expected, %v", got, err)
		}
	})
}
