package audit_test

import (
	"context"
	"strings"
	"testing"

	"github.com/vigie-ops/vigie/internal/audit"
	"github.com/vigie-ops/vigie/internal/db"
)

func TestVerifyNamesTheFirstRowThatWasTamperedWith(t *testing.T) {
	for _, c := range []struct {
		name, sql string
		seq       int64
		what      string
	}{
		{"seq", `UPDATE audit_entry SET seq = 40 WHERE seq = 4`, 5, "entry 4 is missing"},
		{"id", `UPDATE audit_entry SET id = 'other' WHERE seq = 3`, 3, "changed"},
		{"at", `UPDATE audit_entry SET at = '2020-01-01 00:00:00+00:00' WHERE seq = 3`, 3, "changed"},
		{"actor", `UPDATE audit_entry SET actor = 'omar' WHERE seq = 3`, 3, "changed"},
		{"via", `UPDATE audit_entry SET via = 'token' WHERE seq = 3`, 3, "changed"},
		{"verb", `UPDATE audit_entry SET verb = 'y' WHERE seq = 1`, 1, "changed"},
		{"object", `UPDATE audit_entry SET object = 'y' WHERE seq = 5`, 5, "changed"},
		{"payload_hash", `UPDATE audit_entry SET payload_hash = 'y' WHERE seq = 3`, 3, "changed"},
		{"prev_hash", `UPDATE audit_entry SET prev_hash = 'y' WHERE seq = 3`, 3, "follow"},
		{"hash", `UPDATE audit_entry SET hash = 'y' WHERE seq = 3`, 3, "changed"},
		{"first of two", `UPDATE audit_entry SET actor = 'omar' WHERE seq IN (2, 4)`, 2, "changed"},
		{"removed entry", `DELETE FROM audit_entry WHERE seq = 3`, 4, "entry 3 is missing"},
		{"removed end", `DELETE FROM audit_entry WHERE seq = 5`, 4, "went on to entry 5"},
		{"removed beginning", `DELETE FROM audit_entry WHERE seq = 1`, 2, "entry 1 is missing"},
		{"everything removed", `DELETE FROM audit_entry`, 0, "went on to entry 5"},
		{"head number", `UPDATE audit_head SET seq = 4`, 5, "not the entry"},
		{"head hash", `UPDATE audit_head SET hash = 'y'`, 5, "not the entry"},
		{"no head", `DELETE FROM audit_head`, 0, "end of the trail is missing"},
		{"salt", `UPDATE audit_payload SET salt = 'y' WHERE entry = (SELECT id FROM audit_entry WHERE seq = 3)`, 3, "reason or details"},
		{"reason", `UPDATE audit_payload SET reason = 'y' WHERE entry = (SELECT id FROM audit_entry WHERE seq = 3)`, 3, "reason or details"},
		{"details", `UPDATE audit_payload SET details = '{}' WHERE entry = (SELECT id FROM audit_entry WHERE seq = 3)`, 3, "reason or details"},
		{"removed payload", `DELETE FROM audit_payload WHERE entry = (SELECT id FROM audit_entry WHERE seq = 3)`, 3, "are missing"},
		{"added payload", `INSERT INTO audit_payload VALUES ('new', '', '', '{}', '')`, 0, "does not exist"},
		{
			"silent erasure",
			`UPDATE audit_payload SET salt = '', reason = '', details = '{}', erased_by = (SELECT id FROM audit_entry WHERE seq = 5)
			WHERE entry = (SELECT id FROM audit_entry WHERE seq = 3)`, 3, "no entry accounts",
		},
		{"half an erasure", `UPDATE audit_payload SET erased_by = 'y' WHERE entry = (SELECT id FROM audit_entry WHERE seq = 3)`, 3, "although they were erased"},
	} {
		t.Run(c.name, func(t *testing.T) {
			each(t, func(t *testing.T, d *db.DB, l *audit.Log) {
				for range 5 {
					record(t, d, l, audit.Entry{Actor: "nadia", Via: "session", Verb: "x", Object: "issue:1", Reason: "why", Details: map[string]any{"a": 1}})
				}
				if r := verify(t, l); r.Broken != nil || r.Entries != 5 || r.Head == "" {
					t.Fatalf("before: %+v, broken %+v", r, r.Broken)
				}
				tamper(t, d, c.sql)
				b := verify(t, l).Broken
				if b == nil {
					t.Fatal("nobody noticed")
				}
				if b.Seq != c.seq || !strings.Contains(b.What, c.what) {
					t.Errorf("got entry %d: %s; want entry %d: …%s…", b.Seq, b.What, c.seq, c.what)
				}
			})
		})
	}
}

func TestAnEmptyTrailIsWhole(t *testing.T) {
	each(t, func(t *testing.T, _ *db.DB, l *audit.Log) {
		if r := verify(t, l); r.Broken != nil || r.Entries != 0 {
			t.Errorf("got %+v, want a whole, empty trail", r)
		}
	})
}

func tamper(t *testing.T, d *db.DB, sql string) {
	t.Helper()
	err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.NewRaw(sql).Exec(ctx)
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}
