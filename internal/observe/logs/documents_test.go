package logs_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/db/dbtest"
	"github.com/vigie-ops/vigie/internal/observe/logs"
	"github.com/vigie-ops/vigie/internal/observe/logs/query/elastic"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

func everyIndex(string) bool { return true }

func TestDocumentsAreReplacedAndDeletedAndOutliveARestart(t *testing.T) {
	dbtest.Each(t, []db.Schema{logs.Tables}, func(t *testing.T, state *db.DB) {
		now := func() time.Time { return noon }
		d := logs.NewDocuments(state, []string{"elastalert_status*"}, now)
		for index, want := range map[string]bool{"elastalert_status": true, "elastalert_status_silence": true, "shop": false} {
			if d.Has(index) != want {
				t.Errorf("Has(%q) is not %v", index, want)
			}
		}
		put := func(id, body string, isNew bool) (record.Record, int64, error) {
			return d.Put(t.Context(), "elastalert_status", id, []byte(body), isNew)
		}
		first, version, err := put("", `{"rule_name":"five hundreds","until":"2026-11-25T13:00:00Z"}`, true)
		if err != nil || version != 1 || first.ID == "" {
			t.Fatal(first, version, err)
		}
		if _, version, err = put(first.ID, `{"rule_name":"five hundreds","exponent":2}`, false); err != nil || version != 2 {
			t.Errorf("the second version is %d, %v", version, err)
		}
		var refused *elastic.Error
		if _, _, err = put(first.ID, `{}`, true); !errors.As(err, &refused) || refused.Status != 409 {
			t.Errorf("one that is there and was to be new: %v", err)
		}
		if _, _, err = put("", `[1]`, true); !errors.As(err, &refused) || refused.Status != 400 {
			t.Errorf("no object: %v", err)
		}
		if _, _, err := put("other", `{"owner":"instance:borealis"}`, true); err != nil {
			t.Fatal(err)
		}
		again := logs.NewDocuments(state, []string{"elastalert_status*"}, now)
		all, err := again.All(t.Context(), everyIndex)
		if err != nil || len(all) != 2 || all[0].ID != first.ID || string(again.Body(&all[0])) != `{"rule_name":"five hundreds","exponent":2}` {
			t.Fatalf("after a restart there are %+v, %v", all, err)
		}
		if n, err := again.Erase(t.Context(), record.InstanceOwner("borealis")); n != 1 || err != nil {
			t.Errorf("of the erased instance %d documents are deleted, %v", n, err)
		}
		if err := again.Delete(t.Context(), all[:1]); err != nil {
			t.Fatal(err)
		}
		if all, err = logs.NewDocuments(state, nil, now).All(t.Context(), everyIndex); len(all) != 0 || err != nil {
			t.Errorf("left are %+v, %v", all, err)
		}
	})
}

func TestOfDocumentsTheNewestStay(t *testing.T) {
	d := logs.NewDocuments(dbtest.Open(t, dbtest.SQLite(t), logs.Tables), []string{"notes"}, func() time.Time { return noon })
	for i := range 10_300 {
		if _, _, err := d.Put(t.Context(), "notes", fmt.Sprint(i), []byte(`{}`), true); err != nil {
			t.Fatal(err)
		}
	}
	all, err := d.All(t.Context(), everyIndex)
	if err != nil || len(all) > 10_256 || all[len(all)-1].ID != "10299" {
		t.Errorf("%d documents are left, %v", len(all), err)
	}
}

func TestPatternsOfDocumentsTakeNoLogsByAccident(t *testing.T) {
	if wrong := logs.CheckDocuments([]string{"elastalert_status*", "*", "a*", "[", "note*s*"}); fmt.Sprint(wrong) != "[* a* [ note*s*]" {
		t.Errorf("wrong are %v", wrong)
	}
}
