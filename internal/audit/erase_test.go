package audit_test

import (
	"context"
	"strings"
	"testing"

	"github.com/vigie-ops/vigie/internal/audit"
	"github.com/vigie-ops/vigie/internal/db"
)

func TestErasingWordsLeavesTheChainWhole(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, l *audit.Log) {
		record(t, d, l,
			audit.Entry{Actor: "nadia", Verb: "x", Object: "instance:borealis", Reason: "Mr Tremblay called", Details: map[string]any{"phone": "514"}},
			audit.Entry{Actor: "nadia", Verb: "x", Object: "instance:aurora", Reason: "stays"},
			audit.Entry{Actor: "nadia", Verb: "y", Object: "instance:borealis", Reason: "Mr Tremblay again"},
		)
		erase := func() (n int) {
			t.Helper()
			err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
				n, err = l.EraseObject(ctx, tx, audit.Entry{Actor: "omar", Verb: "audit.erase", Reason: "contract ended"}, "instance:borealis")
				return err
			})
			if err != nil {
				t.Fatalf("erase: %v", err)
			}
			return n
		}
		if n := erase(); n != 2 {
			t.Errorf("erased %d, want 2", n)
		}
		if n := erase(); n != 0 {
			t.Errorf("erased %d again, want none", n)
		}
		if r := verify(t, l); r.Broken != nil || r.Entries != 4 {
			t.Errorf("after: %d entries, broken %+v; want 4 whole ones", r.Entries, r.Broken)
		}
		for _, r := range list(t, l, audit.Filter{}) {
			if gone := r.Object == "instance:borealis"; gone != r.Erased || gone != (r.Reason == "") {
				t.Errorf("entry %d: erased %v, reason %q", r.Seq, r.Erased, r.Reason)
			}
		}

		// A tombstone that is moved out of the set that was erased is noticed.
		tamper(t, d, `UPDATE audit_payload SET salt = '', reason = '', details = '{}', erased_by = (SELECT id FROM audit_entry WHERE seq = 4)
			WHERE entry = (SELECT id FROM audit_entry WHERE seq = 2)`)
		if b := verify(t, l).Broken; b == nil || !strings.Contains(b.What, "no entry accounts") {
			t.Errorf("got %+v, want the tombstone that nobody accounts for", b)
		}
	})
}

func TestOnlyWholeEntriesAreErasedAndTheErasureIsNot(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, l *audit.Log) {
		record(t, d, l, audit.Entry{Actor: "nadia", Verb: "x", Reason: "one"}, audit.Entry{Actor: "nadia", Verb: "x", Reason: "two"})
		erase := func(want int, ids ...string) {
			t.Helper()
			err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				n, err := l.Erase(ctx, tx, audit.Entry{Actor: "omar", Verb: "audit.erase", Reason: "asked to"}, ids...)
				if n != want {
					t.Errorf("erase %v: got %d, want %d", ids, n, want)
				}
				return err
			})
			if err != nil {
				t.Fatalf("erase: %v", err)
			}
		}
		one := list(t, l, audit.Filter{})[1].ID
		erase(0)
		erase(0, "unknown")
		erase(1, one, one, "unknown")
		erase(0, one)
		erase(0, list(t, l, audit.Filter{Verb: "audit.erase"})[0].ID)
		if r := verify(t, l); r.Broken != nil || r.Entries != 3 {
			t.Errorf("after: %d entries, broken %+v; want 3 whole ones", r.Entries, r.Broken)
		}
	})
}
