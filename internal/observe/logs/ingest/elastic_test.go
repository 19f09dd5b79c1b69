package ingest_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/elastic/go-elasticsearch/v8"
	"github.com/elastic/go-elasticsearch/v8/esutil"

	"github.com/vigie-ops/vigie/internal/observe/logs/ingest"
	"github.com/vigie-ops/vigie/internal/observe/logs/record"
)

// send has a sender on app-01 send a request.
func send(t testing.TB, h http.Handler, method, path, body string, header ...string) (int, map[string]any) {
	t.Helper()
	r := httptest.NewRequestWithContext(ingest.With(t.Context(), ingest.Sender{Name: "shipper", Server: "app-01"}), method, path, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Header().Get("X-Elastic-Product") != "Elasticsearch" {
		t.Errorf("%s %s is answered without X-Elastic-Product", method, path)
	}
	var out map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		t.Fatalf("%s %s is answered with %q: %v", method, path, w.Body, err)
	}
	return w.Code, out
}

// told writes the items of an answer in few words.
func told(out map[string]any) string {
	var words []string
	items, _ := out["items"].([]any)
	for _, one := range items {
		for op, v := range one.(map[string]any) {
			v := v.(map[string]any)
			word := fmt.Sprintf("%s %v", op, v["status"])
			if e, ok := v["error"].(map[string]any); ok {
				word += fmt.Sprint(" ", e["type"])
			} else {
				word += fmt.Sprint(" ", v["result"])
			}
			words = append(words, word)
		}
	}
	return strings.Join(words, ", ")
}

func TestABulkIsAnsweredDocumentByDocument(t *testing.T) {
	in, k := open(t)
	status, out := send(t, in.Elasticsearch(), "POST", "/_bulk", `{"create":{"_index":"app"}}
{"message":"one","password":"x"}

{"index":{"_index":"borealis","_id":"7"}}
{"message":"two hunter2","@timestamp":"2026-11-25T11:00:00Z"}
{"create":{"_index":"borealis","_id":"7"}}
{"message":"two again"}
{"index":{"_index":"borealis","_id":"7"}}
{"message":"two again"}
{"create":{"_index":"app"}}
{"message":"no JSON
{"create":{"_index":"app"}}
{"@timestamp":"yesterday"}
{"create":{"_index":"App"}}
{"message":"x"}
{"create":{}}
{"message":"x"}
{"update":{"_index":"app","_id":"1"}}
{"doc":{}}
{"delete":{"_index":"app","_id":"1"}}
{"index":{"_index":"app","_id":8}}
{"message":"three","_index":"spoofed"}
{"index":{"_index":"app","_id":8}}
{"message":"three"}`)
	want := "create 201 created, index 201 created, create 409 version_conflict_engine_exception, index 200 noop, create 400 document_parsing_exception, " +
		"create 400 document_parsing_exception, create 400 invalid_index_name_exception, create 400 action_request_validation_exception, " +
		"update 400 illegal_argument_exception, delete 400 illegal_argument_exception, index 400 document_parsing_exception, index 201 created"
	if status != http.StatusOK || out["errors"] != true || told(out) != want {
		t.Errorf("%d, errors %v:\n%s\nwant\n%s", status, out["errors"], told(out), want)
	}
	got := k.all()
	if len(got) != 3 {
		t.Fatalf("%d lines are kept", len(got))
	}
	if r := got[0]; r.Index != "app" || r.Owner != record.ServerOwner("app-01") || r.At() != noon {
		t.Errorf("kept %+v", r)
	}
	if r := got[1]; r.Owner != record.InstanceOwner("borealis") || r.Message != "two [masked]" || r.At() != noon.Add(-time.Hour) || r.DocumentID() != "7" {
		t.Errorf("kept %+v", r)
	}
	if first := out["items"].([]any)[0].(map[string]any)["create"].(map[string]any); first["_id"] != got[0].DocumentID() {
		t.Errorf("the made id is told as %v", first["_id"])
	}
}

