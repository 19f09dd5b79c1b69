package elasticapi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/vigie-ops/vigie/internal/db/dbtest"
	"github.com/vigie-ops/vigie/internal/observe/logs"
	"github.com/vigie-ops/vigie/internal/observe/logs/elasticapi"
	"github.com/vigie-ops/vigie/internal/observe/logs/logstore"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

func TestWhoIsLimitedToOwnersNeitherSeesNorChangesDocuments(t *testing.T) {
	now := func() time.Time { return noon }
	store, err := logstore.Open(logstore.Options{Dir: t.TempDir(), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	open := func(f http.HandlerFunc) http.HandlerFunc { return f }
	mux := http.NewServeMux()
	elasticapi.Register(mux, open, elasticapi.Options{
		Store: store, Now: now, MayWrite: open, Write: http.NotFoundHandler(),
		Documents: logs.NewDocuments(dbtest.Open(t, dbtest.SQLite(t), logs.Tables), []string{"elastalert_status*"}, now),
		Owners: func(r *http.Request) func(record.Owner) bool {
			if slug := r.Header.Get("X-Owner"); slug != "" {
				return func(o record.Owner) bool { return o.Slug == slug }
			}
			return nil
		},
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	const quoted = `{"match_body":{"message":"a line of fjord","vigie.owner":"instance:fjord"}}`
	if status, out := ask(t, srv, "PUT", "/elastalert_status/_doc/1", quoted); status != 201 {
		t.Fatal(status, out)
	}
	for _, c := range []struct{ method, path, body string }{
		{"POST", "/elastalert_status/_search", `{}`}, {"GET", "/elastalert_status/_doc/1", ""}, {"GET", "/elastalert_status", ""},
		{"POST", "/elastalert_status/_count", `{}`}, {"POST", "/elastalert_status/_delete_by_query", `{"query":{"match_all":{}}}`},
		{"PUT", "/elastalert_status/_doc/1", `{}`}, {"DELETE", "/elastalert_status/_doc/1", ""}, {"DELETE", "/elastalert_status", ""},
	} {
		status, out := ask(t, srv, c.method, c.path, c.body, "X-Owner", "borealis")
		if said := fmt.Sprint(out); strings.Contains(said, "fjord") || strings.Contains(said, "count:1") || c.method != "POST" && status < 400 {
			t.Errorf("%s %s with a limited token: %d %s", c.method, c.path, status, said)
		}
	}
	if status, out := ask(t, srv, "GET", "/elastalert_status/_doc/1", ""); status != 200 || !strings.Contains(fmt.Sprint(out), "a line of fjord") {
		t.Errorf("who sees all finds %d %v", status, out)
	}
}
