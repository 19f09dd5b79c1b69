package elasticapi_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/elastic/go-elasticsearch/v8"
	"github.com/elastic/go-elasticsearch/v8/typedapi/types"

	"github.com/vigie-ops/vigie/internal/observe/logs/elasticapi"
	"github.com/vigie-ops/vigie/internal/observe/logs/logstore"
	"github.com/vigie-ops/vigie/internal/observe/logs/query/elastic"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// serve answers for a store with a thousand lines of two owners. The header
// X-Owner limits who asks.
func serve(t *testing.T) (*httptest.Server, *logstore.Store) {
	t.Helper()
	now := func() time.Time { return noon }
	s, err := logstore.Open(logstore.Options{Dir: t.TempDir(), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	var lines []record.Record
	for i := range 1000 {
		lines = append(lines, record.Record{
			Time: noon.Add(-time.Duration(i) * time.Second).UnixNano(), Owner: record.InstanceOwner([]string{"borealis", "fjord"}[i%2]), Class: "web", Index: []string{"shop-1", "shop-2"}[i%2],
			Message: fmt.Sprintf("line %d upstream timed out", i),
			Fields:  []record.Field{{Name: "http.response.status_code", Value: record.IntValue(int64([]int{200, 404, 502}[i%3]))}, {Name: "service.name", Value: record.StringValue("nginx")}},
		})
	}
	if _, err := s.Append(t.Context(), record.Batch{Records: lines}); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	elasticapi.Register(mux, func(f http.HandlerFunc) http.HandlerFunc { return f }, elasticapi.Options{
		Store: s, Now: now, Owners: func(r *http.Request) func(record.Owner) bool {
			if slug := r.Header.Get("X-Owner"); slug != "" {
				return func(o record.Owner) bool { return o.Slug == slug }
			}
			return nil
		},
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		_, _ = w.Write([]byte(`{"version":{"number":"8.17.0"}}`))
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv, s
}

// ask sends a request and decodes the answer.
func ask(t *testing.T, srv *httptest.Server, method, path, body string, header ...string) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.Header.Get("X-Elastic-Product") != "Elasticsearch" {
		t.Errorf("%s %s has no X-Elastic-Product", method, path)
	}
	var out map[string]any
	if method != http.MethodHead {
		if err := json.NewDecoder(res.Body).Decode(&out); err != nil {
			t.Fatalf("%s %s: %v", method, path, err)
		}
	}
	return res.StatusCode, out
}

func total(out map[string]any) any {
	hits, _ := out["hits"].(map[string]any)
	n, _ := hits["total"].(map[string]any)
	return n["value"]
}

func TestSearchesAreAnsweredByIndexAndOwner(t *testing.T) {
	srv, _ := serve(t)
	for _, c := range []struct {
		path, body, owner string
		want              any
	}{
		{"/_search", `{"query":{"term":{"http.response.status_code":502}},"track_total_hits":true}`, "", 333.0},
		{"/shop-1/_search", `{"query":{"match_all":{}},"track_total_hits":true}`, "", 500.0},
		{"/shop-*,-shop-2/_search", `{"track_total_hits":true}`, "", 500.0},
		{"/_search?q=message:%22timed+out%22+AND+http.response.status_code:404", `{"track_total_hits":true}`, "", 333.0},
		{"/_search", `{"track_total_hits":true}`, "fjord", 500.0},
		{"/shop-1/_search", `{"track_total_hits":true}`, "fjord", 0.0},
		{"/_search", `{"query":{"range":{"@timestamp":{"gte":"now-10s"}}},"track_total_hits":true}`, "", 11.0},
	} {
		if status, out := ask(t, srv, "POST", c.path, c.body, "X-Owner", c.owner); status != 200 || total(out) != c.want {
			t.Errorf("%s %s as %q: %d %v, want %v", c.path, c.body, c.owner, status, total(out), c.want)
		}
	}
	if status, out := ask(t, srv, "POST", "/_search", `{"query":{"nope":{}}}`); status != 400 || !strings.Contains(fmt.Sprint(out), "parsing_exception") {
		t.Errorf("an unknown query: %d %v", status, out)
	}
	if status, out := ask(t, srv, "GET", "/shop-1/_count", `{"query":{"term":{"service.name":"nginx"}}}`); status != 200 || out["count"] != 500.0 {
		t.Errorf("count: %d %v", status, out)
	}
	if status, out := ask(t, srv, "POST", "/_msearch", "{\"index\":\"shop-1\"}\n{\"size\":0,\"track_total_hits\":true}\n{}\n{\"query\":{\"nope\":{}}}\n"); status != 200 || len(out["responses"].([]any)) != 2 || out["responses"].([]any)[1].(map[string]any)["status"] != 400.0 {
		t.Errorf("msearch: %d %v", status, out)
	}
}

func TestScrollsAndPointsInTimeSeeEachLineOnce(t *testing.T) {
	srv, s := serve(t)
	more := record.Record{Time: noon.Add(-5 * time.Hour).UnixNano(), Owner: record.InstanceOwner("fjord"), Class: "web", Index: "shop-1", Message: "came later"}
	for _, body := range []string{`{"size":70,"query":{"match":{"message":"upstream"}},"sort":[{"@timestamp":"asc"}]}`, `{"size":300}`} {
		seen := map[string]bool{}
		_, out := ask(t, srv, "POST", "/shop-1/_search?scroll=1m", body)
		for pages := 0; ; pages++ {
			hits := out["hits"].(map[string]any)["hits"].([]any)
			if len(hits) == 0 {
				break
			}
			for _, h := range hits {
				id := h.(map[string]any)["_id"].(string)
				if seen[id] {
					t.Fatalf("%s comes twice", id)
				}
				seen[id] = true
			}
			var status int
			status, out = ask(t, srv, "POST", "/_search/scroll", fmt.Sprintf(`{"scroll":"1m","scroll_id":%q}`, out["_scroll_id"]))
			if status != 200 || pages > 50 {
				t.Fatalf("%d %v", status, out)
			}
		}
		if len(seen) != 500 {
			t.Errorf("%s: %d lines came", body, len(seen))
		}
	}
	_, pit := ask(t, srv, "POST", "/shop-1/_pit?keep_alive=1m", "")
	if _, err := s.Append(t.Context(), record.Batch{Records: []record.Record{more}}); err != nil {
		t.Fatal(err)
	}
	// The clock stands still, so that what came in the same moment is in it.
	if status, out := ask(t, srv, "POST", "/_search", fmt.Sprintf(`{"size":1,"pit":{"id":%q},"track_total_hits":true}`, pit["id"])); status != 200 || total(out).(float64) < 500 {
		t.Errorf("a point in time: %d %v", status, out)
	}
	for _, id := range []string{"nonsense", ""} {
		if status, _ := ask(t, srv, "POST", "/_search/scroll", fmt.Sprintf(`{"scroll_id":%q}`, id)); status != 404 {
			t.Errorf("the scroll %q: %d", id, status)
		}
	}
}

func TestIndicesAndFieldsAreTold(t *testing.T) {
	srv, _ := serve(t)
	_, out := ask(t, srv, "GET", "/shop-*/_field_caps?fields=http.*,message", "")
	fields := out["fields"].(map[string]any)
	if fields["http.response.status_code"].(map[string]any)["long"] == nil || fields["message"].(map[string]any)["text"] == nil || fields["service.name"] != nil {
		t.Errorf("field_caps: %v", out)
	}
	_, out = ask(t, srv, "GET", "/shop-1/_mapping", "")
	if text := fmt.Sprint(out); !strings.Contains(text, "status_code:map[type:long]") || strings.Contains(text, "shop-2") {
		t.Errorf("mapping: %s", text)
	}
	for path, want := range map[string]int{"/shop-1": 200, "/nothing": 404} {
		if status, _ := ask(t, srv, "HEAD", path, ""); status != want {
			t.Errorf("HEAD %s: %d", path, status)
		}
	}
	_, found := ask(t, srv, "POST", "/shop-2/_search", `{"size":1}`)
	id := found["hits"].(map[string]any)["hits"].([]any)[0].(map[string]any)["_id"].(string)
	if status, out := ask(t, srv, "GET", "/shop-2/_doc/"+id, ""); status != 200 || out["found"] != true || !strings.Contains(fmt.Sprint(out["_source"]), "upstream") {
		t.Errorf("a document: %d %v", status, out)
	}
	if status, _ := ask(t, srv, "GET", "/shop-2/_doc/no", ""); status != 404 {
		t.Errorf("no document: %d", status)
	}
	if status, out := ask(t, srv, "POST", "/shop-2/_delete_by_query", `{"query":{"match_all":{}}}`); status != 400 || !strings.Contains(fmt.Sprint(out), "not deleted one by one") {
		t.Errorf("deleting lines: %d %v", status, out)
	}
}

// TestTheOfficialClientSearches has the typed client of Elasticsearch ask for
// hits and aggregations.
func TestTheOfficialClientSearches(t *testing.T) {
	srv, _ := serve(t)
	es, err := elasticsearch.NewTypedClient(elasticsearch.Config{Addresses: []string{srv.URL}})
	if err != nil {
		t.Fatal(err)
	}
	field := "service.name"
	res, err := es.Search().Index("shop-*").Size(3).Query(&types.Query{Match: map[string]types.MatchQuery{"message": {Query: "timed out"}}}).
		Aggregations(map[string]types.Aggregations{"services": {Terms: &types.TermsAggregation{Field: &field}}}).Do(context.WithoutCancel(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	agg, ok := res.Aggregations["services"].(*types.StringTermsAggregate)
	if !ok || len(res.Hits.Hits) != 3 {
		t.Fatalf("hits %d, aggregations %T", len(res.Hits.Hits), res.Aggregations["services"])
	}
	if b := agg.Buckets.([]types.StringTermsBucket); len(b) != 1 || b[0].DocCount != 1000 || b[0].Key != "nginx" {
		t.Errorf("buckets %+v", b)
	}
	if n, err := es.Count().Index("shop-1").Do(t.Context()); err != nil || n.Count != 500 {
		t.Errorf("count %+v, %v", n, err)
	}
	if ok, err := es.Indices.Exists("shop-1").IsSuccess(t.Context()); err != nil || !ok {
		t.Errorf("exists: %t, %v", ok, err)
	}
}

func TestCompressedRequestsAreRead(t *testing.T) {
	srv, _ := serve(t)
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(`{"query":{"match_all":{}},"track_total_hits":true}`))
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if status, out := ask(t, srv, "POST", "/_search", b.String(), "Content-Encoding", "gzip"); status != 200 || total(out) != 1000.0 {
		t.Errorf("gzip: %d %v", status, out)
	}
	bomb := new(bytes.Buffer)
	z = gzip.NewWriter(bomb)
	_, _ = z.Write(bytes.Repeat([]byte(" "), elastic.MaxBody+1))
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what, body, encoding string
		status               int
	}{
		{"no gzip", "{}", "gzip", 400}, {"half of it", b.String()[:20], "gzip", 400}, {"another way", "{}", "br", 415},
		{"larger than it may be", bomb.String(), "gzip", 413}, {"large as it is", strings.Repeat(" ", elastic.MaxBody+1), "", 413},
	} {
		if status, out := ask(t, srv, "POST", "/_search", c.body, "Content-Encoding", c.encoding); status != c.status || out["error"] == nil {
			t.Errorf("%s: %d %v, want %d and Elasticsearch's shape of an error", c.what, status, out, c.status)
		}
	}
}