func TestABulkThatMakesNoSenseIsRefusedWhole(t *testing.T) {
	in, k := open(t)
	for body, want := range map[string]string{
		"": "request body is required", "\n\n": "request body is required",
		`{"create":{"_index":"a"}}` + "\n{}\nnonsense":                       "Malformed action/metadata line [3], it is no JSON",
		`{"create":{"_index":"a"}}` + "\n{}\n[1]\n":                          "Malformed action/metadata line [3], expected an object",
		`{"create":{"_index":"a"}}` + "\n{}\n" + `{"upsert":{}}` + "\n{}\n":  "found [upsert]",
		`{"create":{"_index":"a"}}` + "\n{}\n" + `{"create":{"_index":"a"}}`: "Malformed action/metadata line [3], a document is missing",
		`{"create":7}`: "expected an object behind [create]",
	} {
		status, out := send(t, in.Elasticsearch(), "POST", "/_bulk", body)
		if reason := fmt.Sprint(out["error"]); status != http.StatusBadRequest || !strings.Contains(reason, want) {
			t.Errorf("%q: %d %s", body, status, reason)
		}
	}
	if got := k.all(); len(got) != 0 {
		t.Errorf("kept %+v", got)
	}
}

func TestLimitsAndFailuresAreTold(t *testing.T) {
	k := &keeper{}
	in := ingest.New(ingest.Options{To: k, Now: func() time.Time { return noon }, Body: 2000, Line: 1000, Route: func(s ingest.Sender, r *record.Record) { r.Owner = record.ServerOwner(s.Server) }})
	bulk := func(n int) string {
		return `{"create":{"_index":"a"}}` + "\n" + `{"message":"` + strings.Repeat("x", n) + `"}` + "\n"
	}
	if status, out := send(t, in.Elasticsearch(), "POST", "/_bulk", bulk(2000)); status != http.StatusRequestEntityTooLarge {
		t.Errorf("a large request: %d %v", status, out)
	}
	if _, out := send(t, in.Elasticsearch(), "POST", "/_bulk", bulk(1000)+bulk(1)); told(out) != "create 400 illegal_argument_exception, create 201 created" {
		t.Errorf("a large document: %s", told(out))
	}
	var z bytes.Buffer
	g := gzip.NewWriter(&z)
	_, _ = g.Write([]byte(bulk(500) + bulk(900) + bulk(900)))
	_ = g.Close()
	if status, out := send(t, in.Elasticsearch(), "POST", "/_bulk", z.String(), "Content-Encoding", "gzip"); status != http.StatusRequestEntityTooLarge {
		t.Errorf("a bomb: %d %v", status, out)
	}
	for encoding, want := range map[string]int{"gzip": 400, "zstd": 400, "snappy": 400, "br": 400} {
		if status, _ := send(t, in.Elasticsearch(), "POST", "/_bulk", bulk(1), "Content-Encoding", encoding); status != want {
			t.Errorf("plain text as %s: %d", encoding, status)
		}
	}
	k.fail = fmt.Errorf("memory: %w", ingest.ErrBusy)
	status, out := send(t, in.Elasticsearch(), "POST", "/_bulk", bulk(1)+bulk(2))
	if status != http.StatusOK || told(out) != "create 429 es_rejected_execution_exception, create 429 es_rejected_execution_exception" {
		t.Errorf("a busy store: %d %s", status, told(out))
	}
	k.fail = fmt.Errorf("the disk is full")
	if _, out := send(t, in.Elasticsearch(), "POST", "/_bulk", bulk(1)); told(out) != "create 503 unavailable_shards_exception" || !strings.Contains(fmt.Sprint(out), "disk is full") {
		t.Errorf("a full disk: %v", out)
	}
	if n := len(k.all()); n != 1 {
		t.Errorf("%d lines are kept", n)
	}
}

