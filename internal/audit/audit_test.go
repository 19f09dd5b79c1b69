package audit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vigie-ops/vigie/internal/audit"
	"github.com/vigie-ops/vigie/internal/db"
	"github.com/vigie-ops/vigie/internal/db/dbtest"
)

func each(t *testing.T, f func(t *testing.T, d *db.DB, l *audit.Log)) {
	t.Helper()
	dbtest.Each(t, []db.Schema{audit.Tables}, func(t *testing.T, d *db.DB) { f(t, d, audit.New(d)) })
}

func record(t *testing.T, d *db.DB, l *audit.Log, entries ...audit.Entry) {
	t.Helper()
	for _, e := range entries {
		err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error { return l.Record(ctx, tx, e) })
		if err != nil {
			t.Fatalf("record %+v: %v", e, err)
		}
	}
}

func list(t *testing.T, l *audit.Log, f audit.Filter) []audit.Recorded {
	t.Helper()
	p, err := l.List(t.Context(), f, "")
	if err != nil {
		t.Fatalf("list: %v", err)
	}
	return p.Items
}

func verify(t *testing.T, l *audit.Log) audit.Report {
	t.Helper()
	r, err := l.Verify(t.Context())
	if err != nil {
		t.Fatalf("verify: %v", err)
	}
	return r
}

func TestAnEntryIsKeptAsItWasGiven(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, l *audit.Log) {
		want := audit.Entry{
			Actor: "nadia", Via: "session", Verb: "alert.acknowledge", Object: "alert:01J",
			Reason: "I look at it — “now”", Details: map[string]any{"servers": []any{"app-07"}, "count": json.Number("9007199254740993")},
		}
		record(t, d, l, want)
		got := list(t, l, audit.Filter{})
		if len(got) != 1 {
			t.Fatalf("got %d entries, want 1", len(got))
		}
		if diff := cmp.Diff(want, got[0].Entry); diff != "" {
			t.Errorf("entry changed (-given +kept):\n%s", diff)
		}
		if got[0].Seq != 1 || got[0].ID == "" || got[0].At.IsZero() {
			t.Errorf("entry has no number, id or time: %+v", got[0])
		}
	})
}

func TestAnEntryLivesAndDiesWithItsTransaction(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, l *audit.Log) {
		boom := errors.New("the act failed")
		err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			if err := l.Record(ctx, tx, audit.Entry{Actor: "nadia", Verb: "x"}); err != nil {
				return err
			}
			return boom
		})
		if !errors.Is(err, boom) {
			t.Fatalf("got error %v, want %v", err, boom)
		}
		record(t, d, l, audit.Entry{Actor: "nadia", Verb: "y"})
		if got := list(t, l, audit.Filter{}); len(got) != 1 || got[0].Verb != "y" || got[0].Seq != 1 {
			t.Errorf("got %+v, want y alone with number 1", got)
		}
	})
}

func TestAnEntryNeedsAnActorAndAVerb(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, l *audit.Log) {
		for _, e := range []audit.Entry{{Verb: "x"}, {Actor: "nadia"}} {
			err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error { return l.Record(ctx, tx, e) })
			if err == nil {
				t.Errorf("%+v was recorded, want an error", e)
			}
		}
	})
}

func TestTextNoDatabaseTakesIsRecordedAllTheSame(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, l *audit.Log) {
		record(t, d, l, audit.Entry{Actor: "nadia", Verb: "x", Reason: "nul \x00 and \xff", Details: map[string]any{"browser": "\x00\xff"}})
		if r := verify(t, l); r.Broken != nil {
			t.Errorf("broken: %+v", r.Broken)
		}
	})
}

func TestSecretsAreNotKept(t *testing.T) {
	type login struct {
		User     string `json:"user"`
		Password string `json:"newPassword"`
	}
	each(t, func(t *testing.T, d *db.DB, l *audit.Log) {
		record(t, d, l, audit.Entry{Actor: "nadia", Verb: "x", Details: map[string]any{
			"password": "hunter2", "API-Token": "hunter2", "webhook_secret": []string{"hunter2"}, "private_key": "hunter2",
			"deep": []any{map[string]any{"passphrase": "hunter2"}, login{User: "nadia", Password: "hunter2"}},
		}})
		got := fmt.Sprint(list(t, l, audit.Filter{})[0].Details)
		if strings.Contains(got, "hunter2") {
			t.Errorf("a secret was kept: %s", got)
		}
		if !strings.Contains(got, "user:nadia") {
			t.Errorf("what is no secret was lost: %s", got)
		}
	})
}

func TestWritersAtTheSameTimeMakeOneChain(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, l *audit.Log) {
		const writers, each = 6, 10
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
						return l.Record(ctx, tx, audit.Entry{Actor: "nadia", Verb: "x", Object: fmt.Sprintf("w:%d-%d", w, i)})
					})
					if err != nil {
						t.Errorf("record: %v", err)
					}
				}
			})
		}
		wg.Wait()
		if r := verify(t, l); r.Broken != nil || r.Entries != writers*each {
			t.Errorf("got %d entries, broken %+v; want %d whole ones", r.Entries, r.Broken, writers*each)
		}
	})
}

func TestListIsFilteredAndPaged(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, l *audit.Log) {
		record(t, d, l,
			audit.Entry{Actor: "nadia", Verb: "session.start", Object: "person:nadia"},
			audit.Entry{Actor: "omar", Verb: "session.refuse", Object: "person:omar"},
			audit.Entry{Actor: "nadia", Verb: "issue.close", Object: "issue:1"},
			audit.Entry{Actor: "nadia", Verb: "sessions", Object: "issue:2"},
		)
		for _, c := range []struct {
			name   string
			filter audit.Filter
			want   string
		}{
			{"everything", audit.Filter{}, "4 3 2 1"},
			{"actor", audit.Filter{Actor: "omar"}, "2"},
			{"verb", audit.Filter{Verb: "issue.close"}, "3"},
			{"kind of verb", audit.Filter{Verb: "session."}, "2 1"},
			{"object", audit.Filter{Object: "issue:2"}, "4"},
			{"limit", audit.Filter{Limit: 2}, "4 3"},
		} {
			var got []string
			for _, r := range list(t, l, c.filter) {
				got = append(got, fmt.Sprint(r.Seq))
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("%s: got %v, want %s", c.name, got, c.want)
			}
		}
		first, err := l.List(t.Context(), audit.Filter{Limit: 3}, "")
		if err != nil || first.Next == "" {
			t.Fatalf("first page: %+v, %v; want a next one", first, err)
		}
		second, err := l.List(t.Context(), audit.Filter{Limit: 3}, first.Next)
		if err != nil || len(second.Items) != 1 || second.Items[0].Seq != 1 || second.Next != "" {
			t.Errorf("second page: %+v, %v; want entry 1 and no next", second, err)
		}
		if _, err := l.List(t.Context(), audit.Filter{}, "x'"); err == nil {
			t.Error("a cursor that is none was taken")
		}
		all := list(t, l, audit.Filter{})
		if got := list(t, l, audit.Filter{From: all[0].At, To: all[0].At}); len(got) != 0 {
			t.Errorf("an empty span of time holds %d entries", len(got))
		}
		if got := list(t, l, audit.Filter{From: all[3].At}); len(got) != 4 {
			t.Errorf("from the first on there are %d entries, want 4", len(got))
		}
	})
}