func TestSingleDocumentsAreWritten(t *testing.T) {
	in, k := open(t)
	for _, c := range []struct {
		method, path string
		status       int
		result       any
	}{
		{"POST", "/app/_doc", 201, "created"}, {"PUT", "/app/_doc/1", 201, "created"}, {"PUT", "/app/_doc/1", 200, "noop"},
		{"PUT", "/app/_create/1", 409, nil}, {"POST", "/app/_create/2", 201, "created"}, {"POST", "/App/_doc", 400, nil},
	} {
		status, out := send(t, in.Elasticsearch(), c.method, c.path, `{"message":"x"}`)
		if status != c.status || out["result"] != c.result {
			t.Errorf("%s %s: %d %v", c.method, c.path, status, out)
		}
	}
	if status, out := send(t, in.Elasticsearch(), "POST", "/app/_doc", ``); status != 400 {
		t.Errorf("no document: %d %v", status, out)
	}
	if n := len(k.all()); n != 3 {
		t.Errorf("%d lines are kept", n)
	}
}

func TestTimesThatCannotBeTrueAreKeptBesideTheHubs(t *testing.T) {
	in, k := open(t)
	for _, at := range []string{"2026-11-25T12:59:00Z", "2026-11-25T14:00:00Z", "2025-11-25T12:00:00Z", "2001-01-01T00:00:00Z"} {
		send(t, in.Elasticsearch(), "POST", "/app/_doc", `{"message":"x","@timestamp":"`+at+`"}`)
	}
	for i, skewed := range []bool{false, true, false, true} {
		r := k.all()[i]
		sent, has := r.Get(record.Sent)
		if has != skewed || skewed != r.At().Equal(noon) || skewed && sent.Kind != record.Moment {
			t.Errorf("line %d is %+v", i, r)
		}
	}
}

func TestATokenWritesOnlyForItsOwners(t *testing.T) {
	in, k := open(t)
	ctx := ingest.With(t.Context(), ingest.Sender{Server: "app-01", Owners: func(o record.Owner) bool { return o.Kind == record.OwnerServer }})
	r := httptest.NewRequestWithContext(ctx, "POST", "/_bulk", strings.NewReader(`{"create":{"_index":"borealis"}}
{"message":"x"}
{"create":{"_index":"app"}}
{"message":"y"}
`))
	w := httptest.NewRecorder()
	in.Elasticsearch().ServeHTTP(w, r)
	if got := k.all(); len(got) != 1 || got[0].Message != "y" || !strings.Contains(w.Body.String(), "security_exception") {
		t.Errorf("kept %+v, answered %s", got, w.Body)
	}
}

// TestTheOfficialClientShipsThousands has the bulk indexer of the official Go
// client send with several workers, compressed.
func TestTheOfficialClientShipsThousands(t *testing.T) {
	in, k := open(t)
	s := httptest.NewServer(in.Elasticsearch())
	defer s.Close()
	es, err := elasticsearch.NewClient(elasticsearch.Config{Addresses: []string{s.URL}, CompressRequestBody: true})
	if err != nil {
		t.Fatal(err)
	}
	bulk, err := esutil.NewBulkIndexer(esutil.BulkIndexerConfig{Client: es, Index: "app", NumWorkers: 4, FlushBytes: 20_000})
	if err != nil {
		t.Fatal(err)
	}
	const n = 5000
	var refused atomic.Int64
	for i := range n {
		doc := fmt.Sprintf(`{"message":"line %d","@timestamp":"2026-11-25T11:00:00.%06dZ"}`, i, i)
		if i%100 == 0 {
			doc = `{"@timestamp":"never"}`
		}
		err := bulk.Add(t.Context(), esutil.BulkIndexerItem{Action: "create", Body: strings.NewReader(doc), OnFailure: func(_ context.Context, _ esutil.BulkIndexerItem, r esutil.BulkIndexerResponseItem, err error) {
			if err == nil && r.Error.Type == "document_parsing_exception" {
				refused.Add(1)
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := bulk.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	stats := bulk.Stats()
	if got := len(k.all()); got != n-n/100 || refused.Load() != n/100 || stats.NumFailed != n/100 || stats.NumCreated != uint64(got) {
		t.Errorf("%d lines are kept, %d refused; the client counts %+v", got, refused.Load(), stats)
	}
}

func TestLinesOfJSONAreTakenAndToldByNumber(t *testing.T) {
	in, k := open(t)
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/?index=app", strings.NewReader("{\"message\":\"a\"}\n\nnonsense\n{\"message\":\"b\"}"))
	w := httptest.NewRecorder()
	in.NDJSON(w, r)
	var out struct {
		Taken, Refused int
		Errors         []struct{ Line int }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || w.Code != 400 || out.Taken != 2 || out.Refused != 1 || len(out.Errors) != 1 || out.Errors[0].Line != 3 {
		t.Errorf("%d %s, %v", w.Code, w.Body, err)
	}
	if got := k.all(); len(got) != 2 || got[1].Message != "b" || got[0].Index != "app" {
		t.Errorf("kept %+v", got)
	}
}

func FuzzABulkNeverLosesSilently(f *testing.F) {
	f.Add(`{"create":{"_index":"app"}}` + "\n" + `{"message":"x"}` + "\n")
	f.Add(`{"index":{"_id":"1"}}` + "\n" + `{"a":[1,{"b":2}]}` + "\n\n" + `{"delete":{"_index":"a","_id":"1"}}`)
	f.Fuzz(func(t *testing.T, body string) {
		in, k := open(t)
		status, out := send(t, in.Elasticsearch(), "POST", "/app/_bulk", body)
		kept := len(k.all())
		if status != http.StatusOK {
			if kept != 0 {
				t.Errorf("%d, and %d lines are kept", status, kept)
			}
			return
		}
		created, failed := 0, 0
		for _, one := range out["items"].([]any) {
			for _, v := range one.(map[string]any) {
				switch v := v.(map[string]any); {
				case v["error"] != nil:
					failed++
				case v["result"] == "created":
					created++
				}
			}
		}
		if created != kept || out["errors"] != (failed > 0) {
			t.Errorf("%d lines are kept, the answer tells %d created, %d failed, errors %v", kept, created, failed, out["errors"])
		}
	})
}

func BenchmarkBulk(b *testing.B) {
	in := ingest.New(ingest.Options{To: nowhere{}, Route: func(_ ingest.Sender, r *record.Record) { r.Owner = record.ServerOwner("app-01") }})
	var body strings.Builder
	const n = 2000
	for i := range n {
		fmt.Fprintf(&body, `{"create":{"_index":"logs"}}
{"_time":"2026-11-25T10:00:00.%06dZ","_msg":"10.1.2.3 - - [25/Nov/2026:10:00:00 +0000] \"GET /api/v1/reports/77 HTTP/1.1\" 200 1234 \"-\" \"curl/8.5.0\" 0.031","instance":"cust07","host":"node07","app":"nginx","status":200,"method":"GET","path":"/api/v1/reports/77","client_ip":"10.1.2.3","bytes":1234,"request_time":"0.031","user_agent":"curl/8.5.0"}
`, i)
	}
	h, text := in.Elasticsearch(), body.String()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(b.Context(), "POST", "/_bulk", strings.NewReader(text)))
		if w.Code != http.StatusOK {
			b.Fatal(w.Body)
		}
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "lines/s")
}

// nowhere takes everything and keeps nothing.
type nowhere struct{}

func (nowhere) Append(_ context.Context, b record.Batch) ([]record.Outcome, error) {
	for i := range b.Records {
		b.Records[i].Seq = uint64(i + 1)
	}
	return make([]record.Outcome, len(b.Records)), nil
}
